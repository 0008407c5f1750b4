/* journal.c - the batch that writes the journal, its start, and its turn to a new log. */
#include "store/disk/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/disk/journal_own.h"

enum { ROWS_AT_ONCE = 1000 };

/* --- the batch (the writer's strand) --- */

static int on_begin(void *ctx, struct err *err)
{
    struct journal *journal = ctx;

    patch_free(take_ptr(journal->patch)); /* of a batch that a full disk took back */
    int rc = journal->inner.begin(journal->inner.ctx, err);
    return rc < 0 ? rc : patch_begin(journal->db, &journal->patch, err);
}

static int on_save(void *ctx, struct err *err)
{
    struct journal *journal = ctx;
    return journal->inner.save(journal->inner.ctx, err);
}

static int on_release(void *ctx, int rc, struct err *err)
{
    struct journal *journal = ctx;
    return journal->inner.release(journal->inner.ctx, rc, err);
}

static int changes_write(struct journal *journal, const void *patch, int len, struct err *err)
{
    int rc = journal_file_append(&journal->log, RECORD_CHANGES, patch, (size_t)len, err);

    if (rc == 0)
        rc = journal_file_sync(&journal->log, err);
    return rc < 0
               ? rc
               : journal_position_set(journal->db, journal->log.number, journal->log.offset, err);
}

/* The batch was not committed for want of space: its tasks are told so, and the journal must not
 * tell otherwise.  What the journal cannot take back, the program must not go on with. */
static int batch_undo(struct journal *journal, int64_t offset, struct err *err)
{
    struct err own = { 0 };

    if (!sqlite3_get_autocommit(db_handle(journal->db)))
        sqlite3_exec(db_handle(journal->db), "ROLLBACK", NULL, NULL, NULL);
    if (journal_file_cut(&journal->log, offset, &own) < 0) {
        *err = own;
        return -ERR_IO;
    }
    return -ERR_FULL;
}

static int on_commit(void *ctx, struct err *err)
{
    struct journal *journal = ctx;
    int64_t before = journal->log.offset;
    void *patch;
    int len;

    int rc = patch_take(journal->patch, &patch, &len, err);
    patch_free(take_ptr(journal->patch));
    if (rc == 0 && len > RECORD_BYTES_MAX)
        rc = err_set(err, ERR_FULL, "more is changed at once than one commit can hold");
    if (rc == 0 && len > 0)
        rc = changes_write(journal, patch, len, err);
    sqlite3_free(patch);
    if (rc == 0)
        rc = journal->inner.commit(journal->inner.ctx, err);
    if (rc == -ERR_FULL)
        rc = batch_undo(journal, before, err);
    if (rc == 0 && len > 0) {
        atomic_fetch_add(&journal->logs_bytes, journal->log.offset - before);
        atomic_fetch_add(&journal->commits, 1);
    }
    return rc;
}

void journal_batch(struct journal *journal, struct strand_batch *ret)
{
    *ret = (struct strand_batch){ .max = journal->inner.max,
                                  .begin = on_begin,
                                  .commit = on_commit,
                                  .save = on_save,
                                  .release = on_release,
                                  .ctx = journal };
}

int64_t journal_commits(const struct journal *journal)
{
    return atomic_load(&journal->commits);
}

void journal_sizes(const struct journal *journal, int64_t *ret_logs, int64_t *ret_snapshot)
{
    *ret_logs = atomic_load(&journal->logs_bytes);
    *ret_snapshot = atomic_load(&journal->snapshot_bytes);
}

/* --- a new log --- */

static int log_make(struct journal *journal, int64_t number, struct journal_file *ret,
                    struct err *err)
{
    auto_free char *path = journal_file_path(journal->dir, JOURNAL_LOG, number);
    auto_free char *part = xasprintf("%s.part", path); /* it is there whole or not at all */
    int schema = 0;

    int rc = journal_schema(journal->db, &schema, err);
    if (rc == 0 && unlink(part) < 0 && errno != ENOENT)
        rc = err_errno(err, "remove %s", part);
    if (rc == 0)
        rc = journal_file_make(part, JOURNAL_LOG, schema, number, ret, err);
    if (rc < 0)
        return rc;
    rc = journal_file_sync(ret, err);
    bool named = rc == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
    if (rc == 0 && !named)
        rc = err_errno(err, "rename %s", part);
    if (rc == 0)
        rc = fs_sync_folder(journal->dir, err);
    if (rc < 0) {
        journal_file_close(ret);
        unlink(named ? path : part);
    }
    return rc;
}

int journal_turn(struct journal *journal, struct snapshot **ret, struct err *err)
{
    struct journal_file log = { .fd = -1 };
    int64_t number = journal->log.number + 1;

    int rc = snapshot_begin(journal, number, ret, err);
    if (rc == 0)
        rc = log_make(journal, number, &log, err);
    if (rc < 0) {
        snapshot_free(take_ptr(*ret));
        return rc;
    }
    journal_file_close(&journal->log);
    journal->log = log;
    atomic_store(&journal->logs_bytes, 0);
    rc = journal_position_set(journal->db, number, log.offset, err);
    if (rc < 0)
        snapshot_free(take_ptr(*ret));
    return rc;
}

/* At the start, before anybody waits: the whole snapshot at once. */
static int journal_anew(struct journal *journal, struct err *err)
{
    struct snapshot *snapshot = NULL;
    int rc = journal_turn(journal, &snapshot, err);

    while (rc == 0 && (rc = snapshot_write(snapshot, ROWS_AT_ONCE, err)) > 0)
        rc = 0;
    return rc;
}

/* --- the start --- */

static int refuse(struct err *err, const char *why)
{
    err_set(err, ERR_CONFLICT, "the index cannot be brought to its journal's end: %s", why);
    err_hint(err, "run `sos-store rebuild`, which makes the index from the journal");
    return -ERR_CONFLICT;
}

static int apply_record(struct journal *journal, struct applier *applier, struct buf *payload,
                        const struct journal_file *log, struct err *err)
{
    sqlite3 *handle = db_handle(journal->db);

    int rc = journal->inner.begin(journal->inner.ctx, err);
    if (rc == 0)
        rc = applier_apply(applier, payload->data, (int)payload->len, err);
    if (rc == 0)
        rc = journal_position_set(journal->db, log->number, log->offset, err);
    if (rc == 0)
        rc = journal->inner.commit(journal->inner.ctx, err);
    if (rc < 0 && !sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* Bring the index to the log's end, which is told by its offset afterwards. */
static int log_follow(struct journal *journal, struct journal_file *log, struct journal_start *told,
                      struct err *err)
{
    struct applier *applier = applier_new(journal->db);
    struct buf payload;
    enum record_kind kind;
    int found;

    buf_init(&payload, RECORD_BYTES_MAX);
    while ((found = journal_file_next(log, &payload, &kind, err)) == RECORD_GOOD) {
        int rc = apply_record(journal, applier, &payload, log, err);
        if (rc < 0) {
            found = rc;
            break;
        }
        told->applied++;
    }
    buf_done(&payload);
    applier_free(applier);
    if (found == RECORD_DAMAGED)
        return refuse(err, "the journal is damaged");
    return found < 0 ? found : 0;
}

static int64_t file_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* Every log from the index's position on; the last one stays open to be written. */
static int logs_follow(struct journal *journal, const struct journal_files *files, int64_t number,
                       int64_t offset, struct journal_start *told, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < files->logs_count; i++) {
        if (files->logs[i] < number)
            continue;
        auto_free char *path = journal_file_path(journal->dir, JOURNAL_LOG, files->logs[i]);
        journal_file_close(&journal->log);
        rc = journal_file_open(path, true, &journal->log, err);
        if (rc < 0)
            return rc;
        if (files->logs[i] == number)
            journal->log.offset = offset;
        rc = log_follow(journal, &journal->log, told, err);
        if (rc == 0 && i + 1 < files->logs_count &&
            file_size(journal->log.fd) > journal->log.offset)
            rc = refuse(err, "the journal is damaged"); /* only the last may be cut short */
        atomic_fetch_add(&journal->logs_bytes, journal->log.offset);
    }
    int64_t torn = rc < 0 ? 0 : file_size(journal->log.fd) - journal->log.offset;
    if (torn > 0) {
        told->torn_bytes = torn;
        rc = journal_file_cut(&journal->log, journal->log.offset, err);
    }
    return rc;
}

/* Does the last log reach as far as the index says? */
static bool log_reaches(const struct journal *journal, const struct journal_files *files,
                        int64_t number, int64_t offset)
{
    auto_free char *path = journal_file_path(journal->dir, JOURNAL_LOG, number);
    struct stat st;

    return files->logs[files->logs_count - 1] >= number && stat(path, &st) == 0 &&
           st.st_size >= offset;
}

static int journal_follow(struct journal *journal, const struct journal_files *files,
                          struct journal_start *told, struct err *err)
{
    int64_t number;
    int64_t offset;
    int schema;

    int rc = journal_position(journal->db, &number, &offset, err);
    if (rc == 0 && files->logs_count > 0) {
        journal->log.number = files->logs[files->logs_count - 1];
        /* Without a snapshot it is our own first start, cut short. */
        if (number == 0 && files->snapshots_count > 0)
            return refuse(err, "the index knows of no journal");
        if (number > 0 && number < files->logs[0])
            return refuse(err, "the index is older than the journal");
    }
    if (rc < 0)
        return rc;
    if (files->logs_count == 0 || !log_reaches(journal, files, number, offset)) {
        told->behind = number > 0;
        if (journal->log.number < number)
            journal->log.number = number;
        return journal_anew(journal, err);
    }
    rc = logs_follow(journal, files, number, offset, told, err);
    if (rc == 0)
        rc = journal_schema(journal->db, &schema, err);
    if (rc == 0 && (schema != journal->log.schema || files->snapshots_count == 0))
        return journal_anew(journal, err);
    return rc;
}

static void unfinished_remove(const char *dir, const struct journal_files *files)
{
    for (size_t i = 0; i < files->logs_count; i++) {
        auto_free char *path = journal_file_path(dir, JOURNAL_SNAPSHOT, files->logs[i]);
        auto_free char *part = xasprintf("%s.part", path);
        unlink(part);
    }
}

static void snapshot_size_learn(struct journal *journal, const struct journal_files *files)
{
    if (files->snapshots_count == 0)
        return;
    auto_free char *path = journal_file_path(journal->dir, JOURNAL_SNAPSHOT,
                                             files->snapshots[files->snapshots_count - 1]);
    struct stat st;
    if (stat(path, &st) == 0)
        atomic_store(&journal->snapshot_bytes, st.st_size);
}

static int journal_prepare(struct journal *journal, struct journal_start *told, struct err *err)
{
    sqlite3 *handle = db_handle(journal->db);
    struct journal_files files;

    int rc = fs_mkdirs_durable(journal->dir, 0700, err);
    if (rc == 0)
        rc = journal_files_find(journal->dir, &files, err);
    if (rc < 0)
        return rc;
    unfinished_remove(journal->dir, &files);
    snapshot_size_learn(journal, &files);
    sqlite3_exec(handle, "PRAGMA foreign_keys=OFF", NULL, NULL, NULL);
    rc = journal_follow(journal, &files, told, err);
    journal_files_done(&files);
    /* From here on a commit is durable by its record. */
    sqlite3_exec(handle, "PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    return rc;
}

int journal_open(const char *dir, const char *index_path, struct db *db, struct journal **ret,
                 struct journal_start *ret_start, struct err *err)
{
    struct journal *journal = xcalloc(1, sizeof *journal);

    journal->dir = xstrdup(dir);
    journal->index_path = xstrdup(index_path);
    journal->db = db;
    journal->log.fd = -1;
    db_batch(db, &journal->inner);
    *ret_start = (struct journal_start){ 0 };
    int rc = journal_prepare(journal, ret_start, err);
    if (rc < 0) {
        journal_close(journal);
        return rc;
    }
    *ret = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    patch_free(journal->patch);
    journal_file_close(&journal->log);
    free(journal->dir);
    free(journal->index_path);
    free(journal);
}
