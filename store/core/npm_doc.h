/* npm_doc.h - a package's document, put together of its versions' manifests and taken apart.
 *
 * Full, as npm view, deprecate and unpublish read it; abbreviated (install-v1), as npm install
 * does: github.com/npm/registry, docs/responses/package-metadata.md. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "store/core/npm.h"

enum {
    NPM_TAGS_MAX = 64,          /* that one version has */
    NPM_VERSIONS_MAX = 10000,   /* of one package */
    NPM_MANIFEST_MAX = 1 << 20, /* as we keep it */
    NPM_INTEGRITY_MAX = 160,
    NPM_MESSAGE_MAX = PROP_VALUE_MAX,
};

/* --- what npm publish sends --- */

struct npm_publication {
    char version[NPM_VERSION_MAX + 1];
    json_t *manifest;                  /* owned; without dist.tarball, which is told when asked */
    char integrity[NPM_INTEGRITY_MAX]; /* "sha512-…"; "" */
    char shasum[SHA1_HEX];             /* "" */
    char tags[NPM_TAGS_MAX][NPM_TAG_MAX + 1];
    size_t tags_count;
};
/* Of the version whose tarball comes as `attachment` ("name-1.0.0.tgz").  -ERR_INVALID: the name
 * is not `name`, there is no such version, or something in it cannot be. */
int npm_publication_read(const json_t *doc, const char *name, const char *attachment,
                         struct npm_publication *ret, struct err *err);
void npm_publication_done(struct npm_publication *publication);

/* The hash of that kind in integrity metadata ("sha512-… sha1-…"; w3.org/TR/SRI): its base64. */
bool npm_integrity_find(const char *integrity, const char *kind, char ret[NPM_INTEGRITY_MAX]);

/* --- a document --- */

struct npm_entry {
    const char *version;
    const char *deprecated; /* NULL: it is not */
    int64_t created_ms;
    int64_t modified_ms;
};

/* An empty one. */
json_t *npm_doc_new(const char *name);
/* Add a version with its manifest (taken); `package_url` is "…/api/npm/REPO/name". */
void npm_doc_add(json_t *doc, const struct npm_entry *entry, json_t *manifest,
                 const char *package_url);
void npm_doc_tag(json_t *doc, const char *tag, const char *version);
/* When all are in: `latest` where no tag says it (the highest one, no prerelease if there is
 * another), and what the document tells of it (readme, description …). */
void npm_doc_finish(json_t *doc);
/* Add what `doc` lacks of `other`: versions, times, tags and what else it tells. */
void npm_doc_merge(json_t *doc, const json_t *other);
/* A new document, of what install needs. */
json_t *npm_doc_abbreviated(const json_t *doc);
/* The manifest of a version or a tag; borrowed.  NULL: there is none. */
json_t *npm_doc_version(const json_t *doc, const char *version_or_tag);
/* Replace each dist.tarball by what it is below `package_url`. */
void npm_doc_rewrite(json_t *doc, const char *package_url);
/* The same of one version's manifest. */
void npm_manifest_rewrite(json_t *manifest, const char *name, const char *package_url);

enum { NPM_TARBALL_URL_MAX = 2048 };
/* What a manifest tells of its tarball. */
struct npm_dist {
    char integrity[NPM_INTEGRITY_MAX]; /* of sha512; "": none is told */
    char shasum[SHA1_HEX];             /* "" */
    char url[NPM_TARBALL_URL_MAX];     /* "" */
};
/* -ERR_CONFLICT: it promises nothing of the bytes. */
int npm_dist_read(const json_t *manifest, struct npm_dist *ret, struct err *err);
/* "{package_url}/-/name-1.0.0.tgz", percent-encoded; gives. */
char *npm_tarball_url(const char *package_url, const char *name, const char *version);
