/* rebuild.h - the index, made anew from its journal; for when it is lost or damaged.
 *
 *   journal --replay--> index.db.new --look at each blob--> index.db   (the old one: index.db.old)
 *
 * The store must not run.  Everything blocks. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

struct rebuild_result {
    int64_t items;
    int64_t blobs;
    int64_t holes;      /* blobs that are not there, or were not as they should be */
    int64_t damaged;    /* records of the journal that could not be read */
    int64_t torn_bytes; /* of a commit that nobody was told of */
};

/* From `<state_dir>/journal`.  `each` is told each blob that is missing or was wrong, and the items
 * that have it, as lines of text; wrong ones are moved to `<state_dir>/quarantine`.  `deep` hashes
 * every file.  -ERR_NOT_FOUND: there is no journal to make it from; -ERR_CONFLICT: the store runs.
 */
int rebuild_run(const char *state_dir, bool deep, void (*each)(void *ctx, const char *line),
                void *ctx, struct rebuild_result *ret, struct err *err);

/* Replay the journal into a new index at `path`, up to a place (number 0: all of it).  The caller
 * owns *ret. */
struct journal_told;
struct db;
int rebuild_replay(const char *journal_dir, const char *path, int64_t number, int64_t offset,
                   struct db **ret, struct journal_told *ret_told, struct err *err);
/* An index's file, and those SQLite keeps beside it. */
void rebuild_remove_index(const char *path);
