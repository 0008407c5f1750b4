/* blobstream.h - many blobs in one zstd stream: the body of PUT …/blobs.
 *
 * Inside the zstd frame, for each blob: "<sha256> <size>\n" and its bytes. */
#pragma once
#include <stdint.h>

#include "sos/base/blob.h"
#include "sos/base/err.h"
#include "sos/base/pack.h"

/* Writing side (client).  After a failure the stream is of no use.  -ERR_CONFLICT with the reason
 * SOURCE_CHANGED when a file is not the bytes it was. */
struct blobstream_writer;
struct blobstream_writer *blobstream_writer_new(pack_write_fn write, void *ctx);
int blobstream_add_file(struct blobstream_writer *w, const char *path, const char *sha256,
                        int64_t size, struct err *err); /* the file must still be these bytes */
int blobstream_add_bytes(struct blobstream_writer *w, const void *data, size_t len,
                         const char *sha256, struct err *err);
int blobstream_end(struct blobstream_writer *w, struct err *err);
void blobstream_writer_free(struct blobstream_writer *w);

/* Reading side (server): fed with compressed bytes as they come.  Each blob is verified when it
 * ends, and durable when blobstream_finish() returned 0; it stays when a later one fails or the
 * stream is cut.  `wanted` says (non-zero) whether a blob may come at all: it is in the manifest
 * with that size.  At most `blobs_max` come, with at most `bytes_max` in all. */
typedef int (*blobstream_wanted_fn)(void *ctx, const char *sha256, int64_t size);
struct blobstream_reader;
struct blobstream_reader *blobstream_reader_new(struct blobs *blobs, blobstream_wanted_fn wanted,
                                                void *ctx, size_t blobs_max, int64_t bytes_max);
int blobstream_feed(struct blobstream_reader *r, const void *data, size_t len, struct err *err);
int blobstream_finish(struct blobstream_reader *r, struct err *err); /* -ERR_INVALID: cut short */
void blobstream_reader_free(struct blobstream_reader *r);
