#include "disk.h"

#include "server/disk/dependencies.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void build_make(struct disk *disk, struct build_row *ret)
{
    char source[TREE_ID_MAX];
    struct build_row row;
    source_make(disk, "source", source);
    row_make(&row, source, "demo");
    submit(disk, &row, NULL, ret);
    build_row_done(&row);
}

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
        unit_test_in_folder(a_token_or_a_build_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
