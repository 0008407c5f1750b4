#include "store/disk/rebuild.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/blob.h"
#include "sos/base/fs.h"
#include "store/disk/holes.h"
#include "store/disk/index.h"
#include "store/disk/journal.h"
#include "store/disk/patch.h"

enum { RECORDS_AT_ONCE = 200 }; /* in one transaction */

static const char *const companions[] = { "", "-wal", "-shm" };

/* --- replaying --- */

struct replay {
    const char *path;
    struct db *db; /* opened by the first record, whose schema it gets */
    struct applier *applier;
    int64_t records;
};

static int db_say(struct db *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db_handle(db), sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return err_set(err, ERR_IO, "%s: %s", sql, sqlite3_errmsg(db_handle(db)));
}

static int replay_begin(struct replay *replay, int schema, struct err *err)
{
    int rc = index_open_old(replay->path, schema, &replay->db, err);

    if (rc == 0)
        rc = db_say(replay->db, "PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; BEGIN", err);
    if (rc == 0)
        replay->applier = applier_new(replay->db);
    return rc;
}

static int replay_record(void *ctx, void *patch, int len, struct err *err)
{
    struct replay *replay = ctx;

    int rc = applier_apply(replay->applier, patch, len, err);
    if (rc == 0 && ++replay->records % RECORDS_AT_ONCE == 0)
        rc = db_say(replay->db, "COMMIT; BEGIN", err);
    return rc;
}

static int replay_all(struct replay *replay, const char *dir, int64_t number, int64_t offset,
                      struct journal_told *told, struct err *err)
{
    int schema = 0;

    int rc = journal_schema_at(dir, &schema, err);
    if (rc == 0)
        rc = replay_begin(replay, schema, err);
    if (rc == 0)
        rc = journal_read(dir, number, offset, replay_record, replay, told, err);
    if (rc == 0)
        rc = journal_position_set(replay->db, told->number, told->offset, err);
    return rc < 0 ? rc : db_say(replay->db, "COMMIT", err);
}

void rebuild_remove_index(const char *path)
{
    for (size_t i = 0; i < countof(companions); i++) {
        auto_free char *name = xasprintf("%s%s", path, companions[i]);
        unlink(name);
    }
    auto_free char *lock = xasprintf("%s.lock", path);
    unlink(lock);
}

int rebuild_replay(const char *journal_dir, const char *path, int64_t number, int64_t offset,
                   struct db **ret, struct journal_told *ret_told, struct err *err)
{
    struct replay replay = { .path = path };

    rebuild_remove_index(path);
    int rc = replay_all(&replay, journal_dir, number, offset, ret_told, err);
    applier_free(replay.applier);
    if (rc < 0) {
        db_close(replay.db);
        rebuild_remove_index(path);
        return rc;
    }
    *ret = replay.db;
    return 0;
}

/* --- the new index in the old one's place --- */

static int index_swap(const char *made, const char *index, struct err *err)
{
    for (size_t i = countof(companions); i-- > 0;) {
        auto_free char *from = xasprintf("%s%s", index, companions[i]);
        auto_free char *to = xasprintf("%s.old%s", index, companions[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return err_errno(err, "rename %s", from);
    }
    if (rename(made, index) < 0)
        return err_errno(err, "rename %s", made);
    auto_free char *lock = xasprintf("%s.lock", made);
    unlink(lock);
    return 0;
}

/* Closed and opened again: to the present schema, then all of it on disk. */
static int index_finish(const char *made, struct err *err)
{
    struct db *db = NULL;
    int rc = index_open_writer(made, &db, err);

    db_close(db);
    auto_fclose FILE *file = rc == 0 ? fopen(made, "re") : NULL;
    if (rc == 0 && (!file || fsync(fileno(file)) < 0))
        rc = err_errno(err, "sync %s", made);
    return rc;
}

static int items_count(struct db *db, int64_t *ret, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT count(*) FROM items WHERE sha256 IS NOT NULL", "");
    int rc = db_step(db, st, err);

    if (rc > 0)
        *ret = db_int(st, 0);
    db_end(st);
    return rc < 0 ? rc : 0;
}

static int rebuild_look(struct db *db, struct holes *holes, struct rebuild_result *ret,
                        struct err *err)
{
    int rc = items_count(db, &ret->items, err);

    if (rc == 0)
        rc = holes_find(holes, db, err);
    ret->blobs = holes->blobs;
    ret->holes = holes->count;
    return rc;
}

static int rebuild_locked(const char *state_dir, struct holes *holes, struct rebuild_result *ret,
                          struct err *err)
{
    auto_free char *index = xasprintf("%s/index.db", state_dir);
    auto_free char *made = xasprintf("%s.new", index);
    auto_free char *journal = xasprintf("%s/journal", state_dir);
    struct journal_told told;
    struct db *db = NULL;

    int rc = rebuild_replay(journal, made, 0, 0, &db, &told, err);
    if (rc < 0)
        return rc;
    ret->damaged = told.damaged;
    ret->torn_bytes = told.torn_bytes;
    rc = rebuild_look(db, holes, ret, err);
    db_close(db);
    if (rc == 0)
        rc = index_finish(made, err);
    if (rc == 0)
        rc = index_swap(made, index, err);
    return rc < 0 ? rc : fs_sync_folder(state_dir, err);
}

int rebuild_run(const char *state_dir, bool deep, void (*each)(void *ctx, const char *line),
                void *ctx, struct rebuild_result *ret, struct err *err)
{
    auto_free char *dir = xasprintf("%s/blobs", state_dir);
    auto_free char *quarantine = xasprintf("%s/quarantine", state_dir);
    struct blobs *blobs = NULL;
    struct holes holes = {
        .blobs_dir = dir, .quarantine_dir = quarantine, .deep = deep, .each = each, .ctx = ctx
    };

    *ret = (struct rebuild_result){ 0 };
    int rc = blobs_open(dir, &blobs, err); /* the lock: nobody else has them */
    if (rc == 0)
        rc = rebuild_locked(state_dir, &holes, ret, err);
    blobs_close(blobs);
    return rc;
}
