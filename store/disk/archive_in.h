/* archive_in.h - an archive that somebody put, opened for libarchive to read: told by its first
 * bytes, and bounded where libarchive is not.
 *
 *   zip    its list of files is held to zip_list_check() before it is read
 *   zstd   undone here, so that its window (8 MiB) and its ratio have caps; a tar is in it
 *   else   a tar, plain or in gzip or bzip2, whose windows are small */
#pragma once
#include <archive.h>
#include <stdint.h>

#include "common/base/zstd_in.h"
#include "sos/base/err.h"

struct archive_in {
    struct archive *archive; /* NULL: not opened yet */
    int64_t size_bytes;      /* packed */
    int fd;                  /* borrowed */
    struct zstd_in zstd;
    ZSTD_inBuffer in;
    char *packed;
    char *block;    /* unpacked of it */
    struct err err; /* of reading; no code: none */
};

/* `in` is zeroed; `fd` outlives it.  Then archive_in_done(), whatever this returns.
 * -ERR_INVALID: it is no such archive; -ERR_LIMIT: a zip with too long a list; -ERR_IO. */
int archive_in_open(struct archive_in *in, int fd, int64_t ratio_max, struct err *err);
void archive_in_done(struct archive_in *in);
/* After something of libarchive failed: what it was, as an error. */
int archive_in_fault(const struct archive_in *in, struct err *err);
