/* path.h - where an item is: repository, folder and name, from a request's path.
 *
 *     /sos-dev-local/a/b%20c.bin;k=v   ->  "sos-dev-local", "a/b c.bin", and k=v
 *
 * Percent escapes are decoded, a plus sign stays one, doubled slashes count once,
 * a slash at the end means a folder.  What begins at the first ';' is matrix
 * parameters. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/err.h"
#include "store/core/props.h"

enum {
    REPO_KEY_MAX = 64,
    ITEM_PATH_MAX = 1024,
    ITEM_NAME_MAX = 255,
    ITEM_DEPTH_MAX = 64,
};

struct item_path {
    char repo[REPO_KEY_MAX + 1];
    char path[ITEM_PATH_MAX + 1]; /* "a/b c.bin"; "" is the repository's root */
    bool folder;                  /* it ended in a slash, or is the root */
};

/* `raw` is "/repo/path;k=v", NUL-terminated (the first slash may lack).  `ret_props` may be NULL:
 * matrix parameters are then dropped unread; else it was inited and stays the caller's.
 * -ERR_INVALID: bad escapes, control bytes, bad UTF-8, a "." or ".." element, a backslash, an
 * archive entry ("!/"), a repository key that cannot be; -ERR_LIMIT: too long or too deep. */
int item_path_parse(const char *raw, struct item_path *ret, struct props *ret_props,
                    struct err *err);
/* The same for text that is not encoded, without matrix parameters (?to=). */
int item_path_check(const char *text, struct item_path *ret, struct err *err);

/* [a-z0-9A-Z][a-zA-Z0-9._-]*, and not a name of the API. */
bool repo_key_is_valid(const char *key);

const char *item_name(const struct item_path *item); /* "b c.bin"; "" for the root */
/* The folder it is in: the length of that part of `path`, without a slash at the end. */
size_t item_parent_len(const struct item_path *item);

enum sidecar { SIDECAR_NONE, SIDECAR_SHA1, SIDECAR_MD5, SIDECAR_SHA256 };
/* Is it the checksum file of another (x.sha1, x.md5, x.sha256)?  Then *ret is that other. */
enum sidecar item_sidecar(const struct item_path *item, struct item_path *ret);
/* In the folder of an npm repository where the store keeps manifests and documents. */
bool item_is_npm_own(const struct item_path *item);
/* maven-metadata.xml, which no overwrite rule protects. */
bool item_is_maven_metadata(const struct item_path *item);
