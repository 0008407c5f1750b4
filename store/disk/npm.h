/* npm.h - a package of a local npm repository, read from and written to the index.
 *
 * A version is a tarball `NAME/-/FILE.tgz` with its manifest `.npm/NAME/VERSION.json`; both are
 * ordinary items, put in one transaction.  Tags and deprecations are properties of the tarball.
 * The document is made of these when it is asked for, so that no publication can undo another's.
 *
 * Everything blocks.  What changes is called on the writer's strand. */
#pragma once
#include <jansson.h>

#include "sos/base/blob.h"
#include "store/core/npm_doc.h"
#include "store/disk/index.h"

struct npm_row {
    char version[NPM_VERSION_MAX + 1];
    char manifest[SHA256_HEX]; /* its blob */
    char tarball[SHA256_HEX];
    int64_t created_ms;
    int64_t updated_ms;
    char *deprecated; /* owned; NULL */
};

struct npm_tag {
    char tag[NPM_TAG_MAX + 1];
    size_t row;
};

struct npm_package {
    char repo[REPO_KEY_MAX + 1];
    char name[NPM_NAME_MAX + 1];
    char rev[NPM_REV_MAX + 1]; /* of all below: changes with any of it */
    struct npm_row *rows;      /* owned; as they were published */
    size_t rows_count;
    struct npm_tag *tags; /* owned */
    size_t tags_count;
};

/* Everything but the manifests.  -ERR_NOT_FOUND: it has no version here; -ERR_LIMIT: more than
 * NPM_VERSIONS_MAX.  The caller calls npm_package_done() only after 0. */
int npm_package_load(struct db *db, const char *repo, const char *name, struct npm_package *ret,
                     struct err *err);
void npm_package_done(struct npm_package *package);
/* NULL: no such version. */
const struct npm_row *npm_package_row(const struct npm_package *package, const char *version);
/* The version a tag stands for; `latest` always stands for one. */
const struct npm_row *npm_package_tagged(const struct npm_package *package, const char *tag);
/* The full document, with the manifests read from `blobs`; gives *ret. */
int npm_package_doc(const struct npm_package *package, struct blobs *blobs, const char *package_url,
                    json_t **ret, struct err *err);
/* One version's manifest; gives *ret. */
int npm_package_manifest(const struct npm_package *package, const struct npm_row *row,
                         struct blobs *blobs, const char *package_url, json_t **ret,
                         struct err *err);
/* {"latest": "1.0.0"}; gives. */
json_t *npm_package_tags(const struct npm_package *package);

/* --- changing --- */

struct npm_put {
    const char *repo;
    const char *name;
    const struct npm_publication *publication;
    const struct digests *tarball; /* durable blobs */
    const struct digests *manifest;
    const char *user;
    int64_t now_ms;
};
/* A version with its tags; the first one of a package is `latest` whatever it is called.
 * -ERR_DENIED: that version is here with other bytes. */
int npm_put(struct db *db, const struct npm_put *put, struct freed *freed, struct err *err);
/* Let the tag stand for the version (NULL: for none).  -ERR_NOT_FOUND: there is none. */
int npm_tag_set(struct db *db, const char *repo, const char *name, const char *tag,
                const char *version, int64_t now_ms, struct err *err);
/* What npm deprecate and npm unpublish send: the whole document, changed.  Deprecations become what
 * it says, tags too; with `remove` the versions that it lacks go.  *ret_rev is the revision after
 * it; "": nothing is left.  -ERR_CONFLICT: `rev` is told ("" is not) and no longer current. */
int npm_update(struct db *db, const char *repo, const char *name, const json_t *doc,
               const char *rev, bool remove, int64_t now_ms, char ret_rev[NPM_REV_MAX + 1],
               struct freed *freed, struct err *err);
/* One version, or all (NULL).  -ERR_NOT_FOUND; -ERR_CONFLICT (npm_update). */
int npm_remove(struct db *db, const char *repo, const char *name, const char *version,
               const char *rev, struct freed *freed, struct err *err);

/* The names of a repository's packages that hold `text` (lower case), by name, from `offset` on at
 * most `max`; *ret_total counts all. */
typedef void (*npm_name_fn)(void *ctx, const char *name);
int npm_names(struct db *db, const char *repo, const char *text, int64_t offset, int64_t max,
              npm_name_fn each, void *ctx, int64_t *ret_total, struct err *err);
