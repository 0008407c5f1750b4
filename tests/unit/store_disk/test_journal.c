#include <fcntl.h>
#include <sys/stat.h>

#include "store/disk/index.h"
#include "store/disk/journal.h"
#include "store/disk/journal_file.h"
#include "store/disk/rebuild.h"
#include "tests/unit/unit.h"

struct state {
    char *index;
    char *journal_dir;
    char *log; /* the first */
    struct db *db;
    struct journal *journal;
    struct strand_batch batch;
    struct journal_start start;
};

static void state_paths(struct state *state, const char *folder)
{
    *state = (struct state){ .index = xasprintf("%s/index.db", folder),
                             .journal_dir = xasprintf("%s/journal", folder) };
    state->log = journal_file_path(state->journal_dir, JOURNAL_LOG, 1);
}

static int state_open(struct state *state, struct err *err)
{
    int rc = index_open_writer(state->index, &state->db, err);

    if (rc == 0)
        rc = journal_open(state->journal_dir, state->index, state->db, &state->journal,
                          &state->start, err);
    if (rc == 0)
        journal_batch(state->journal, &state->batch);
    return rc;
}

static void state_close(struct state *state)
{
    journal_close(state->journal);
    db_close(state->db);
    state->journal = NULL;
    state->db = NULL;
}

static void state_done(struct state *state)
{
    state_close(state);
    free(state->index);
    free(state->journal_dir);
    free(state->log);
}

/* One batch of one task. */
static void change(struct state *state, const char *sql)
{
    struct err err = { 0 };
    char *why = NULL;

    assert_ok(state->batch.begin(state->batch.ctx, &err), err);
    assert_ok(state->batch.save(state->batch.ctx, &err), err);
    if (sqlite3_exec(db_handle(state->db), sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    assert_ok(state->batch.release(state->batch.ctx, 0, &err), err);
    assert_ok(state->batch.commit(state->batch.ctx, &err), err);
}

static int64_t number_of(struct db *db, const char *sql)
{
    sqlite3_stmt *st = db_bind(db, sql, "");
    assert_int_equal(db_step(db, st, NULL), 1);
    int64_t number = db_int(st, 0);
    db_end(st);
    return number;
}

/* Rows in one of the two and not in the other. */
static int64_t differences(struct state *state)
{
    auto_free char *made = xasprintf("%s.made", state->index);
    struct journal_told told;
    struct db *db = NULL;
    struct err err = { 0 };
    int64_t count = 0;

    assert_ok(rebuild_replay(state->journal_dir, made, 0, 0, &db, &told, &err), err);
    assert_ok(db_run(db, NULL, &err, "ATTACH ? AS kept", "t", state->index), err);
#define DIFFER(table)                                                                              \
    number_of(db, "SELECT (SELECT count(*) FROM (SELECT * FROM main." table                        \
                  " EXCEPT SELECT * FROM kept." table ")) + (SELECT count(*) FROM"                 \
                  " (SELECT * FROM kept." table " EXCEPT SELECT * FROM main." table "))")
    count = DIFFER("repositories") + DIFFER("blobs") + DIFFER("items") + DIFFER("properties") +
            DIFFER("tokens") + DIFFER("journal");
    db_close(db);
    return count;
}

#define ITEM(id, name)                                                                             \
    "INSERT INTO items (id, repo, path, name, created_ms, created_by, modified_ms, modified_by,"   \
    " updated_ms) VALUES (" id ", 'r', '', '" name "', 1, 'a', 2, 'b', 3);"

static void some_changes(struct state *state)
{
    change(state, "INSERT INTO repositories (key, immutable, created_ms) VALUES ('r', 0, 7)");
    change(state, ITEM("1", "x") ITEM("2", "y"));
    change(state, "INSERT INTO properties VALUES (1, 'k', ''), (1, 'k', 'v'), (2, 'a', 'b')");
}

static void a_replay_gives_the_same_index(void **folder)
{
    struct state state;
    struct err err = { 0 };

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    change(&state, "INSERT INTO blobs VALUES ('s', '1', '5', 12345678901);"
                   "UPDATE items SET sha256='s', claimed=7 WHERE id=2");
    change(&state, "DELETE FROM items WHERE id=1");
    assert_int_equal(number_of(state.db, "SELECT count(*) FROM properties"), 1);
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

/* In one commit two items take each other's path: no order of the two rows keeps the paths unique
 * all the time. */
static void a_swap_inside_a_commit_is_replayed(void **folder)
{
    struct state state;
    struct err err = { 0 };

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    change(&state, "UPDATE items SET name='z' WHERE id=1; UPDATE items SET name='x' WHERE id=2;"
                   "UPDATE items SET name='y' WHERE id=1");
    assert_int_equal(number_of(state.db, "SELECT id FROM items WHERE name='x'"), 2);
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

static void what_was_rolled_back_is_not_told(void **folder)
{
    struct state state;
    struct err err = { 0 };

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    assert_ok(state.batch.begin(state.batch.ctx, &err), err);
    assert_ok(state.batch.save(state.batch.ctx, &err), err);
    assert_int_equal(sqlite3_exec(db_handle(state.db), ITEM("9", "bad"), NULL, NULL, NULL), 0);
    assert_ok(state.batch.release(state.batch.ctx, -ERR_DENIED, &err), err);
    assert_ok(state.batch.commit(state.batch.ctx, &err), err);
    assert_int_equal(number_of(state.db, "SELECT count(*) FROM items"), 2);
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

/* A power cut after the journal's sync and before the index had it: an older index is brought to
 * the journal's end. */
static void an_index_that_is_behind_is_brought_to_the_end(void **folder)
{
    struct state state;
    struct err err = { 0 };
    auto_free char *kept = xasprintf("%s/kept.db", (char *)*folder);

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    change(&state, "INSERT INTO repositories (key, immutable, created_ms) VALUES ('r', 0, 7)");
    assert_ok(db_run(state.db, NULL, &err, "VACUUM INTO ?", "t", kept), err);
    change(&state, ITEM("1", "x"));
    change(&state, ITEM("2", "y") "DELETE FROM items WHERE id=1");
    state_close(&state);
    assert_int_equal(rename(kept, state.index), 0);
    assert_ok(state_open(&state, &err), err);
    assert_int_equal(state.start.applied, 2);
    assert_int_equal(number_of(state.db, "SELECT count(*) FROM items WHERE name='y'"), 1);
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

static void file_append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void a_torn_tail_is_cut_and_written_over(void **folder)
{
    struct state state;
    struct err err = { 0 };

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    state_close(&state);
    file_append(state.log, "\x05\0\0\0torn, or nothing of ours at all");
    assert_ok(state_open(&state, &err), err);
    assert_true(state.start.torn_bytes > 0);
    assert_int_equal(state.start.applied, 0);
    change(&state, ITEM("3", "z"));
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

static void byte_spoil(const char *path, int64_t offset)
{
    char byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

/* Rot in the middle, `at` of a record, costs that commit and no other. */
static void damage_is_passed_over(const char *folder, int64_t at)
{
    struct state state;
    struct err err = { 0 };
    struct journal_told told;
    auto_free char *made = xasprintf("%s/made.db", folder);
    struct db *db;
    struct stat before;

    state_paths(&state, folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    assert_int_equal(stat(state.log, &before), 0);
    change(&state, ITEM("3", "lost"));
    change(&state, ITEM("4", "kept"));
    state_close(&state);
    byte_spoil(state.log, before.st_size + at);
    assert_ok(rebuild_replay(state.journal_dir, made, 0, 0, &db, &told, &err), err);
    assert_int_equal(told.damaged, 1);
    assert_int_equal(number_of(db, "SELECT count(*) FROM items"), 3);
    assert_int_equal(number_of(db, "SELECT count(*) FROM items WHERE name='kept'"), 1);
    db_close(db);
    state_done(&state);
}

static void a_damaged_record_is_passed_over(void **folder)
{
    damage_is_passed_over(*folder, RECORD_HEAD_BYTES + 3);
}

/* Also when it is what tells where the next one is. */
static void a_damaged_length_is_passed_over(void **folder)
{
    damage_is_passed_over(*folder, 3);
}

/* A crash leaves an end in part in the last log only. */
static void a_log_that_another_follows_has_its_end(void **folder)
{
    struct state state;
    struct err err = { 0 };
    struct journal_told told;
    struct snapshot *snapshot = NULL;
    struct stat log;

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    assert_ok(state.batch.begin(state.batch.ctx, &err), err);
    assert_ok(journal_turn(state.journal, &snapshot, &err), err);
    assert_ok(state.batch.commit(state.batch.ctx, &err), err);
    snapshot_free(snapshot);
    change(&state, ITEM("3", "z"));
    state_close(&state);
    assert_int_equal(stat(state.log, &log), 0);
    byte_spoil(state.log, log.st_size - 1);
    assert_ok(journal_read(state.journal_dir, 0, 0, NULL, NULL, &told, &err), err);
    assert_int_equal(told.damaged, 1);
    assert_int_equal(told.torn_bytes, 0);
    state_done(&state);
}

/* The snapshot is of the moment of the turn, whatever is changed while it is written. */
static void a_turn_goes_on_while_the_store_works(void **folder)
{
    struct state state;
    struct err err = { 0 };
    struct snapshot *snapshot = NULL;
    auto_free char *second = NULL;
    int rc;

    state_paths(&state, *folder);
    second = journal_file_path(state.journal_dir, JOURNAL_LOG, 2);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    assert_ok(state.batch.begin(state.batch.ctx, &err), err);
    assert_ok(journal_turn(state.journal, &snapshot, &err), err);
    assert_ok(state.batch.commit(state.batch.ctx, &err), err);
    change(&state, "UPDATE items SET name='while' WHERE id=1; DELETE FROM items WHERE id=2");
    while ((rc = snapshot_write(snapshot, 1, &err)) > 0)
        change(&state, "UPDATE items SET updated_ms=updated_ms+1");
    assert_ok(rc, err);
    assert_int_not_equal(access(state.log, F_OK), 0); /* the first log is told by the snapshot */
    assert_int_equal(access(second, F_OK), 0);
    assert_int_equal(differences(&state), 0);
    state_close(&state);
    assert_ok(state_open(&state, &err), err);
    assert_int_equal(state.start.applied, 0);
    change(&state, ITEM("5", "after"));
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

static void a_new_index_beside_an_old_journal_is_refused(void **folder)
{
    struct state state;
    struct err err = { 0 };

    state_paths(&state, *folder);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    state_close(&state);
    rebuild_remove_index(state.index);
    assert_fails(state_open(&state, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.hint, "sos-store rebuild"));
    state_done(&state);
}

static void a_journal_that_is_lost_is_begun_anew(void **folder)
{
    struct state state;
    struct err err = { 0 };
    auto_free char *snapshot = NULL;

    state_paths(&state, *folder);
    snapshot = journal_file_path(state.journal_dir, JOURNAL_SNAPSHOT, 1);
    assert_ok(state_open(&state, &err), err);
    some_changes(&state);
    state_close(&state);
    unlink(state.log);
    unlink(snapshot);
    assert_ok(state_open(&state, &err), err);
    assert_true(state.start.behind);
    change(&state, ITEM("3", "z"));
    assert_int_equal(differences(&state), 0);
    state_done(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_replay_gives_the_same_index),
        unit_test_in_folder(a_swap_inside_a_commit_is_replayed),
        unit_test_in_folder(what_was_rolled_back_is_not_told),
        unit_test_in_folder(an_index_that_is_behind_is_brought_to_the_end),
        unit_test_in_folder(a_torn_tail_is_cut_and_written_over),
        unit_test_in_folder(a_damaged_record_is_passed_over),
        unit_test_in_folder(a_damaged_length_is_passed_over),
        unit_test_in_folder(a_log_that_another_follows_has_its_end),
        unit_test_in_folder(a_turn_goes_on_while_the_store_works),
        unit_test_in_folder(a_new_index_beside_an_old_journal_is_refused),
        unit_test_in_folder(a_journal_that_is_lost_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
