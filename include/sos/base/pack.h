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

/* Archive of the sealed `tree`, its bytes taken from `blobs`.  -ERR_NOT_FOUND when one is missing;
 * what `write` stopped with when that is a negative code. */
int pack_tree(const struct tree *tree, struct blobs *blobs, int64_t epoch_s, pack_write_fn write,
              void *ctx, struct err *err);

struct unpack_limits {
    int64_t bytes_max; /* of all files */
    int64_t files_max;
    int64_t ratio_max; /* unpacked to packed, once 16 MiB came out; 0: whatever */
};

/* Unpack an archive file (tar in one zstd frame, window up to 8 MiB) into the folder `dirfd`.  Only
 * regular files, folders and links that tree_link_check() takes; every path is resolved on disk
 * beneath `dirfd`, element by element, never by string (openat2: Linux 5.6 or newer).  Modes become
 * 644 or 755, owners uid:gid (-1 keeps), times of files are those of the archive.
 * -ERR_INVALID with the reason ARCHIVE_UNSAFE for an unsafe entry and ARCHIVE_DAMAGED for bytes
 * that are no archive, cut short or followed by something; -ERR_LIMIT with ARCHIVE_TOO_BIG.  What
 * was written before it stays (the caller throws the folder away). */
int unpack_tree(int archive_fd, int dirfd, const struct unpack_limits *limits, int uid, int gid,
                struct err *err);
