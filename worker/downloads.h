/* downloads.h - what a build got through its gateway, and what lay in its cache already: the
 * record of its dependencies.
 *
 * A cache is filled by earlier builds of the project, so their record is kept with it: a build's
 * record is what it downloaded and what any build had put into the cache that it found.  That may
 * be more than it used, never less; what is only there is marked `cached`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"

enum {
    DOWNLOADS_MAX = 50000,          /* of one build */
    DOWNLOADS_BYTES_MAX = 32 << 20, /* of a record: half of its room's disk */
    DOWNLOADS_TROUBLES_MAX = 20,    /* told in a build's log */
};

struct download {
    char *repository;
    char *url; /* below the store, with nothing encoded: "/api/npm/REPOSITORY/x/-/x-1.0.tgz" */
    int64_t size_bytes;
    char sha256[SHA256_HEX]; /* "": it was begun and not taken to its end */
    bool metadata;
    bool cached;
};

struct downloads {
    struct download *all; /* owned */
    size_t count, cap;
    bool over;                              /* there were more than go on record */
    char *troubles[DOWNLOADS_TROUBLES_MAX]; /* "refused 405 POST /artifactory/…"; owned */
    size_t troubles_count;                  /* of all, also of those not kept */
};

void downloads_done(struct downloads *downloads);
/* Add what a gateway's record says (gateway/record.h), each once; a line that is none is passed
 * over.  What is more than DOWNLOADS_MAX then is left out, and it is `over`. */
void downloads_parse(struct downloads *downloads, const char *text, size_t len);
/* The same from its file, which must be a plain one; a full one is `over`. */
int downloads_read(struct downloads *downloads, const char *path, struct err *err);
/* Add the files of an earlier record, as cached, each once, as downloads_parse() does. */
void downloads_join(struct downloads *downloads, const struct downloads *earlier);
/* The files, in the form that downloads_parse() reads (gives; free()); NULL: not all are there, or
 * they are more than a record holds. */
char *downloads_text(const struct downloads *downloads, size_t *ret_len);
/* Below its repository (borrowed). */
const char *download_path(const struct download *download);
