/* pack.h - a source tree as one deterministic archive (tar in zstd), and back.
 *
 * The same tree gives the same bytes: entries in manifest order, owner 0, one
 * fixed time (the caller's epoch), modes 644/755.  libarchive writes and reads. */
#pragma once
#include <stdint.h>

#include "sos/base/blob.h"
#include "sos/base/err.h"
#include "sos/base/tree.h"

/* Called with the next bytes; non-zero stops. */
typedef int (*pack_write_fn)(void *ctx, const void *data, size_t len);

/* Archive of `tree`, its bytes taken from `blobs`. */
int pack_tree(const struct tree *tree, struct blobs *blobs, int64_t epoch_s, pack_write_fn write,
              void *ctx, struct err *err);

struct unpack_limits {
    int64_t bytes_max;     /* of all files */
    int64_t files_max;
    int64_t ratio_max;     /* unpacked to packed, once 16 MiB came out */
};

/* Unpack an archive file into the folder `dirfd`.  Only regular files, folders
 * and relative links that stay inside; every path is resolved on disk beneath
 * `dirfd`, element by element, never by string.  Set-uid bits are dropped.
 * Files get owner uid:gid (-1 keeps) .  An unsafe entry is ERR_INVALID with the
 * reason ARCHIVE_UNSAFE; what was written before it stays (the caller throws the
 * folder away). */
int unpack_tree(int archive_fd, int dirfd, const struct unpack_limits *limits, int uid, int gid,
                struct err *err);
