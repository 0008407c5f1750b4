/* sources.h - which trees the farm knows, and which of their blobs it has.
 *
 *   wants --look--> put --list, list …--> look --> tell
 *             |     '--- writer strand --'           '- writer strand
 *             '-> refused: the tree tells other sizes than the bytes have
 *
 * A source is complete when the blob of each of its files is in the blob folder; the folder itself
 * is the truth about that.  A large tree is recorded in several tasks, so that it holds nobody up:
 * one that was cut short in between is listed again by the next put.  Once it is listed its blobs
 * are not garbage, so that what a look finds then stays.  The manifest is kept as its canonical
 * text, packed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/blob.h"
#include "sos/base/tree.h"
#include "sos/serve/db.h"
#include "sos/v1.h"

/* --- what a tree wants: without a connection, on any thread, by one at a time --- */

struct source_wants;
/* Takes the content of the sealed tree (and leaves it empty). */
struct source_wants *source_wants_new(struct tree *tree, struct blobs *blobs);
void source_wants_free(struct source_wants *wants); /* NULL is fine */
/* A blobstream_wanted_fn: is it of the tree, and of that size?  One that is here already may come
 * again: two may send the same tree, and an answer may be lost. */
int source_wants_blob(void *wants, const char *sha256, int64_t size);
size_t source_wants_files(const struct source_wants *wants);
int64_t source_wants_bytes(const struct source_wants *wants); /* of all files */
/* Look into the folder: *ret (NULL: not wanted) is given what is missing, each once in order of the
 * digests, and whether it is complete; the caller owns it (sos_source_done()).  -ERR_INVALID when a
 * file cannot be what the manifest says: SIZE_MISMATCH, LINK_INVALID; *ret_path (borrowed; may be
 * NULL) is the file. */
int source_wants_look(const struct source_wants *wants, struct sos_source *ret,
                      const char **ret_path, struct err *err);
/* The text and the id that sources_put() records. */
int source_wants_pack(struct source_wants *wants, struct err *err);
const char *source_wants_id(const struct source_wants *wants); /* packed ones have one */

/* --- the record: writer strand --- */

/* Record what was packed, or find it again.  Gives its number; 1: it is listed already, 0: list
 * it. */
int sources_put(struct db *db, const struct source_wants *wants, int64_t wall_ms,
                int64_t *ret_number, struct err *err);
/* List the next SOURCES_PART blobs, the first time with *from 0.  1: there are more; 0: done. */
enum { SOURCES_PART = 1000 };
int sources_list(struct db *db, int64_t number, const struct source_wants *wants, size_t *from,
                 struct err *err);
/* Keep what a look found, and complete it: size, number of files, time.  -ERR_NOT_FOUND
 * SOURCE_NOT_FOUND. */
int sources_tell(struct db *db, const char *id, struct sos_source *source, struct err *err);
/* The manifest; the caller owns *ret (tree_done()).  -ERR_NOT_FOUND SOURCE_NOT_FOUND.  Reader
 * strand. */
int sources_tree(struct db *db, const char *id, struct tree *ret, struct err *err);
/* Forget sources that no live build has and that were neither sent nor built since `wall_ms`, at
 * most `max` of them.  Their blobs become garbage. */
int sources_forget(struct db *db, int64_t wall_ms, int max, struct err *err);
