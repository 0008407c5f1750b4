/* aql.h - a query of the Artifactory Query Language as a tree.
 *
 *     items.find({"repo": "a", "$or": [{"name": {"$match": "*.jar"}}, {"@k": "v"}]})
 *         .include("name", "property").sort({"$desc": ["created"]}).limit(5)
 *
 *                      AND
 *            /          |         \
 *     repo EQ "a"       OR     (type EQ file: the default, told by `any_type`)
 *                     /    \
 *       name MATCH "*.jar"  @k EQ "v"
 *
 * Criteria are lists of pairs in which a key may come twice; all of an object must hold.  What a
 * criterion on a property, a build or a download count says of the many that an item may have:
 * one of them holds it; $ne and $nmatch: none of them is (so that an item without any has it).
 * All criteria of one object on builds are about one and the same build, those in a $msp about one
 * and the same property.
 *
 * Source: JFrog's documentation of AQL, and what its clients send. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "store/core/aql_field.h"

enum {
    AQL_DEPTH_MAX = 16,  /* objects inside of each other */
    AQL_TERMS_MAX = 400, /* criteria of a query, objects in lists counted too */
    AQL_SORT_MAX = 8,
    AQL_KEYS_MAX = 32, /* include("@key") */
};

enum aql_op { AQL_EQ, AQL_NE, AQL_GT, AQL_GTE, AQL_LT, AQL_LTE, AQL_MATCH, AQL_NMATCH, AQL_OPS };

enum aql_kind { AQL_AND, AQL_OR, AQL_MSP, AQL_TERM };

struct aql_node {
    enum aql_kind kind;
    struct aql_node *children; /* owned; not of a term */
    struct aql_node *next;     /* its sibling */

    /* Of a term. */
    enum aql_field field;
    char *key; /* AQL_AT_KEY: the property's, "*" is any; else NULL */
    enum aql_op op;
    bool null;      /* EQ or NE, with null */
    char *text;     /* of a text field; else NULL */
    int64_t number; /* of the others: a number, milliseconds since 1970, enum aql_item_type */
};

struct aql_query {
    enum aql_domain domain;
    struct aql_node *root; /* an AND; owned, as all below */
    bool typed;            /* a criterion names the type; else only files are meant */

    bool shown[AQL_FIELDS]; /* fields of a row, the default ones included */
    bool properties;        /* all of them are shown … */
    char *keys[AQL_KEYS_MAX];
    size_t keys_count; /* … or those of these keys */

    enum aql_field sort[AQL_SORT_MAX];
    size_t sort_count;
    bool descending;
    int64_t offset;
    int64_t limit; /* -1: none */
};

/* Parse `len` bytes; relative dates are counted back from `now_ms`.  On success the caller owns
 * *ret.  -ERR_INVALID: the text says what is wrong, and where. */
int aql_parse(const char *text, size_t len, int64_t now_ms, struct aql_query **ret,
              struct err *err);
void aql_free(struct aql_query *query); /* may be NULL */

/* To make a query of one's own: shows the default fields, has an empty root. */
struct aql_query *aql_new(enum aql_domain domain);
/* Append a node below `parent` (which owns it) and give it. */
struct aql_node *aql_add(struct aql_node *parent, enum aql_kind kind);
struct aql_node *aql_add_text(struct aql_node *parent, enum aql_field field, enum aql_op op,
                              const char *text);
struct aql_node *aql_add_property(struct aql_node *parent, const char *key, enum aql_op op,
                                  const char *value);

/* What says of a repository of others that it is (not) it says it of those: `members` gives them,
 * "a+b" (store/core/repo.h), NULL when it is none. */
void aql_expand_repos(struct aql_query *query, const char *(*members)(void *ctx, const char *repo),
                      void *ctx);

/* Does the text match, '*' being any characters and '?' any one? */
bool aql_match(const char *pattern, const char *text);
