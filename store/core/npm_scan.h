/* npm_scan.h - JSON that is too big to be held, read as it comes.
 *
 *   bytes --> scan --text--> all but the strings that are wanted
 *                \--taken-> the bytes of a wanted string, then `end`, which may give text for it
 *
 * Two documents need it: the one that `npm publish` sends, with the tarball in base64 inside, and
 * the registry's answer about a package (tens of MB), in which each tarball's address is replaced.
 * It knows strings, keys and nesting and trusts the rest: what must be right is read again by a
 * real parser, or by the client. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

enum { NPM_SCAN_KEYS = 4, NPM_SCAN_KEY_MAX = 255, NPM_SCAN_DEPTH_MAX = 256 };

struct npm_scan;
/* A string begins whose path is scan->keys[0 .. depth - 1], all of them objects; raw, as in the
 * JSON, and "" for a key longer than NPM_SCAN_KEY_MAX. */
typedef bool (*npm_scan_wants_fn)(void *ctx, const struct npm_scan *scan);
typedef int (*npm_scan_text_fn)(void *ctx, const char *text, size_t len, struct err *err);
typedef int (*npm_scan_end_fn)(void *ctx, const struct npm_scan *scan, struct err *err);

struct npm_scan {
    npm_scan_wants_fn wants;
    npm_scan_text_fn text;  /* what is not wanted; the quotes of what is, too */
    npm_scan_text_fn taken; /* raw: escapes are as they came */
    npm_scan_end_fn end;
    void *ctx;

    int depth; /* objects and arrays that are open */
    char keys[NPM_SCAN_KEYS][NPM_SCAN_KEY_MAX + 1];
    /* Its own. */
    bool is_object[NPM_SCAN_DEPTH_MAX];
    size_t key_len;
    bool key_next; /* the next string is a key */
    bool in_string;
    bool in_key;
    bool in_wanted;
    bool escaped; /* the byte before was a backslash */
};

/* Zeroed but for the functions and ctx to start with.  -ERR_LIMIT: too deep, or what a function
 * returned.  After a failure it is of no use. */
int npm_scan_feed(struct npm_scan *scan, const char *data, size_t len, struct err *err);
/* All that was opened is closed. */
bool npm_scan_is_whole(const struct npm_scan *scan);
