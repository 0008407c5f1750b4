#include "disk.h"

#include "server/disk/dependencies.h"

/* Made by cmake/embed.cmake. */
extern const struct db_migration server_migrations[];

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* `count` files, the first at place `first`, of the build's present attempt. */
static int add(struct disk *disk, const struct build_row *build, int first, int count)
{
    struct sos_dependency *all = xcalloc((size_t)count, sizeof *all);
    for (int i = 0; i < count; i++)
        all[i] = (struct sos_dependency){ .repository = xstrdup("npm"),
                                          .path = xasprintf("%04d", first + i),
                                          .url = xasprintf("http://s/%04d", first + i),
                                          .sha256 = xstrdup(A),
                                          .size_bytes = first + i,
                                          .cached = i % 2 == 1 };
    int rc = TASK(disk, dependencies_add(disk->db, build->msg.id, build->msg.attempt, first, all,
                                         (size_t)count, &disk->err));
    for (int i = 0; i < count; i++)
        sos_dependency_done(&all[i]);
    free(all);
    return rc;
}

static void they_come_back_in_order_and_in_pages(void **state)
{
    struct disk disk;
    struct build_row build;
    disk_open(&disk, state);
    build_make(&disk, &build);
    assert_ok(add(&disk, &build, 0, 5), disk.err);
    assert_ok(add(&disk, &build, 5, 2), disk.err);
    assert_ok(add(&disk, &build, 5, 2), disk.err); /* a repeat is fine */

    auto_free char *token = NULL;
    int seen = 0;
    for (int page = 0; page == 0 || token; page++) {
        struct sos_list_dependencies_response list;
        assert_ok(dependencies_list(disk.db, build.msg.id, 3, token, &list, &disk.err), disk.err);
        assert_string_equal(list.build, build.msg.id);
        for (size_t i = 0; i < list.dependencies_count; i++, seen++)
            assert_int_equal(list.dependencies[i].size_bytes, seen);
        free(token);
        token = xstrdup(list.next_page_token);
        sos_list_dependencies_response_done(&list);
    }
    assert_int_equal(seen, 7);
    build_row_done(&build);
    disk_close(&disk);
}

static void a_file_is_kept_once_for_all_builds(void **state)
{
    struct disk disk;
    struct build_row one, other;
    disk_open(&disk, state);
    build_make(&disk, &one);
    build_make(&disk, &other);
    assert_ok(add(&disk, &one, 0, 4), disk.err);
    assert_ok(add(&disk, &other, 0, 4), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads"), 4);
    assert_int_equal(count(&disk, "SELECT count(*) FROM dependencies"), 8);
    build_row_done(&one);
    build_row_done(&other);
    disk_close(&disk);
}

static void a_file_that_came_in_part_has_no_digest(void **state)
{
    struct sos_dependency file = { .repository = "npm", .path = "x", .url = "http://s/x" };
    struct sos_list_dependencies_response list;
    struct disk disk;
    struct build_row build;
    disk_open(&disk, state);
    build_make(&disk, &build);
    assert_ok(TASK(&disk, dependencies_add(disk.db, build.msg.id, build.msg.attempt, 0, &file, 1,
                                           &disk.err)),
              disk.err);
    assert_ok(dependencies_list(disk.db, build.msg.id, 0, NULL, &list, &disk.err), disk.err);
    assert_string_equal(list.dependencies[0].url, "http://s/x");
    assert_null(list.dependencies[0].sha256);
    sos_list_dependencies_response_done(&list);
    build_row_done(&build);
    disk_close(&disk);
}

/* What another build has stays, also what is had again before the sweep. */
static void a_file_goes_with_its_last_build(void **state)
{
    struct disk disk;
    struct build_row one, other;
    disk_open(&disk, state);
    build_make(&disk, &one);
    build_make(&disk, &other);
    assert_ok(add(&disk, &one, 0, 6), disk.err);
    assert_ok(add(&disk, &other, 0, 2), disk.err);
    assert_ok(TASK(&disk, db_run(disk.db, NULL, &disk.err, "DELETE FROM builds WHERE id = ?", "t",
                                 one.msg.id)),
              disk.err);
    assert_ok(add(&disk, &other, 2, 1), disk.err);
    assert_ok(TASK(&disk, downloads_sweep(disk.db, 2, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads"), 4);
    assert_ok(TASK(&disk, downloads_sweep(disk.db, 2, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads"), 3);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads WHERE loose = 1"), 0);
    assert_int_equal(count(&disk, "SELECT count(*) FROM dependencies d"
                                  " JOIN downloads f ON f.number = d.download"),
                     3);
    build_row_done(&one);
    build_row_done(&other);
    disk_close(&disk);
}

static void an_attempt_takes_the_place_of_those_before(void **state)
{
    struct disk disk;
    struct build_row build, other;
    disk_open(&disk, state);
    build_make(&disk, &build);
    build_make(&disk, &other);
    assert_ok(add(&disk, &build, 0, 3), disk.err);
    assert_ok(add(&disk, &other, 0, 1), disk.err);
    assert_ok(TASK(&disk, dependencies_forget(disk.db, build.msg.id, build.msg.attempt, &disk.err)),
              disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM dependencies"), 4);
    assert_ok(TASK(&disk,
                   dependencies_forget(disk.db, build.msg.id, build.msg.attempt + 1, &disk.err)),
              disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM dependencies"), 1);
    assert_ok(TASK(&disk, downloads_sweep(disk.db, 100, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads"), 1);
    build_row_done(&build);
    build_row_done(&other);
    disk_close(&disk);
}

/* As the farm of before left them: of two attempts the newer one's, each with its file. */
static void what_was_told_before_a_new_version_stays(void **state)
{
    auto_free char *path = xasprintf("%s/farm.db", (const char *)*state);
    struct sos_list_dependencies_response list;
    struct disk disk = { 0 };
    assert_ok(db_open_writer(path, server_migrations, 3, &disk.db, &disk.err), disk.err);
    db_batch(disk.db, &disk.batch);
    auto_free char *sql =
        xasprintf("INSERT INTO builds VALUES (1, 'bld_1', 'QUEUED', 1, 2, 2, '', 'p', 'ann', 's',"
                  " '" A "', 1, 0, '{\"id\":\"bld_1\",\"attempt\":2}');"
                  "INSERT INTO downloads VALUES (7, 'http://s/x', '" A "', 'npm', 'x', 5, 0),"
                  " (8, 'http://s/y', '" A "', 'npm', 'y', 6, 1);"
                  "INSERT INTO dependencies VALUES (1, 1, 0, 8, 0), (1, 2, 0, 7, 1);");
    task_begin(&disk);
    assert_int_equal(sqlite3_exec(db_handle(disk.db), sql, NULL, NULL, NULL), SQLITE_OK);
    task_end(&disk, 0);
    db_close(disk.db);

    disk_open(&disk, state);
    assert_ok(dependencies_list(disk.db, "bld_1", 0, NULL, &list, &disk.err), disk.err);
    assert_int_equal(list.dependencies_count, 1);
    assert_string_equal(list.dependencies[0].url, "http://s/x");
    assert_true(list.dependencies[0].cached);
    assert_ok(TASK(&disk, downloads_sweep(disk.db, 100, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads WHERE number = 7"), 1);
    assert_int_equal(count(&disk, "SELECT count(*) FROM downloads"), 1);
    assert_int_equal(count(&disk, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    sos_list_dependencies_response_done(&list);
    disk_close(&disk);
}

static void a_token_or_a_build_that_is_none_is_refused(void **state)
{
    struct sos_list_dependencies_response list;
    struct disk disk;
    struct build_row build;
    disk_open(&disk, state);
    build_make(&disk, &build);
    assert_fails(dependencies_list(disk.db, build.msg.id, 0, "x", &list, &disk.err), ERR_INVALID);
    assert_fails(dependencies_list(disk.db, "bld_none", 0, NULL, &list, &disk.err), ERR_NOT_FOUND);
    build_row_done(&build);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(they_come_back_in_order_and_in_pages),
        unit_test_in_folder(a_file_is_kept_once_for_all_builds),
        unit_test_in_folder(a_file_that_came_in_part_has_no_digest),
        unit_test_in_folder(a_file_goes_with_its_last_build),
        unit_test_in_folder(an_attempt_takes_the_place_of_those_before),
        unit_test_in_folder(what_was_told_before_a_new_version_stays),
        unit_test_in_folder(a_token_or_a_build_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
