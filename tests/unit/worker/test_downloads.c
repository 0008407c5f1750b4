#include "tests/unit/unit.h"

#include "sos/base/buf.h"
#include "worker/downloads.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void parse(struct downloads *downloads, const char *text)
{
    downloads_parse(downloads, text, strlen(text));
}

static void each_file_is_told_once_and_by_name(void **state)
{
    struct downloads all = { 0 };
    (void)state;
    parse(&all, "file npm 7 " A " /artifactory/api/npm/npm/x/-/x-1.tgz\n"
                "metadata npm 9 " B " /artifactory/api/npm/npm/x\n"
                "file npm 7 " A " /artifactory/api/npm/npm/x/-/x-1.tgz\n"
                "file mvn 0 " A " /artifactory/mvn/@a/b.jar\n");
    assert_int_equal(all.count, 3);
    assert_string_equal(all.all[0].url, "/api/npm/npm/x");
    assert_true(all.all[0].metadata);
    assert_string_equal(all.all[1].url, "/api/npm/npm/x/-/x-1.tgz");
    assert_int_equal(all.all[1].size_bytes, 7);
    assert_string_equal(all.all[2].repository, "mvn");
    assert_string_equal(download_path(&all.all[1]), "x/-/x-1.tgz");
    assert_string_equal(download_path(&all.all[2]), "@a/b.jar");
    downloads_done(&all);
}

static void a_line_that_is_none_is_passed_over(void **state)
{
    struct downloads all = { 0 };
    (void)state;
    parse(&all, "\n"
                "file\n"
                "file npm\n"
                "file npm x " A " /artifactory/npm/x\n"
                "file npm -1 " A " /artifactory/npm/x\n"
                "file npm 1 abc /artifactory/npm/x\n"
                "file npm 1 " A " /elsewhere/npm/x\n"
                "file npm 1 " A " /artifactory/other/x\n"
                "file npm 1 " A " /artifactory/api/npm\n"
                "file npm 1 " A " /artifactory/npm/x y\n"
                "something npm 1 " A " /artifactory/npm/x\n"
                "file npm 1 " A " /artifactory/npm/cut");
    assert_int_equal(all.count, 0);
    assert_int_equal(all.troubles_count, 0);
    downloads_done(&all);
}

static void troubles_are_counted_and_some_are_kept(void **state)
{
    struct downloads all = { 0 };
    (void)state;
    for (int i = 0; i < DOWNLOADS_TROUBLES_MAX + 5; i++)
        parse(&all, "refused 405 POST /a\x1b[2J\n");
    assert_int_equal(all.troubles_count, DOWNLOADS_TROUBLES_MAX + 5);
    assert_string_equal(all.troubles[0], "refused 405 POST /a?[2J");
    assert_string_equal(all.troubles[DOWNLOADS_TROUBLES_MAX - 1], "refused 405 POST /a?[2J");
    downloads_done(&all);
}

/* What its client did not take to the end is on record, but for what came whole later. */
static void a_file_that_was_only_begun_is_told(void **state)
{
    struct downloads now = { 0 };
    struct downloads next = { 0 };
    size_t len;
    (void)state;
    parse(&now, "file r - - /artifactory/r/again\n"
                "file r - - /artifactory/r/begun\nfile r - - /artifactory/r/begun\n"
                "metadata r - - /artifactory/r/list\n"
                "file r - " A " /artifactory/r/none\nfile r 1 - /artifactory/r/none\n"
                "file r 1 " A " /artifactory/r/again\n");
    assert_int_equal(now.count, 3);
    assert_string_equal(now.all[0].sha256, A);
    assert_string_equal(now.all[1].url, "/r/begun");
    assert_string_equal(now.all[1].sha256, "");
    assert_true(now.all[2].metadata);

    auto_free char *text = downloads_text(&now, &len);
    parse(&next, "file r 7 " B " /artifactory/r/begun\n");
    struct downloads kept = { 0 };
    parse(&kept, text);
    assert_int_equal(kept.count, 2);
    downloads_join(&next, &kept);
    assert_int_equal(next.count, 2);
    assert_true(next.all[0].cached);
    assert_string_equal(next.all[1].sha256, B);
    downloads_done(&now);
    downloads_done(&kept);
    downloads_done(&next);
}

/* The files of an earlier record are cached, but for those that came again; its metadata is old. */
static void a_record_is_joined_with_the_caches(void **state)
{
    struct downloads now = { 0 };
    struct downloads earlier = { 0 };
    (void)state;
    parse(&now, "file r 1 " A " /artifactory/r/again\nfile r 1 " A " /artifactory/r/new\n");
    parse(&earlier, "file r 1 " A " /artifactory/r/again\nfile r 1 " B " /artifactory/r/old\n"
                    "metadata r 1 " B " /artifactory/r/list\n");
    downloads_join(&now, &earlier);
    assert_int_equal(now.count, 3);
    assert_string_equal(now.all[0].url, "/r/again");
    assert_false(now.all[0].cached);
    assert_false(now.all[1].cached);
    assert_string_equal(now.all[2].url, "/r/old");
    assert_true(now.all[2].cached);

    size_t len;
    auto_free char *text = downloads_text(&now, &len);
    struct downloads again = { 0 };
    parse(&again, text);
    assert_int_equal(again.count, 3);
    assert_false(again.all[2].cached);
    downloads_done(&now);
    downloads_done(&earlier);
    downloads_done(&again);
}

/* What a cache holds and is on no record must not be kept. */
static void a_record_that_is_too_long_says_so(void **state)
{
    struct downloads now = { 0 };
    struct downloads earlier = { 0 };
    struct buf lines;
    size_t len;
    (void)state;
    buf_init(&lines, DOWNLOADS_BYTES_MAX);
    for (int i = 0; i < DOWNLOADS_MAX; i++)
        buf_printf(&lines, "file r - - /artifactory/r/%d\nfile r 1 " A " /artifactory/r/%d\n", i,
                   i);
    buf_add_str(&lines, "refused 405 POST /a\n");
    downloads_parse(&now, lines.data, lines.len);
    downloads_parse(&earlier, lines.data, lines.len);
    downloads_join(&now, &earlier); /* the same ones: they fit */
    assert_false(now.over);
    assert_int_equal(now.count, DOWNLOADS_MAX);
    buf_clear(&lines);
    buf_add_str(&lines, "file r 1 " A " /artifactory/r/new\n");
    downloads_done(&earlier);
    downloads_parse(&earlier, lines.data, lines.len);
    downloads_join(&now, &earlier);
    assert_true(now.over);
    assert_int_equal(now.count, DOWNLOADS_MAX);
    assert_null(downloads_text(&now, &len));
    downloads_done(&now);
    downloads_done(&earlier);
    buf_done(&lines);
}

/* Its gateway could write no more, and what it then refused is not there. */
static void a_full_record_says_so(void **state)
{
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct downloads all = { 0 };
    struct err err = { 0 };
    assert_ok(fs_write_atomic(path, "", 0, 0600, &err), err);
    assert_int_equal(truncate(path, DOWNLOADS_BYTES_MAX - 1), 0);
    assert_ok(downloads_read(&all, path, &err), err);
    assert_false(all.over);
    assert_int_equal(truncate(path, DOWNLOADS_BYTES_MAX), 0);
    assert_ok(downloads_read(&all, path, &err), err);
    assert_true(all.over);
    downloads_done(&all);
}

static void a_record_is_a_plain_file(void **state)
{
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct downloads all = { 0 };
    struct err err = { 0 };
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_true(downloads_read(&all, path, &err) < 0);
    assert_fails(downloads_read(&all, *state, &err), ERR_INVALID);
    downloads_done(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_is_told_once_and_by_name),
        cmocka_unit_test(a_line_that_is_none_is_passed_over),
        cmocka_unit_test(troubles_are_counted_and_some_are_kept),
        cmocka_unit_test(a_file_that_was_only_begun_is_told),
        cmocka_unit_test(a_record_is_joined_with_the_caches),
        cmocka_unit_test(a_record_that_is_too_long_says_so),
        unit_test_in_folder(a_full_record_says_so),
        unit_test_in_folder(a_record_is_a_plain_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
