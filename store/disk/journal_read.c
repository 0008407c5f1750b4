/* journal_read.c - which files a journal has, and all it tells. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "store/disk/journal_own.h"

/* --- files --- */

static void numbers_add(int64_t **list, size_t *count, int64_t number)
{
    *list = xrealloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = number;
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

int journal_files_find(const char *dir, struct journal_files *ret, struct err *err)
{
    DIR *folder = opendir(dir);

    *ret = (struct journal_files){ 0 };
    if (!folder)
        return errno == ENOENT ? 0 : err_errno(err, "open %s", dir);
    for (struct dirent *entry; (entry = readdir(folder));) {
        int64_t log = journal_file_number(entry->d_name, JOURNAL_LOG);
        int64_t snapshot = journal_file_number(entry->d_name, JOURNAL_SNAPSHOT);
        if (log > 0)
            numbers_add(&ret->logs, &ret->logs_count, log);
        if (snapshot > 0)
            numbers_add(&ret->snapshots, &ret->snapshots_count, snapshot);
    }
    closedir(folder);
    if (ret->logs_count > 0)
        qsort(ret->logs, ret->logs_count, sizeof *ret->logs, by_number);
    if (ret->snapshots_count > 0)
        qsort(ret->snapshots, ret->snapshots_count, sizeof *ret->snapshots, by_number);
    return 0;
}

void journal_files_done(struct journal_files *files)
{
    free(files->logs);
    free(files->snapshots);
}

bool journal_is_there(const char *dir)
{
    struct journal_files files;
    bool there =
        journal_files_find(dir, &files, NULL) < 0 || files.logs_count + files.snapshots_count > 0;

    journal_files_done(&files);
    return there;
}

/* --- the position --- */

int journal_position(struct db *db, int64_t *ret_number, int64_t *ret_offset, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT number, offset FROM journal", "");
    int rc = db_step(db, st, err);

    if (rc < 0)
        return rc;
    *ret_number = rc > 0 ? db_int(st, 0) : 0;
    *ret_offset = rc > 0 ? db_int(st, 1) : 0;
    db_end(st);
    return 0;
}

int journal_position_set(struct db *db, int64_t number, int64_t offset, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO journal (one, number, offset) VALUES (1, ?, ?) ON CONFLICT (one)"
                  " DO UPDATE SET number=excluded.number, offset=excluded.offset",
                  "ii", number, offset);
}

int journal_schema(struct db *db, int *ret, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "PRAGMA user_version", "");
    int rc = db_step(db, st, err);

    if (rc > 0)
        *ret = (int)db_int(st, 0);
    db_end(st);
    return rc < 0 ? rc : 0;
}

/* --- all records --- */

struct reading {
    const char *dir;
    int64_t stop_number; /* 0: none */
    int64_t stop_offset;
    journal_record_fn each;
    void *ctx;
    struct journal_told *told;
    struct buf payload;
    bool ended; /* the snapshot's last record was there */
};

static bool is_past(const struct reading *reading, const struct journal_file *file)
{
    return file->kind == JOURNAL_LOG && reading->stop_number > 0 &&
           (file->number > reading->stop_number ||
            (file->number == reading->stop_number && file->offset >= reading->stop_offset));
}

static int record_take(struct reading *reading, enum record_kind kind, struct err *err)
{
    if (kind == RECORD_END) {
        reading->ended = true;
        return 0;
    }
    reading->told->commits++;
    return reading->each
               ? reading->each(reading->ctx, reading->payload.data, (int)reading->payload.len, err)
               : 0;
}

static int file_read(struct reading *reading, struct journal_file *file, struct err *err)
{
    enum record_kind kind = RECORD_CHANGES;
    struct stat st;
    int rc = 0;

    while (rc >= 0 && !is_past(reading, file)) {
        rc = journal_file_next(file, &reading->payload, &kind, err);
        if (rc < 0 || rc == RECORD_NONE || rc == RECORD_TORN)
            break;
        reading->told->damaged += rc == RECORD_DAMAGED;
        /* The one behind the damaged one is read by the next turn. */
        if (rc == RECORD_GOOD)
            rc = record_take(reading, kind, err);
    }
    if (rc == RECORD_TORN && fstat(file->fd, &st) == 0)
        reading->told->torn_bytes = st.st_size - file->offset;
    reading->told->number = file->number;
    reading->told->offset = file->offset;
    reading->told->schema = file->schema;
    return rc < 0 ? rc : 0;
}

static int path_read(struct reading *reading, enum journal_kind kind, int64_t number,
                     struct err *err)
{
    auto_free char *path = journal_file_path(reading->dir, kind, number);
    struct journal_file file = { .fd = -1 };

    int rc = journal_file_open(path, false, &file, err);
    if (rc == 0)
        rc = file_read(reading, &file, err);
    journal_file_close(&file);
    if (rc < 0)
        err_wrap(err, "%s", path);
    return rc;
}

/* Has this snapshot its end?  Those that were renamed have, unless the disk lost it. */
static bool snapshot_is_whole(const char *dir, int64_t number)
{
    struct journal_told told = { 0 };
    struct reading reading = { .dir = dir, .told = &told };

    buf_init(&reading.payload, RECORD_BYTES_MAX);
    int rc = path_read(&reading, JOURNAL_SNAPSHOT, number, NULL);
    buf_done(&reading.payload);
    return rc == 0 && reading.ended && told.damaged == 0;
}

static int64_t snapshot_choose(const char *dir, const struct journal_files *files)
{
    for (size_t i = files->snapshots_count; i-- > 0;)
        if (snapshot_is_whole(dir, files->snapshots[i]))
            return files->snapshots[i];
    return 0;
}

static int no_snapshot(const char *dir, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "no journal: %s has no whole snapshot", dir);
}

static int files_read(struct reading *reading, const struct journal_files *files, struct err *err)
{
    int64_t first = snapshot_choose(reading->dir, files);

    if (first == 0)
        return no_snapshot(reading->dir, err);
    int rc = path_read(reading, JOURNAL_SNAPSHOT, first, err);
    reading->told->commits = 0;
    for (size_t i = 0; rc == 0 && i < files->logs_count; i++) {
        if (files->logs[i] < first ||
            (reading->stop_number > 0 && files->logs[i] > reading->stop_number))
            continue;
        reading->told->damaged += reading->told->torn_bytes > 0; /* another log follows that end */
        reading->told->torn_bytes = 0;
        rc = path_read(reading, JOURNAL_LOG, files->logs[i], err);
    }
    return rc;
}

int journal_schema_at(const char *dir, int *ret, struct err *err)
{
    struct journal_files files;
    struct journal_file file;

    int rc = journal_files_find(dir, &files, err);
    if (rc < 0)
        return rc;
    int64_t first = snapshot_choose(dir, &files);
    journal_files_done(&files);
    if (first == 0)
        return no_snapshot(dir, err);
    auto_free char *path = journal_file_path(dir, JOURNAL_SNAPSHOT, first);
    rc = journal_file_open(path, false, &file, err);
    if (rc < 0)
        return rc;
    *ret = file.schema;
    journal_file_close(&file);
    return 0;
}

int journal_read(const char *dir, int64_t number, int64_t offset, journal_record_fn each, void *ctx,
                 struct journal_told *ret, struct err *err)
{
    struct journal_files files;
    struct journal_told told = { 0 };
    struct reading reading = { .dir = dir,
                               .stop_number = number,
                               .stop_offset = offset,
                               .each = each,
                               .ctx = ctx,
                               .told = &told };

    int rc = journal_files_find(dir, &files, err);
    if (rc < 0)
        return rc;
    buf_init(&reading.payload, RECORD_BYTES_MAX);
    rc = files_read(&reading, &files, err);
    buf_done(&reading.payload);
    journal_files_done(&files);
    if (rc == 0)
        *ret = told;
    return rc;
}
