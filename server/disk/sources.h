/* sources.h - which trees the farm knows, and which of their blobs it has.
 *
 * A source is complete when the blob of each of its files is in the blob folder; the folder itself
 * is the truth about that.  The manifest is kept as its canonical text, packed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/blob.h"
#include "sos/base/tree.h"
#include "sos/serve/db.h"
#include "sos/v1.h"

/* Record a sealed tree, or find it again; from now on its blobs are not garbage.  *ret tells what
 * is missing (the caller owns it: sos_source_done()).  Writer strand. */
int sources_put(struct db *db, struct blobs *blobs, const struct tree *tree, int64_t wall_ms,
                struct sos_source *ret, struct err *err);
/* Look again, after blobs came in; *ret as above.  -ERR_NOT_FOUND SOURCE_NOT_FOUND.  Writer
 * strand. */
int sources_refresh(struct db *db, struct blobs *blobs, const char *id, struct sos_source *ret,
                    struct err *err);
/* The manifest; the caller owns *ret (tree_done()).  -ERR_NOT_FOUND SOURCE_NOT_FOUND. */
int sources_tree(struct db *db, const char *id, struct tree *ret, struct err *err);
/* Forget sources that no live build has and that were neither sent nor built since `wall_ms`, at
 * most `max` of them.  Their blobs become garbage.  Writer strand. */
int sources_forget(struct db *db, int64_t wall_ms, int max, struct err *err);

/* What may come in a stream of blobs: those of one tree.  Holds no connection. */
struct source_wants;
struct source_wants *source_wants_new(const struct tree *tree, struct blobs *blobs);
void source_wants_free(struct source_wants *wants);
/* A blobstream_wanted_fn: is it of the tree, of that size, and not here? */
int source_wants_blob(void *wants, const char *sha256, int64_t size);
/* Each blob once, in order of the digests; borrowed. */
size_t source_wants_count(const struct source_wants *wants);
const char *source_wants_at(const struct source_wants *wants, size_t index);
