/* journal.h - every committed change of the index, once more, in files that outlive it.
 *
 *   batch    changes as a patch -> append, sync -> position in the index -> COMMIT -> answers
 *   start    what the journal has and the index has not is applied (a power cut between the two)
 *   anew     a new log is begun; the index as it was then is written beside it, row by row, while
 *            the store works on; when that snapshot is durable the older files go
 *
 * In DIR: "N.snapshot", the index as it was when "N.log" began, and logs from N on.  The journal's
 * sync is the commit's only one: the index itself is synced at its checkpoints.
 * Everything here blocks.  A journal is used by the writer's strand; what else may be called is
 * said. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "sos/serve/db.h"

struct journal;

struct journal_start {
    int64_t applied;    /* commits that the index had not */
    int64_t torn_bytes; /* of a commit that was never whole, cut off */
    bool behind;        /* the index knew more than the journal: it was begun anew */
};

/* Of an index open for writing at `index_path`; both must outlive it.  -ERR_CONFLICT: the journal
 * tells of an index that this one is not; rebuild it. */
int journal_open(const char *dir, const char *index_path, struct db *db, struct journal **ret,
                 struct journal_start *ret_start, struct err *err);
/* Before the index is closed.  NULL is fine. */
void journal_close(struct journal *journal);
/* db_batch() with the journal: what changed is durable there before it is committed. */
void journal_batch(struct journal *journal, struct strand_batch *ret);
/* From any thread: how many commits that changed anything there were since the start. */
int64_t journal_commits(const struct journal *journal);
/* From any thread: bytes of the logs, and of the snapshot before them. */
void journal_sizes(const struct journal *journal, int64_t *ret_logs, int64_t *ret_snapshot);

/* --- a new beginning --- */

struct snapshot;
/* In a task of the writer's strand: later commits go to a new log, and the snapshot sees those
 * before. */
int journal_turn(struct journal *journal, struct snapshot **ret, struct err *err);
/* On any thread, one at a time: write at most `rows` rows.  1: there is more, 0: it is whole and
 * durable and the older files are gone, and the snapshot is freed; < 0: the snapshot is freed and
 * the older files stay. */
int snapshot_write(struct snapshot *snapshot, int rows, struct err *err);
void snapshot_free(struct snapshot *snapshot); /* leaves it unfinished; NULL is fine */

/* --- what is there --- */

/* Are there files of a journal in the folder? */
bool journal_is_there(const char *dir);

struct journal_told {
    int64_t commits;    /* records */
    int64_t damaged;    /* records passed over */
    int64_t torn_bytes; /* at the end of the last log */
    int64_t number;     /* where it ends … */
    int64_t offset;     /* … */
    int schema;         /* of its tables */
};
/* Each record from the newest whole snapshot on, in order, up to a place (number 0: to the end).
 * `each` may be NULL and may change the bytes.  -ERR_NOT_FOUND: no snapshot is whole. */
typedef int (*journal_record_fn)(void *ctx, void *patch, int len, struct err *err);
int journal_read(const char *dir, int64_t number, int64_t offset, journal_record_fn each, void *ctx,
                 struct journal_told *ret, struct err *err);
/* The schema of the tables that journal_read() begins with. */
int journal_schema_at(const char *dir, int *ret, struct err *err);
/* How far the index of this connection has its journal; number 0: it has none. */
int journal_position(struct db *db, int64_t *ret_number, int64_t *ret_offset, struct err *err);
int journal_position_set(struct db *db, int64_t number, int64_t offset, struct err *err);
/* The number of the index's last migration. */
int journal_schema(struct db *db, int *ret, struct err *err);
