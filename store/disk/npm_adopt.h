/* npm_adopt.h - tarballs that came by another way than publishing: a plain PUT, a copy or a move,
 * an archive.  They become versions when their package is asked for the next time.
 *
 *   npm_strays (reader) --> npm_stray_read (any): its package.json --> npm_adopt (writer)
 *
 * A stray is one without a manifest, or with one that is older than its bytes.  What cannot be a
 * version has the property NPM_PROP_REFUSED, which says why, until its bytes are replaced. */
#pragma once
#include "store/disk/npm.h"
#include "store/disk/pins.h"

#define NPM_PROP_REFUSED "npm.refused"

struct npm_stray {
    char version[NPM_VERSION_MAX + 1];
    char sha256[SHA256_HEX];
    char sha1[SHA1_HEX];
    char user[AUTH_SUBJECT_MAX]; /* who put it */
    int64_t modified_ms;
    struct digests manifest; /* durable and pinned; "": it was not read, or … */
    char refused[sizeof((struct err *)NULL)->text]; /* … cannot be a version */
};

/* At most `max` of them; how many, or an error. */
int npm_strays(struct db *reader, const char *repo, const char *name, int max,
               struct npm_stray *ret, struct err *err);
/* Make its manifest.  0 also when it is refused; pinned until npm_stray_end(). */
int npm_stray_read(struct npm_stray *stray, const char *name, struct blobs *blobs,
                   struct pins *pins, struct err *err);
/* Record the manifest, or that it is refused; the tarball may be gone, or another, meanwhile. */
int npm_adopt(struct db *writer, const char *repo, const char *name, const struct npm_stray *stray,
              int64_t now_ms, struct freed *freed, struct err *err);
void npm_stray_end(struct npm_stray *stray, struct pins *pins);
