#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "server/disk/blobrows.h"
#include "server/disk/sources_own.h"
#include "sos/base/auto.h"

static int not_found(struct err *err, const char *id)
{
    int rc = err_set(err, ERR_NOT_FOUND, "there is no source %s", id);
    err_reason(err, "SOURCE_NOT_FOUND");
    return rc;
}

/* 1 and what the row says, 0 when the source is new. */
static int number_find(struct db *db, const char *id, int64_t *ret, bool *ret_listed,
                       struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db, "SELECT number, listed FROM sources WHERE id = ?", "t", id);
    int rc = db_step(db, statement, err);
    if (rc > 0) {
        *ret = db_int(statement, 0);
        *ret_listed = db_int(statement, 1);
    }
    db_end(statement);
    return rc;
}

static int source_insert(struct db *db, const struct source_wants *wants, int64_t wall_ms,
                         int64_t *ret_number, struct err *err)
{
    int rc =
        db_run(db, NULL, err,
               "INSERT INTO sources (id, file_count, size_bytes, create_time, use_time,"
               " listed) VALUES (?1, ?2, ?3, ?4, ?4, 0)",
               "tiii", wants->id, (int64_t)wants->tree.count, tree_size(&wants->tree), wall_ms);
    if (rc < 0)
        return rc;
    *ret_number = sqlite3_last_insert_rowid(db_handle(db));
    return db_run(db, NULL, err, "INSERT INTO manifests (source, packed, size) VALUES (?, ?, ?)",
                  "ibi", *ret_number, wants->packed, wants->packed_len, (int64_t)wants->text_len);
}

int sources_put(struct db *db, const struct source_wants *wants, int64_t wall_ms,
                int64_t *ret_number, struct err *err)
{
    bool listed = false;
    assert(wants->packed);
    int rc = number_find(db, wants->id, ret_number, &listed, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return source_insert(db, wants, wall_ms, ret_number, err);
    rc = db_run(db, NULL, err, "UPDATE sources SET use_time = max(use_time, ?) WHERE number = ?",
                "ii", wall_ms, *ret_number);
    return rc < 0 ? rc : listed;
}

int sources_list(struct db *db, int64_t number, const struct source_wants *wants, size_t *from,
                 struct err *err)
{
    size_t left = wants->count - *from;
    size_t end = *from + (left < SOURCES_PART ? left : SOURCES_PART);
    for (; *from < end; ++*from) {
        int64_t blob;
        int rc = blobrow_need(db, wants->wants[*from].sha256, &blob, err);
        if (rc == 0)
            rc = db_run(db, NULL, err,
                        "INSERT INTO source_blobs (source, blob) VALUES (?, ?)"
                        " ON CONFLICT DO NOTHING",
                        "ii", number, blob);
        if (rc < 0)
            return rc;
    }
    if (end < wants->count)
        return 1;
    return db_run(db, NULL, err, "UPDATE sources SET listed = 1 WHERE number = ?", "i", number);
}

int sources_tell(struct db *db, const char *id, struct sos_source *source, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "UPDATE sources SET complete = ? WHERE id = ?"
                                      " RETURNING file_count, size_bytes, create_time",
                                      "it", (int64_t)source->complete, id);
    int rc = db_step(db, statement, err);
    if (rc > 0) {
        source->file_count = (int32_t)db_int(statement, 0);
        source->size_bytes = db_int(statement, 1);
        source->create_time_ms = db_int(statement, 2);
    }
    db_end(statement);
    if (rc <= 0)
        return rc < 0 ? rc : not_found(err, id);
    free(source->id);
    source->id = xstrdup(id);
    return 0;
}

static int manifest_unpack(sqlite3_stmt *statement, struct tree *ret, struct err *err)
{
    const void *packed = sqlite3_column_blob(statement, 0);
    size_t packed_len = (size_t)sqlite3_column_bytes(statement, 0);
    size_t size = (size_t)db_int(statement, 1);
    auto_free char *text = xmalloc(size + 1);
    size_t len = ZSTD_decompress(text, size, packed, packed_len);
    if (ZSTD_isError(len) || len != size)
        return err_set(err, ERR_IO, "a manifest on disk is damaged");
    return tree_parse(text, len, ret, err);
}

int sources_tree(struct db *db, const char *id, struct tree *ret, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "SELECT packed, size FROM manifests WHERE source ="
                                      " (SELECT number FROM sources WHERE id = ?)",
                                      "t", id);
    int rc = db_step(db, statement, err);
    if (rc == 0)
        rc = not_found(err, id);
    else if (rc > 0)
        rc = manifest_unpack(statement, ret, err);
    db_end(statement);
    return rc;
}

/* Numbers of at most `max` sources that may go (gives; free()). */
static int forgettable(struct db *db, int64_t wall_ms, int max, int64_t **ret, size_t *ret_count,
                       struct err *err)
{
    int64_t *numbers = xcalloc((size_t)max, sizeof *numbers);
    size_t count = 0;
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT number FROM sources WHERE use_time < ? AND NOT EXISTS"
                " (SELECT 1 FROM builds WHERE builds.source = sources.id AND live)"
                " ORDER BY use_time LIMIT ?",
                "ii", wall_ms, (int64_t)max);
    int rc;
    while ((rc = db_step(db, statement, err)) > 0)
        numbers[count++] = db_int(statement, 0);
    if (rc < 0) {
        free(numbers);
        return rc;
    }
    *ret = numbers;
    *ret_count = count;
    return 0;
}

static int source_forget(struct db *db, int64_t number, struct err *err)
{
    int rc = db_run(db, NULL, err,
                    "UPDATE blobs SET doomed = 1 WHERE doomed = 0"
                    " AND number IN (SELECT blob FROM source_blobs WHERE source = ?1)"
                    " AND NOT EXISTS (SELECT 1 FROM source_blobs WHERE blob = blobs.number"
                    "                 AND source <> ?1)"
                    " AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob = blobs.number)",
                    "i", number);
    if (rc < 0)
        return rc;
    return db_run(db, NULL, err, "DELETE FROM sources WHERE number = ?", "i", number);
}

int sources_forget(struct db *db, int64_t wall_ms, int max, struct err *err)
{
    int64_t *numbers;
    size_t count;
    int rc = forgettable(db, wall_ms, max, &numbers, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = source_forget(db, numbers[i], err);
    free(numbers);
    return rc;
}
