/* journal_snapshot.c - the index as it was when a log began, row by row.
 *
 * A connection of its own holds a read transaction, so that the writer goes on meanwhile and
 * nothing of what it does is seen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/disk/journal_own.h"
#include "store/disk/patch_own.h"

enum { PATCH_BYTES_MAX = 256 << 20 };

struct snapshot {
    struct journal *journal;
    struct db *db; /* in one read transaction */
    struct journal_file file;
    char *path;
    char *part; /* its name while it is written */
    char **tables;
    size_t tables_count;
    size_t at;          /* the table that is read … */
    struct table table; /* … as it is */
    sqlite3_stmt *rows; /* … and its rows; NULL: not begun */
};

/* --- the tables --- */

static int tables_find(struct snapshot *snapshot, struct err *err)
{
    sqlite3_stmt *st = db_bind(snapshot->db,
                               "SELECT name FROM pragma_table_list WHERE schema='main'"
                               " AND type='table' AND substr(name, 1, 7)<>'sqlite_' AND name<>?"
                               " ORDER BY name",
                               "t", PATCH_NOT_OF);
    int rc;

    while ((rc = db_step(snapshot->db, st, err)) > 0) {
        snapshot->tables =
            xrealloc(snapshot->tables, (snapshot->tables_count + 1) * sizeof *snapshot->tables);
        snapshot->tables[snapshot->tables_count++] = xstrdup(db_text(st, 0));
    }
    return rc;
}

static int rows_open(struct snapshot *snapshot, struct err *err)
{
    sqlite3 *handle = db_handle(snapshot->db);
    const char *name = snapshot->tables[snapshot->at];
    auto_free char *sql = xasprintf("SELECT * FROM \"%s\"", name);

    int rc = table_learn(handle, name, &snapshot->table, err);
    if (rc < 0)
        return rc;
    int code = sqlite3_prepare_v2(handle, sql, -1, &snapshot->rows, NULL);
    return code == SQLITE_OK ? 0 : patch_fail(handle, SQLITE_OK, sql, err);
}

static void rows_close(struct snapshot *snapshot)
{
    sqlite3_finalize(take_ptr(snapshot->rows));
    table_done(&snapshot->table);
}

/* --- its life --- */

static int snapshot_open(struct snapshot *snapshot, int64_t number, struct err *err)
{
    struct journal *journal = snapshot->journal;
    int schema = 0;

    snapshot->path = journal_file_path(journal->dir, JOURNAL_SNAPSHOT, number);
    snapshot->part = xasprintf("%s.part", snapshot->path);
    if (unlink(snapshot->part) < 0 && errno != ENOENT)
        return err_errno(err, "remove %s", snapshot->part);
    int rc = db_open_reader(journal->index_path, &snapshot->db, err);
    if (rc == 0)
        rc = db_run(snapshot->db, NULL, err, "BEGIN", "");
    if (rc == 0)
        rc = journal_schema(snapshot->db, &schema, err);
    if (rc == 0)
        rc = tables_find(snapshot, err); /* the first read: from here on nothing newer is seen */
    if (rc == 0)
        rc = journal_file_make(snapshot->part, JOURNAL_SNAPSHOT, schema, number, &snapshot->file,
                               err);
    return rc;
}

int snapshot_begin(struct journal *journal, int64_t number, struct snapshot **ret, struct err *err)
{
    struct snapshot *snapshot = xcalloc(1, sizeof *snapshot);

    snapshot->journal = journal;
    snapshot->file.fd = -1;
    int rc = snapshot_open(snapshot, number, err);
    if (rc < 0) {
        snapshot_free(snapshot);
        return rc;
    }
    *ret = snapshot;
    return 0;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    rows_close(snapshot);
    db_close(snapshot->db);
    if (snapshot->file.fd >= 0) {
        journal_file_close(&snapshot->file);
        unlink(snapshot->part);
    }
    for (size_t i = 0; i < snapshot->tables_count; i++)
        free(snapshot->tables[i]);
    free(snapshot->tables);
    free(snapshot->path);
    free(snapshot->part);
    free(snapshot);
}

/* --- writing --- */

static int slice_write(struct snapshot *snapshot, int rows, struct err *err)
{
    struct buf patch;

    buf_init(&patch, PATCH_BYTES_MAX);
    int count =
        patch_of_rows(snapshot->rows, snapshot->table.name, snapshot->table.key, rows, &patch, err);
    int rc = count < 0 ? count : 0;
    if (count > 0)
        rc = journal_file_append(&snapshot->file, RECORD_CHANGES, patch.data, patch.len, err);
    buf_done(&patch);
    if (rc == 0 && count < rows) {
        rows_close(snapshot);
        snapshot->at++;
    }
    return rc;
}

/* The index may lie behind the logs that go now, as far as the disk knows: its own log is synced
 * first. */
static int index_sync(const struct journal *journal, struct err *err)
{
    auto_free char *path = xasprintf("%s-wal", journal->index_path);
    auto_fclose FILE *wal = fopen(path, "re");

    if (!wal)
        return errno == ENOENT ? 0 : err_errno(err, "open %s", path);
    return fdatasync(fileno(wal)) < 0 ? err_errno(err, "sync %s", path) : 0;
}

/* A full disk may have taken back the batch in which the log was begun. */
static bool index_is_past(const struct journal *journal, int64_t number)
{
    struct db *db = NULL;
    int64_t at = 0;
    int64_t offset;
    int rc = db_open_reader(journal->index_path, &db, NULL);

    if (rc == 0)
        rc = journal_position(db, &at, &offset, NULL);
    db_close(db);
    return rc == 0 && at >= number;
}

static void older_remove(const struct journal *journal, int64_t number)
{
    struct journal_files files;

    if (!index_is_past(journal, number) || journal_files_find(journal->dir, &files, NULL) < 0)
        return; /* the next snapshot removes them */
    for (size_t i = 0; i < files.logs_count; i++) {
        auto_free char *path = journal_file_path(journal->dir, JOURNAL_LOG, files.logs[i]);
        if (files.logs[i] < number)
            unlink(path);
    }
    for (size_t i = 0; i < files.snapshots_count; i++) {
        auto_free char *path =
            journal_file_path(journal->dir, JOURNAL_SNAPSHOT, files.snapshots[i]);
        if (files.snapshots[i] < number)
            unlink(path);
    }
    journal_files_done(&files);
}

static int snapshot_finish(struct snapshot *snapshot, struct err *err)
{
    struct journal *journal = snapshot->journal;
    int64_t number = snapshot->file.number;

    int rc = journal_file_append(&snapshot->file, RECORD_END, "", 0, err);
    if (rc == 0)
        rc = journal_file_sync(&snapshot->file, err);
    if (rc == 0 && rename(snapshot->part, snapshot->path) < 0)
        rc = err_errno(err, "rename %s", snapshot->part);
    if (rc == 0)
        rc = fs_sync_folder(journal->dir, err);
    if (rc == 0)
        rc = index_sync(journal, err);
    if (rc < 0)
        return rc;
    atomic_store(&journal->snapshot_bytes, snapshot->file.offset);
    older_remove(journal, number);
    journal_file_close(&snapshot->file);
    return 0;
}

int snapshot_write(struct snapshot *snapshot, int rows, struct err *err)
{
    int rc = 0;

    if (snapshot->at < snapshot->tables_count && !snapshot->rows)
        rc = rows_open(snapshot, err);
    if (rc == 0 && snapshot->at < snapshot->tables_count)
        rc = slice_write(snapshot, rows, err);
    if (rc == 0 && snapshot->at < snapshot->tables_count)
        return 1;
    if (rc == 0)
        rc = snapshot_finish(snapshot, err);
    snapshot_free(snapshot);
    return rc;
}
