#include "store/disk/fsck.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/blob.h"
#include "store/disk/holes.h"
#include "store/disk/index.h"
#include "store/disk/journal.h"
#include "store/disk/rebuild.h"

struct fsck {
    const struct fsck_options *options;
    struct db *db;    /* walks the rows, on one snapshot */
    struct db *again; /* asks again, on a newer one */
    char *blobs_dir;
    char *journal_dir;
    struct fsck_result result;
};

static void finding(struct fsck *fsck, const char *what, const char *which)
{
    auto_free char *line = xasprintf("%s %s", what, which);
    fsck->options->each(fsck->options->ctx, line);
}

/* --- rows and files --- */

static int check_rows(struct fsck *fsck, struct err *err)
{
    auto_free char *quarantine = xasprintf("%s/quarantine", fsck->options->state_dir);
    struct holes holes = { .blobs_dir = fsck->blobs_dir,
                           .quarantine_dir = fsck->options->repair ? quarantine : NULL,
                           .deep = fsck->options->deep,
                           .again = fsck->again,
                           .each = fsck->options->each,
                           .ctx = fsck->options->ctx };

    int rc = holes_find(&holes, fsck->db, err);
    fsck->result.blobs = holes.blobs;
    fsck->result.holes = holes.count;
    return rc;
}

static int check_list(struct fsck *fsck, const char *what, const char *sql, int64_t *count,
                      struct err *err)
{
    sqlite3_stmt *st = db_bind(fsck->db, sql, "");
    int rc;

    while ((rc = db_step(fsck->db, st, err)) > 0) {
        ++*count;
        finding(fsck, what, db_text(st, 0));
    }
    return rc;
}

#define UNUSED_ROWS "blobs WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.sha256=blobs.sha256)"

static int check_references(struct fsck *fsck, struct err *err)
{
    int rc = check_list(fsck, "unused row", "SELECT sha256 FROM " UNUSED_ROWS, &fsck->result.unused,
                        err);

    return rc < 0 ? rc
                  : check_list(fsck, "no row for the bytes of",
                               "SELECT repo || '/' || path || '/' || name FROM items"
                               " WHERE sha256 IS NOT NULL AND NOT EXISTS"
                               " (SELECT 1 FROM blobs WHERE blobs.sha256=items.sha256)",
                               &fsck->result.rowless, err);
}

static int check_shelf(struct fsck *fsck, unsigned shelf, struct err *err)
{
    auto_free char *path = xasprintf("%s/%02x", fsck->blobs_dir, shelf & 255);
    DIR *dir = opendir(path);
    if (!dir)
        return err_errno(err, "open %s", path);

    int rc = 0;
    for (struct dirent *entry; rc >= 0 && (entry = readdir(dir));) {
        char sha256[SHA256_HEX];
        snprintf(sha256, sizeof sha256, "%02x%.62s", shelf & 255, entry->d_name);
        if (!sha256_hex_is_valid(sha256))
            continue;
        rc = index_blob_is_free(fsck->again, sha256, err);
        if (rc > 0) {
            fsck->result.orphans++;
            finding(fsck, "orphan", sha256);
        }
    }
    closedir(dir);
    return rc < 0 ? rc : 0;
}

/* --- the journal --- */

/* Rows of a table that are in one of the two and not in the other. */
static int compare_table(struct fsck *fsck, struct db *db, const char *table, struct err *err)
{
    auto_free char *sql = xasprintf(
        "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM main.\"%s\" EXCEPT"
        " SELECT * FROM kept.\"%s\") UNION ALL SELECT * FROM (SELECT * FROM kept.\"%s\" EXCEPT"
        " SELECT * FROM main.\"%s\"))",
        table, table, table, table);
    sqlite3_stmt *st = NULL;
    int64_t count = -1;

    if (sqlite3_prepare_v2(db_handle(db), sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        count = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (count < 0)
        return err_set(err, ERR_IO, "compare %s: %s", table, sqlite3_errmsg(db_handle(db)));
    fsck->result.differences += count;
    if (count > 0) {
        auto_free char *what = xasprintf("%" PRId64 " rows differ from the journal in", count);
        finding(fsck, what, table);
    }
    return 0;
}

static int compare_tables(struct fsck *fsck, struct db *db, struct err *err)
{
    sqlite3_stmt *st = db_bind(fsck->db,
                               "SELECT name FROM pragma_table_list WHERE schema='main'"
                               " AND type='table' AND substr(name, 1, 7)<>'sqlite_'",
                               "");
    int rc;

    while ((rc = db_step(fsck->db, st, err)) > 0) {
        rc = compare_table(fsck, db, db_text(st, 0), err);
        if (rc < 0) {
            db_end(st);
            return rc;
        }
    }
    return rc;
}

/* As the connection's snapshot has it. */
static int index_copy(struct db *from, const char *path, struct err *err)
{
    sqlite3 *to = NULL;
    int code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    if (code == SQLITE_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", db_handle(from), "main");
        sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
        code = sqlite3_errcode(to);
    }
    sqlite3_close(to);
    return code == SQLITE_OK
               ? 0
               : err_set(err, ERR_IO, "copy the index to %s: %s", path, sqlite3_errstr(code));
}

/* What a replay gives, up to where the index is, against a copy of the index: the index itself is
 * held in a snapshot by another connection. */
static int check_replay(struct fsck *fsck, int64_t number, int64_t offset, struct err *err)
{
    auto_free char *made = xasprintf("%s/fsck.db", fsck->options->state_dir);
    auto_free char *copy = xasprintf("%s/fsck-copy.db", fsck->options->state_dir);
    struct journal_told told;
    struct db *db = NULL;

    rebuild_remove_index(copy);
    int rc = rebuild_replay(fsck->journal_dir, made, number, offset, &db, &told, err);
    if (rc == 0)
        rc = index_copy(fsck->db, copy, err);
    if (rc == 0)
        rc = db_run(db, NULL, err, "ATTACH ? AS kept", "t", copy);
    if (rc == 0)
        rc = compare_tables(fsck, db, err);
    db_close(db);
    rebuild_remove_index(made);
    rebuild_remove_index(copy);
    return rc;
}

/* As far as the index has it at least: it is written first. */
static int check_records(struct fsck *fsck, int64_t number, int64_t offset, struct err *err)
{
    struct journal_told told;
    int rc = journal_read(fsck->journal_dir, 0, 0, NULL, NULL, &told, err);

    if (rc == -ERR_NOT_FOUND) {
        fsck->result.differences++;
        finding(fsck, "no whole snapshot in", fsck->journal_dir);
        return 0;
    }
    if (rc == 0 && told.damaged > 0) {
        fsck->result.differences += told.damaged;
        finding(fsck, "damaged records in", fsck->journal_dir);
    }
    if (rc == 0 && (told.number < number || (told.number == number && told.offset < offset))) {
        fsck->result.differences++;
        finding(fsck, "the end is missing in", fsck->journal_dir);
    }
    return rc;
}

static int check_journal(struct fsck *fsck, struct err *err)
{
    int64_t number;
    int64_t offset;
    int64_t before = fsck->result.differences;

    int rc = journal_position(fsck->db, &number, &offset, err);
    if (rc == 0)
        rc = check_records(fsck, number, offset, err);
    if (rc == 0 && fsck->options->deep && fsck->result.differences == before)
        rc = check_replay(fsck, number, offset, err);
    return rc;
}

/* --- repair --- */

static int orphans_remove(struct fsck *fsck, struct blobs *blobs, struct err *err)
{
    int rc = 0;

    for (unsigned shelf = 0; rc == 0 && shelf < 256; shelf++) {
        auto_free char *path = xasprintf("%s/%02x", fsck->blobs_dir, shelf & 255);
        DIR *dir = opendir(path);
        if (!dir)
            return err_errno(err, "open %s", path);
        for (struct dirent *entry; rc == 0 && (entry = readdir(dir));) {
            char sha256[SHA256_HEX];
            snprintf(sha256, sizeof sha256, "%02x%.62s", shelf & 255, entry->d_name);
            if (sha256_hex_is_valid(sha256) && index_blob_is_free(fsck->again, sha256, NULL) > 0)
                rc = blobs_remove(blobs, sha256, err);
        }
        closedir(dir);
    }
    return rc;
}

/* Through the journal, as every change. */
static int unused_remove(struct fsck *fsck, const char *index, struct err *err)
{
    struct journal_start told;
    struct journal *journal = NULL;
    struct strand_batch batch;
    struct db *db = NULL;

    int rc = index_open_writer(index, &db, err);
    if (rc == 0)
        rc = journal_open(fsck->journal_dir, index, db, &journal, &told, err);
    if (rc == 0) {
        journal_batch(journal, &batch);
        rc = batch.begin(batch.ctx, err);
    }
    if (rc == 0)
        rc = db_run(db, NULL, err, "DELETE FROM " UNUSED_ROWS, "");
    if (rc == 0)
        rc = batch.commit(batch.ctx, err);
    journal_close(journal);
    db_close(db);
    return rc;
}

static int repair(struct fsck *fsck, const char *index, struct blobs *blobs, struct err *err)
{
    int rc = fsck->result.unused > 0 ? unused_remove(fsck, index, err) : 0;

    if (rc == 0 && (fsck->result.orphans > 0 || fsck->result.unused > 0))
        rc = orphans_remove(fsck, blobs, err);
    return rc;
}

/* --- all of it --- */

static int check_all(struct fsck *fsck, const char *index, struct err *err)
{
    int rc = db_open_reader(index, &fsck->db, err);

    if (rc == 0)
        rc = db_open_reader(index, &fsck->again, err);
    if (rc == 0)
        rc = db_run(fsck->db, NULL, err, "BEGIN", "");
    if (rc == 0)
        rc = check_journal(fsck, err);
    if (rc == 0)
        rc = check_rows(fsck, err);
    if (rc == 0)
        rc = check_references(fsck, err);
    for (unsigned shelf = 0; rc == 0 && shelf < 256; shelf++)
        rc = check_shelf(fsck, shelf, err);
    db_close(fsck->db);
    fsck->db = NULL;
    return rc;
}

int fsck_run(const struct fsck_options *options, struct fsck_result *ret, struct err *err)
{
    auto_free char *index = xasprintf("%s/index.db", options->state_dir);
    auto_free char *blobs_dir = xasprintf("%s/blobs", options->state_dir);
    auto_free char *journal_dir = xasprintf("%s/journal", options->state_dir);
    struct fsck fsck = { .options = options, .blobs_dir = blobs_dir, .journal_dir = journal_dir };
    struct blobs *blobs = NULL;

    int rc = options->repair ? blobs_open(blobs_dir, &blobs, err) : 0;
    if (rc == 0)
        rc = check_all(&fsck, index, err);
    if (rc == 0 && options->repair)
        rc = repair(&fsck, index, blobs, err);
    db_close(fsck.again);
    blobs_close(blobs);
    *ret = fsck.result;
    return rc;
}

bool fsck_is_clean(const struct fsck_result *result)
{
    return result->holes == 0 && result->unused == 0 && result->rowless == 0 &&
           result->differences == 0;
}
