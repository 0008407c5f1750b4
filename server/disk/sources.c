#include "server/disk/sources.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "server/disk/blobrows.h"
#include "sos/base/auto.h"

enum { MANIFEST_LEVEL = 3 };

static int not_found(struct err *err, const char *id)
{
    int rc = err_set(err, ERR_NOT_FOUND, "there is no source %s", id);
    err_reason(err, "SOURCE_NOT_FOUND");
    return rc;
}

/* 1 and the row's number, 0 when the source is new. */
static int number_find(struct db *db, const char *id, int64_t *ret, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, "SELECT number FROM sources WHERE id = ?", "t", id);
    int rc = db_step(db, statement, err);
    if (rc > 0)
        *ret = db_int(statement, 0);
    db_end(statement);
    return rc;
}

static int manifest_put(struct db *db, int64_t number, const struct tree *tree, struct err *err)
{
    size_t len;
    auto_free char *text = tree_text(tree, &len);
    size_t room = ZSTD_compressBound(len);
    auto_free void *packed = xmalloc(room);
    size_t packed_len = ZSTD_compress(packed, room, text, len, MANIFEST_LEVEL);
    if (ZSTD_isError(packed_len))
        return err_set(err, ERR_IO, "pack a manifest: %s", ZSTD_getErrorName(packed_len));
    return db_run(db, NULL, err, "INSERT INTO manifests (source, packed, size) VALUES (?, ?, ?)",
                  "ibi", number, packed, packed_len, (int64_t)len);
}

static int blobs_put(struct db *db, int64_t number, const struct source_wants *wants,
                     struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < source_wants_count(wants); i++) {
        int64_t blob;
        rc = blobrow_need(db, source_wants_at(wants, i), &blob, err);
        if (rc == 0)
            rc = db_run(db, NULL, err, "INSERT INTO source_blobs (source, blob) VALUES (?, ?)",
                        "ii", number, blob);
    }
    return rc;
}

static int source_insert(struct db *db, const char *id, const struct tree *tree,
                         const struct source_wants *wants, int64_t wall_ms, struct err *err)
{
    int rc = db_run(db, NULL, err,
                    "INSERT INTO sources (id, file_count, size_bytes, create_time, use_time)"
                    " VALUES (?1, ?2, ?3, ?4, ?4)",
                    "tiii", id, (int64_t)tree->count, tree_size(tree), wall_ms);
    if (rc < 0)
        return rc;
    int64_t number = sqlite3_last_insert_rowid(db_handle(db));
    rc = manifest_put(db, number, tree, err);
    return rc < 0 ? rc : blobs_put(db, number, wants, err);
}

/* What of it the folder lacks. */
static void missing_fill(struct sos_source *source, const struct source_wants *wants,
                         struct blobs *blobs)
{
    size_t count = source_wants_count(wants);
    source->missing = xcalloc(count + 1, sizeof *source->missing);
    for (size_t i = 0; i < count; i++) {
        const char *sha256 = source_wants_at(wants, i);
        if (!blobs_have(blobs, sha256))
            source->missing[source->missing_count++] = xstrdup(sha256);
    }
    source->complete = source->missing_count == 0;
}

/* Look into the folder, keep the verdict, tell it. */
static int source_tell(struct db *db, struct blobs *blobs, const char *id,
                       const struct source_wants *wants, struct sos_source *ret, struct err *err)
{
    struct sos_source source = { .id = xstrdup(id) };
    missing_fill(&source, wants, blobs);
    sqlite3_stmt *statement = db_bind(db,
                                      "UPDATE sources SET complete = ? WHERE id = ?"
                                      " RETURNING file_count, size_bytes, create_time",
                                      "it", (int64_t)source.complete, id);
    int rc = db_step(db, statement, err);
    if (rc > 0) {
        source.file_count = (int32_t)db_int(statement, 0);
        source.size_bytes = db_int(statement, 1);
        source.create_time_ms = db_int(statement, 2);
    }
    db_end(statement);
    if (rc <= 0) {
        sos_source_done(&source);
        return rc < 0 ? rc : not_found(err, id);
    }
    *ret = source;
    return 0;
}

int sources_put(struct db *db, struct blobs *blobs, const struct tree *tree, int64_t wall_ms,
                struct sos_source *ret, struct err *err)
{
    char id[TREE_ID_MAX];
    tree_id(tree, id);

    struct source_wants *wants = source_wants_new(tree, blobs);
    int64_t number;
    int rc = number_find(db, id, &number, err);
    if (rc == 0)
        rc = source_insert(db, id, tree, wants, wall_ms, err);
    else if (rc > 0)
        rc =
            db_run(db, NULL, err, "UPDATE sources SET use_time = max(use_time, ?) WHERE number = ?",
                   "ii", wall_ms, number);
    if (rc == 0)
        rc = source_tell(db, blobs, id, wants, ret, err);
    source_wants_free(wants);
    return rc;
}

int sources_refresh(struct db *db, struct blobs *blobs, const char *id, struct sos_source *ret,
                    struct err *err)
{
    struct tree tree;
    int rc = sources_tree(db, id, &tree, err);
    if (rc < 0)
        return rc;
    struct source_wants *wants = source_wants_new(&tree, blobs);
    rc = source_tell(db, blobs, id, wants, ret, err);
    source_wants_free(wants);
    tree_done(&tree);
    return rc;
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
