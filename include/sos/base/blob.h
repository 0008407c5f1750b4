/* blob.h - content-addressed files: DIR/ab/cdef… named by their SHA-256.
 *
 *   writer: temp file in DIR/tmp --write…--> fsync --link--> blob, fsync(folder)
 *
 * A blob is immutable and a name that exists is whole: a crash leaves only temp
 * files, removed by the next blobs_open().  One process owns a DIR; its
 * functions block and may be called from any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"

struct blobs;
struct blob_writer;

/* Makes DIR when it is not there.  -ERR_CONFLICT when another process has it (flock, DIR/lock). */
int blobs_open(const char *dir, struct blobs **ret, struct err *err);
void blobs_close(struct blobs *blobs); /* after every writer; NULL is fine */

bool blobs_have(struct blobs *blobs, const char *sha256);
/* Its bytes; -1 when it is not there. */
int64_t blobs_size(struct blobs *blobs, const char *sha256);
/* Open to read; the caller owns *ret_fd.  `ret_size` may be NULL. */
int blobs_read(struct blobs *blobs, const char *sha256, int *ret_fd, int64_t *ret_size,
               struct err *err);
/* The caller sees to it that nobody commits the same bytes meanwhile. */
int blobs_remove(struct blobs *blobs, const char *sha256, struct err *err);
/* Bytes free on the file system for ordinary use; -1 when that cannot be told. */
int64_t blobs_free_bytes(struct blobs *blobs);
/* A sync failed: nobody knows what is on disk, and nothing more is taken.  End the program, so that
 * it is started again. */
bool blobs_are_broken(struct blobs *blobs);

/* A new blob on its way in; borrows `blobs`.  Hashes all three digests while
 * writing.  ERR_FULL when the disk is. */
int blob_begin(struct blobs *blobs, struct blob_writer **ret, struct err *err);
int blob_write(struct blob_writer *writer, const void *data, size_t len, struct err *err);
/* A descriptor (the caller's) of what was written so far and will be; it stays good after the end,
 * whatever that is. */
int blob_follow(struct blob_writer *writer, int *ret_fd, struct err *err);
/* No more bytes will come: tell their digests before anything is kept.  Then blob_commit() or
 * blob_abort().  Optional: blob_commit() does it when it was not done. */
void blob_seal(struct blob_writer *writer, struct digests *ret);
/* Seals, and -ERR_INVALID (reason DIGEST_MISMATCH) when the bytes are others. */
int blob_check(struct blob_writer *writer, const char *want_sha256, struct digests *ret,
               struct err *err);
/* Durable when it returns 0.  `want_sha256` (may be NULL): as blob_check(), and nothing is kept.
 * Bytes that are there already cost no second copy.  Takes the writer, whatever it returns. */
int blob_commit(struct blob_writer *writer, const char *want_sha256, struct digests *ret,
                struct err *err);
/* The same for many of one DIR, which costs far less than one by one.  When it fails some may be
 * there: whole, but perhaps not for long.  Takes them all, whatever it returns. */
int blob_commit_all(struct blob_writer *const *writers, size_t count, struct err *err);
void blob_abort(struct blob_writer *writer); /* takes it; NULL is fine */
