#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sos/serve/db.h"

static const struct db_migration steps[] = {
    { 1, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
         "CREATE TABLE child (t INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED) STRICT" },
    { 2, "ALTER TABLE t ADD COLUMN note TEXT" },
};

static struct db *writer_open(const char *folder, size_t steps_count)
{
    auto_free char *path = xasprintf("%s/farm.db", folder);
    struct err err = { 0 };
    struct db *db = NULL;

    assert_ok(db_open_writer(path, steps, steps_count, &db, &err), err);
    return db;
}

static int64_t count_rows(struct db *db)
{
    struct err err = { 0 };
    sqlite3_stmt *st = db_bind(db, "SELECT count(*) FROM t", "");

    assert_int_equal(db_step(db, st, &err), 1);
    int64_t count = db_int(st, 0);
    db_end(st);
    return count;
}

static int64_t file_size(const char *folder, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void rows_come_back_as_they_were_bound(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct err err = { 0 };
    int changed = -1;

    assert_ok(db_run(db, &changed, &err, "INSERT INTO t (id, name, note) VALUES (?, ?, ?)", "itt",
                     INT64_C(1) << 40, "a", NULL),
              err);
    assert_int_equal(changed, 1);
    sqlite3_stmt *st = db_bind(db, "SELECT id, name, note FROM t WHERE name = ?", "t", "a");
    assert_int_equal(db_step(db, st, &err), 1);
    assert_int_equal(db_int(st, 0), INT64_C(1) << 40);
    assert_string_equal(db_text(st, 1), "a");
    assert_string_equal(db_text(st, 2), "");
    assert_int_equal(db_step(db, st, &err), 0);
    assert_ok(db_run(db, &changed, &err, "DELETE FROM t WHERE id = ?", "i", INT64_C(2)), err);
    assert_int_equal(changed, 0);
    db_close(db);
}

static void a_broken_constraint_is_a_conflict(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct err err = { 0 };

    assert_ok(db_run(db, NULL, &err, "INSERT INTO t (name) VALUES ('a')", ""), err);
    assert_fails(db_run(db, NULL, &err, "INSERT INTO t (name) VALUES ('a')", ""), ERR_CONFLICT);
    assert_fails(db_run(db, NULL, &err, "SELECT nothing FROM nowhere", ""), ERR_IO);
    assert_non_null(strstr(err.text, "nowhere"));
    db_close(db);
}

static void one_writer_at_a_time(void **state)
{
    struct db *db = writer_open(*state, 2);
    auto_free char *path = xasprintf("%s/farm.db", (char *)*state);
    struct err err = { 0 };
    struct db *second = NULL;

    assert_fails(db_open_writer(path, steps, 2, &second, &err), ERR_CONFLICT);
    assert_null(second);
    db_close(db);
    db_close(writer_open(*state, 2));
}

static void the_settings_are_those_of_a_durable_queue(void **state)
{
    static const struct {
        const char *sql;
        const char *value;
    } want[] = {
        { "PRAGMA journal_mode", "wal" },
        { "PRAGMA synchronous", "2" },
        { "PRAGMA foreign_keys", "1" },
        { "PRAGMA trusted_schema", "0" },
        { "PRAGMA cell_size_check", "1" },
        { "PRAGMA wal_autocheckpoint", "0" },
        { "PRAGMA auto_vacuum", "2" },
        { "PRAGMA mmap_size", "0" },
        { "PRAGMA temp_store", "2" },
        { "PRAGMA user_version", "2" },
        { "PRAGMA application_id", "1397707569" },
    };
    struct db *db = writer_open(*state, 2);
    struct err err = { 0 };

    for (size_t i = 0; i < countof(want); i++) {
        sqlite3_stmt *st = db_bind(db, want[i].sql, "");
        assert_int_equal(db_step(db, st, &err), 1);
        assert_string_equal(db_text(st, 0), want[i].value);
        db_end(st);
    }
    db_close(db);
}

static void an_older_schema_is_copied_and_then_migrated(void **state)
{
    auto_free char *copy = xasprintf("%s/farm.db.v1.bak", (char *)*state);
    struct err err = { 0 };
    struct db *db = writer_open(*state, 1);

    assert_ok(db_run(db, NULL, &err, "INSERT INTO t (name) VALUES ('kept')", ""), err);
    db_close(db);
    db = writer_open(*state, 2);
    assert_int_equal(count_rows(db), 1);
    assert_ok(db_run(db, NULL, &err, "UPDATE t SET note = 'new'", ""), err);
    db_close(db);
    struct db *old = NULL;
    assert_ok(db_open_reader(copy, &old, &err), err);
    assert_int_equal(count_rows(old), 1);
    assert_fails(db_run(old, NULL, &err, "SELECT note FROM t", ""), ERR_IO);
    db_close(old);
}

static void a_newer_schema_is_refused(void **state)
{
    auto_free char *path = xasprintf("%s/farm.db", (char *)*state);
    struct err err = { 0 };
    struct db *db = NULL;

    db_close(writer_open(*state, 2));
    assert_fails(db_open_writer(path, steps, 1, &db, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "has schema 2"));
}

static void a_migration_that_fails_leaves_no_trace(void **state)
{
    static const struct db_migration bad[] = {
        { 1, "CREATE TABLE half (x INTEGER) STRICT; CREATE TABLE half (x INTEGER) STRICT" },
    };
    auto_free char *path = xasprintf("%s/farm.db", (char *)*state);
    struct err err = { 0 };
    struct db *db = NULL;

    assert_fails(db_open_writer(path, bad, 1, &db, &err), ERR_IO);
    assert_non_null(strstr(err.text, "migration 1"));
    db = writer_open(*state, 2);
    assert_fails(db_run(db, NULL, &err, "SELECT * FROM half", ""), ERR_IO);
    db_close(db);
}

static void a_database_of_another_program_is_refused(void **state)
{
    auto_free char *path = xasprintf("%s/farm.db", (char *)*state);
    struct err err = { 0 };
    struct db *db = NULL;
    sqlite3 *other = NULL;

    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "PRAGMA application_id=7; CREATE TABLE x(y)", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    sqlite3_close(other);
    assert_fails(db_open_writer(path, steps, 2, &db, &err), ERR_CONFLICT);
}

/* The race of SQLite before 3.51.3 needs a second connection that checkpoints: a reader never
 * does, neither when asked, nor by a long log, nor as the last one to close. */
static void a_reader_never_checkpoints(void **state)
{
    auto_free char *path = xasprintf("%s/farm.db", (char *)*state);
    struct err err = { 0 };
    struct db *db = writer_open(*state, 2);
    struct db *reader = NULL;

    assert_ok(db_open_reader(path, &reader, &err), err);
    sqlite3_db_config(db_handle(db), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    for (int i = 0; i < 2000; i++)
        assert_ok(db_run(db, NULL, &err, "INSERT INTO t (name) VALUES (hex(randomblob(2000)))", ""),
                  err);
    int64_t main_size = file_size(*state, "farm.db");
    int64_t wal_size = file_size(*state, "farm.db-wal");
    assert_true(wal_size > 2000 * 4096);
    assert_int_equal(count_rows(reader), 2000);
    assert_int_not_equal(sqlite3_wal_checkpoint_v2(db_handle(reader), NULL,
                                                   SQLITE_CHECKPOINT_PASSIVE, NULL, NULL),
                         SQLITE_OK);
    assert_fails(db_run(reader, NULL, &err, "DELETE FROM t", ""), ERR_IO);
    db_close(db);
    assert_int_equal(count_rows(reader), 2000);
    db_close(reader);
    assert_int_equal(file_size(*state, "farm.db"), main_size);
    assert_int_equal(file_size(*state, "farm.db-wal"), wal_size);
}

/* --- the batch on a strand --- */

struct insert {
    struct task task;
    struct db *db;
    const char *sql;
    bool done;
};

static struct err broken;

static void insert_work(struct task *task)
{
    struct insert *insert = container_of(task, struct insert, task);
    task->rc = db_run(insert->db, NULL, &task->err, insert->sql, "");
}
static void on_insert(struct task *task)
{
    container_of(task, struct insert, task)->done = true;
}
static void on_broken(void *ctx, const struct err *err)
{
    (void)ctx;
    broken = *err;
}

/* Runs the inserts as one batch. */
static void batch_run(struct db *db, struct insert *inserts, size_t count)
{
    struct strand_batch batch;
    uv_loop_t loop;

    db_batch(db, &batch);
    assert_int_equal(uv_loop_init(&loop), 0);
    struct strand *strand = strand_new(&loop, &batch, on_broken, NULL);
    struct insert first = { .db = db, .sql = "SELECT 1" }; /* the rest wait for it together */
    strand_post(strand, &first.task, insert_work, on_insert);
    for (size_t i = 0; i < count; i++) {
        inserts[i].db = db;
        strand_post(strand, &inserts[i].task, insert_work, on_insert);
    }
    strand_close(strand, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_task_that_fails_spoils_no_other(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct insert inserts[] = { { .sql = "INSERT INTO t (name) VALUES ('a')" },
                                { .sql = "INSERT INTO t (id, name) VALUES (1, 'b')" },
                                { .sql = "INSERT INTO t (name) VALUES ('c')" } };

    batch_run(db, inserts, countof(inserts));
    assert_int_equal(inserts[0].task.rc, 0);
    assert_int_equal(inserts[1].task.rc, -ERR_CONFLICT);
    assert_int_equal(inserts[2].task.rc, 0);
    assert_int_equal(count_rows(db), 2);
    db_close(db);
}

static void a_commit_that_fails_breaks_the_strand(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct insert inserts[] = { { .sql = "INSERT INTO t (name) VALUES ('a')" },
                                { .sql = "INSERT INTO child VALUES (99)" } };

    broken = (struct err){ 0 };
    batch_run(db, inserts, countof(inserts));
    assert_non_null(strstr(broken.text, "FOREIGN KEY"));
    assert_false(inserts[0].done);
    assert_false(inserts[1].done);
    sqlite3_exec(db_handle(db), "ROLLBACK", NULL, NULL, NULL);
    db_close(db);
}

/* A write that the kernel refuses (here by a file size limit) is not retried and not told. */
static void an_io_error_breaks_the_strand(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct insert kept = { .sql = "INSERT INTO t (name) VALUES ('kept')" };
    struct insert lost = { .sql = "INSERT INTO t (name) VALUES (hex(randomblob(300000)))" };
    struct rlimit old;

    broken = (struct err){ 0 };
    batch_run(db, &kept, 1);
    assert_true(kept.done);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 200000, old.rlim_max });
    batch_run(db, &lost, 1);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(broken.code, ERR_IO);
    assert_false(lost.done);
    db_close(db);
    db = writer_open(*state, 2);
    assert_int_equal(count_rows(db), 1);
    db_close(db);
}

static void a_full_disk_is_told_and_the_strand_goes_on(void **state)
{
    struct db *db = writer_open(*state, 2);
    struct insert inserts[] = { { .sql = "INSERT INTO t (name) VALUES ('a')" },
                                { .sql =
                                      "INSERT INTO t (name) VALUES (hex(randomblob(900000)))" } };
    struct insert after = { .sql = "INSERT INTO t (name) VALUES ('after')" };

    broken = (struct err){ 0 };
    sqlite3_exec(db_handle(db), "PRAGMA max_page_count=20", NULL, NULL, NULL);
    batch_run(db, inserts, countof(inserts));
    assert_int_equal(inserts[1].task.rc, -ERR_FULL);
    assert_true(inserts[0].done && inserts[1].done);
    batch_run(db, &after, 1);
    assert_int_equal(after.task.rc, 0);
    assert_int_equal(broken.code, ERR_NONE);
    assert_int_equal(count_rows(db), inserts[0].task.rc == 0 ? 2 : 1);
    db_close(db);
}

static void the_log_is_checkpointed_by_size(void **state)
{
    struct db *db = writer_open(*state, 2);

    for (int i = 0; i < 40; i++) {
        struct insert insert = { .sql = "INSERT INTO t (name) VALUES (hex(randomblob(100000)))" };
        batch_run(db, &insert, 1);
        assert_int_equal(insert.task.rc, 0);
    }
    assert_true(file_size(*state, "farm.db") > 4 * 1000 * 1000);
    assert_in_range(file_size(*state, "farm.db-wal"), 1, 6 * 1000 * 1000);
    db_close(db);
}

/* --- kill -9 --- */

/* The child commits batches on a strand and tells a row's number only when it is done. */
struct told {
    struct insert insert;
    struct strand *strand;
    int fd;
    uint32_t rows;
};

static void on_told(struct task *task)
{
    struct told *told = container_of(container_of(task, struct insert, task), struct told, insert);

    told->rows++;
    if (task->rc < 0 || write(told->fd, &told->rows, sizeof told->rows) < 0)
        _exit(1);
    strand_post(told->strand, task, insert_work, on_told);
}

static void writer_child(const char *folder, int fd)
{
    struct strand_batch batch;
    uv_loop_t loop;
    struct told told = { .fd = fd };

    told.insert.db = writer_open(folder, 2);
    told.insert.sql = "INSERT INTO t (name) VALUES (hex(randomblob(1000)))";
    told.rows = (uint32_t)count_rows(told.insert.db);
    db_batch(told.insert.db, &batch);
    uv_loop_init(&loop);
    told.strand = strand_new(&loop, &batch, NULL, NULL);
    strand_post(told.strand, &told.insert.task, insert_work, on_told);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

static uint32_t kill_after(const char *folder, int acknowledged)
{
    int ends[2];
    uint32_t last = 0;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        writer_child(folder, ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < acknowledged; i++)
        assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
    kill(pid, SIGKILL);
    while (read(ends[0], &last, sizeof last) == sizeof last)
        ;
    waitpid(pid, NULL, 0);
    close(ends[0]);
    return last;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    for (int round = 0; round < 10; round++) {
        uint32_t told = kill_after(*state, 20 + 37 * round);
        struct db *db = writer_open(*state, 2);
        int64_t rows = count_rows(db);

        assert_in_range(rows, told, told + 1); /* the last one may be durable and untold */
        db_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(what_was_acknowledged_survives_kill_9), /* first: it forks */
        unit_test_in_folder(rows_come_back_as_they_were_bound),
        unit_test_in_folder(a_broken_constraint_is_a_conflict),
        unit_test_in_folder(one_writer_at_a_time),
        unit_test_in_folder(the_settings_are_those_of_a_durable_queue),
        unit_test_in_folder(an_older_schema_is_copied_and_then_migrated),
        unit_test_in_folder(a_newer_schema_is_refused),
        unit_test_in_folder(a_migration_that_fails_leaves_no_trace),
        unit_test_in_folder(a_database_of_another_program_is_refused),
        unit_test_in_folder(a_reader_never_checkpoints),
        unit_test_in_folder(a_task_that_fails_spoils_no_other),
        unit_test_in_folder(a_commit_that_fails_breaks_the_strand),
        unit_test_in_folder(an_io_error_breaks_the_strand),
        unit_test_in_folder(a_full_disk_is_told_and_the_strand_goes_on),
        unit_test_in_folder(the_log_is_checkpointed_by_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
