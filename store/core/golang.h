/* golang.h - the paths and texts of Go's module proxy protocol (go.dev/ref/mod#goproxy-protocol)
 * and of checksum databases (#checksum-database).  Pure.
 *
 *     example.com/!azure/x/@v/list                versions, one a line
 *     example.com/!azure/x/@latest                {"Version": "v1.2.3", "Time": …}
 *     example.com/!azure/x/@v/v1.2.3.info         the same, of that version
 *     example.com/!azure/x/@v/v1.2.3.mod          its go.mod
 *     example.com/!azure/x/@v/v1.2.3.zip          its files
 *     sumdb/NAME/supported                        200: NAME is proxied
 *     sumdb/NAME/latest                           the signed head of its tree
 *     sumdb/NAME/lookup/example.com/!azure/x@v1.2.3
 *     sumdb/NAME/tile/8/0/x001/234.p/5
 *
 * An upper-case letter travels as '!' and the lower-case one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "store/core/path.h"

enum golang_kind {
    GOLANG_LIST,
    GOLANG_LATEST,
    GOLANG_INFO,
    GOLANG_MOD,
    GOLANG_ZIP,
    GOLANG_SUMDB_SUPPORTED,
    GOLANG_SUMDB_LATEST,
    GOLANG_SUMDB_LOOKUP,
    GOLANG_SUMDB_TILE,
};

enum { GOLANG_VERSION_MAX = 255, GOLANG_SUMDB_MAX = 128, GOLANG_SUM_MAX = 64 };

struct golang_path {
    enum golang_kind kind;
    char module[ITEM_PATH_MAX + 1]; /* as in go.mod */
    char folder[ITEM_PATH_MAX + 1]; /* as it travels: "example.com/!azure/x/@v" */
    char version[GOLANG_VERSION_MAX + 1];
    char sumdb[GOLANG_SUMDB_MAX + 1];
};

/* An item's path, decoded; false: it is none of these. */
bool golang_path_parse(const char *path, struct golang_path *ret);
/* What lies there never changes: files of a canonical version, lookups and tiles. */
bool golang_is_immutable(const struct golang_path *path);
/* As it travels; false: no room, or not a module's path or version. */
bool golang_escape(const char *text, char *ret, size_t room);

/* "v1.2.3", "v1.2.3-pre.1", "v2.0.0+incompatible": a version as go.mod names it. */
bool golang_version_is_canonical(const char *version);
/* Made from a commit: "v0.0.0-20160726164857-2910a502d2bf". */
bool golang_version_is_pseudo(const char *version);
/* By precedence (semver.org, 11); canonical ones only. */
int golang_version_compare(const char *a, const char *b);
/* Is `a` more what @latest means?  A release before a pre-release before a pseudo-version. */
bool golang_version_is_later(const char *a, const char *b);

/* The sum "h1:…" of the module's zip in a lookup's answer; false: it tells none. */
bool golang_lookup_sum(const char *text, size_t len, const char *module, const char *version,
                       char ret[GOLANG_SUM_MAX]);
/* Patterns as GOPRIVATE has them: with commas between, each matches a module whose path begins
 * with as many elements ('*' and '?' within one). */
bool golang_matches(const char *patterns, const char *module);
