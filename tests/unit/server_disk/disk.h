/* disk.h - a real database in the test's folder, and tasks as the writer strand runs them. */
#pragma once
#include "tests/unit/unit.h"

#include "server/disk/builds.h"
#include "server/disk/farmdb.h"
#include "server/disk/sources.h"
#include "sos/base/blob.h"
#include "sos/base/id.h"

struct disk {
    struct db *db;
    struct blobs *blobs;
    struct strand_batch batch;
    struct err err;
};

static inline void disk_open(struct disk *disk, void **state)
{
    auto_free char *path = xasprintf("%s/farm.db", (const char *)*state);
    auto_free char *folder = xasprintf("%s/blobs", (const char *)*state);
    *disk = (struct disk){ 0 };
    assert_ok(farmdb_open(path, &disk->db, &disk->err), disk->err);
    assert_ok(blobs_open(folder, &disk->blobs, &disk->err), disk->err);
    db_batch(disk->db, &disk->batch);
}

static inline void disk_close(struct disk *disk)
{
    blobs_close(disk->blobs);
    db_close(disk->db);
}

static inline void task_begin(struct disk *disk)
{
    assert_ok(disk->batch.begin(disk->batch.ctx, &disk->err), disk->err);
    assert_ok(disk->batch.save(disk->batch.ctx, &disk->err), disk->err);
}

/* A batch of one task that ended with rc; gives rc. */
static inline int task_end(struct disk *disk, int rc)
{
    struct err err = { 0 };
    assert_ok(disk->batch.release(disk->batch.ctx, rc, &err), err);
    assert_ok(disk->batch.commit(disk->batch.ctx, &err), err);
    return rc;
}

/* One call, as one task; gives its rc. */
#define TASK(disk, call) (task_begin(disk), task_end(disk, (call)))

/* One number out of the database. */
static inline int64_t count(struct disk *disk, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db_handle(disk->db), sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* Keep `text` as a blob. */
static inline void blob_keep(struct disk *disk, const char *text, struct digests *ret)
{
    struct blob_writer *writer;
    assert_ok(blob_begin(disk->blobs, &writer, &disk->err), disk->err);
    assert_ok(blob_write(writer, text, strlen(text), &disk->err), disk->err);
    assert_ok(blob_commit(writer, NULL, ret, &disk->err), disk->err);
}

/* A copy of a tree as a source wants it, packed: source_wants_free(). */
static inline struct source_wants *wants_of(struct disk *disk, const struct tree *tree)
{
    struct tree copy;
    tree_init(&copy);
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        assert_ok(tree_add(&copy, file->path, file->mode, file->size_bytes, file->sha256,
                           &disk->err),
                  disk->err);
    }
    struct source_wants *wants = source_wants_new(&copy, disk->blobs);
    assert_ok(source_wants_pack(wants, &disk->err), disk->err);
    return wants;
}

/* Recorded, listed, looked at and told, as the farm does it; in the task of the caller. */
static inline int source_record(struct db *db, const struct source_wants *wants, int64_t wall_ms,
                                struct sos_source *ret, struct err *err)
{
    int64_t number;
    size_t from = 0;
    int rc = sources_put(db, wants, wall_ms, &number, err);
    for (bool listed = rc > 0; rc >= 0 && !listed; listed = rc == 0)
        rc = sources_list(db, number, wants, &from, err);
    if (rc >= 0)
        rc = source_wants_look(wants, ret, NULL, err);
    if (rc == 0 && (rc = sources_tell(db, source_wants_id(wants), ret, err)) < 0)
        sos_source_done(ret);
    return rc;
}

static inline void source_put(struct disk *disk, const struct tree *tree, int64_t wall_ms,
                              struct sos_source *ret)
{
    struct source_wants *wants = wants_of(disk, tree);
    assert_ok(TASK(disk, source_record(disk->db, wants, wall_ms, ret, &disk->err)), disk->err);
    source_wants_free(wants);
}

/* A tree of one file with these bytes. */
static inline void tree_of(struct tree *tree, const char *path, const char *text)
{
    char sha256[SHA256_HEX];
    struct err err = { 0 };
    sha256_hex(text, strlen(text), sha256);
    tree_init(tree);
    assert_ok(tree_add(tree, path, TREE_REGULAR, (int64_t)strlen(text), sha256, &err), err);
    assert_ok(tree_seal(tree, &err), err);
}

/* A complete source of one file; its id. */
static inline void source_make(struct disk *disk, const char *text, char ret_id[TREE_ID_MAX])
{
    struct tree tree;
    struct digests digests;
    struct sos_source source;
    tree_of(&tree, "main.go", text);
    blob_keep(disk, text, &digests);
    source_put(disk, &tree, 1000, &source);
    assert_true(source.complete);
    snprintf(ret_id, TREE_ID_MAX, "%s", source.id);
    sos_source_done(&source);
    tree_done(&tree);
}

/* A build that waits to be submitted: build_row_done(). */
static inline void row_make(struct build_row *row, const char *source, const char *project)
{
    char id[ID_MAX];
    id_new("bld", 1000, id);
    *row = (struct build_row){ .revision = 1 };
    row->msg = (struct sos_build){ .id = xstrdup(id),
                                   .state = SOS_BUILD_STATE_QUEUED,
                                   .project = xstrdup(project),
                                   .version = xstrdup("1"),
                                   .created_by = xstrdup("ann"),
                                   .source = xstrdup(source),
                                   .create_time_ms = 1000 };
    sha256_hex(id, strlen(id), row->fingerprint);
}

/* Submitted; *ret is as on disk: build_row_done(). */
static inline enum submit_outcome submit(struct disk *disk, const struct build_row *row,
                                         const struct submit_key *key, struct build_row *ret)
{
    enum submit_outcome outcome = SUBMIT_NEW;
    assert_ok(TASK(disk, builds_submit(disk->db, row, key, ret, &outcome, &disk->err)), disk->err);
    return outcome;
}

/* A build, submitted: build_row_done(). */
static inline void build_make(struct disk *disk, struct build_row *ret)
{
    char source[TREE_ID_MAX];
    struct build_row row;
    source_make(disk, "source", source);
    row_make(&row, source, "demo");
    submit(disk, &row, NULL, ret);
    build_row_done(&row);
}

/* The next change of a build, by hand: these tests are not those of the machine. */
static inline int change(struct disk *disk, struct build_row *row, enum sos_build_state to,
                         const char *event)
{
    bool leased = to == SOS_BUILD_STATE_ASSIGNED || to == SOS_BUILD_STATE_PREPARING ||
                  to == SOS_BUILD_STATE_RUNNING || to == SOS_BUILD_STATE_CANCELING;
    struct history_event line = { .name = event, .wall_ms = 2000, .subject = "farm" };
    row->msg.state = to;
    row->msg.finish_time_ms = to >= SOS_BUILD_STATE_SUCCEEDED ? 2000 : 0;
    row->revision++;
    snprintf(row->session, sizeof row->session, "%s", leased ? "ses" : "");
    return TASK(disk, builds_save(disk->db, row, event ? &line : NULL, &disk->err));
}
