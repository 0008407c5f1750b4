/* props.h - properties of an item: an ordered list of key and value pairs.  A key
 * may have several values.
 *
 * Sources: matrix parameters and ?properties= as JFrog documents them; the key
 * rule is Artifactory's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/err.h"

enum { PROPS_MAX = 256, PROP_KEY_MAX = 255, PROP_VALUE_MAX = 4096 };

struct prop {
    char *key;
    char *value; /* may be "" */
};

struct props {
    struct prop *list; /* owned, as what it points to */
    size_t count;
};

void props_init(struct props *props);
void props_done(struct props *props);
bool prop_key_is_valid(const char *key);
/* Copies.  A pair that is there already is kept once.  -ERR_INVALID: the key; -ERR_LIMIT. */
int props_add(struct props *props, const char *key, const char *value, struct err *err);

/* Of these parsers, on failure, what was added stays: the caller calls props_done() anyway. */

/* Matrix parameters "k=v;k=v2;flag", still encoded; a plus sign is a space. */
int props_parse_matrix(const char *raw, size_t len, struct props *ret, struct err *err);
/* The value of ?properties= of a PUT, "k=v1,v2;k2=v3", still encoded.  After decoding it is split
 * at ';' or '|' and at ','; a backslash takes the next character as it is. */
int props_parse_query(const char *raw, size_t len, struct props *ret, struct err *err);
/* The value of ?properties= of a GET or DELETE, "k,k2": keys with empty values. */
int props_parse_keys(const char *raw, size_t len, struct props *ret, struct err *err);
