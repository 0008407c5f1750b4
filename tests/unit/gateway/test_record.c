#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>

#include "gateway/record.h"
#include "sos/base/buf.h"

static char *text_of(const char *path)
{
    struct buf text;
    struct err err = { 0 };
    buf_init(&text, 1 << 20);
    assert_ok(fs_read(path, &text, &err), err);
    return buf_take(&text);
}

static void each_download_is_a_line(void **state)
{
    const struct rules_target jar = { .repository = "mvn", .url = "/artifactory/mvn/a/b.jar" };
    const struct rules_target list = { .repository = "go",
                                       .metadata = true,
                                       .url = "/artifactory/api/go/go/m/@v/list" };
    struct digests digests = { .size_bytes = 42 };
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct record record;
    struct err err = { 0 };
    sha256_hex("x", 1, digests.sha256);
    assert_ok(record_open(path, &record, &err), err);
    assert_ok(record_download(&record, &jar, NULL, &err), err);
    assert_ok(record_download(&record, &jar, &digests, &err), err);
    assert_ok(record_download(&record, &list, &digests, &err), err);
    assert_ok(record_trouble(&record, "refused", 405, "PO\nST", "/a b\x01", &err), err);
    record_close(&record);
    auto_free char *text = text_of(path);
    auto_free char *wanted = xasprintf("file mvn - - /artifactory/mvn/a/b.jar\n"
                                       "file mvn 42 %s /artifactory/mvn/a/b.jar\n"
                                       "metadata go 42 %s /artifactory/api/go/go/m/@v/list\n"
                                       "refused 405 PO?ST /a?b?\n",
                                       digests.sha256, digests.sha256);
    assert_string_equal(text, wanted);
}

static void a_record_that_is_there_is_not_taken_over(void **state)
{
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct record record;
    struct err err = { 0 };
    assert_ok(record_open(path, &record, &err), err);
    record_close(&record);
    assert_true(record_open(path, &record, &err) < 0);
}

/* A line that is there in part would spoil the next. */
static void behind_a_line_that_failed_comes_no_other(void **state)
{
    const struct rules_target jar = { .repository = "mvn", .url = "/artifactory/mvn/a/b.jar" };
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct record record;
    struct rlimit before, small;
    struct err err = { 0 };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(record_open(path, &record, &err), err);
    setrlimit(RLIMIT_FSIZE, &small);
    int full = record_download(&record, &jar, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(full, -ERR_IO);
    assert_fails(record_download(&record, &jar, NULL, &err), ERR_IO);
    assert_ok(record_trouble(&record, "refused", 429, "GET", jar.url, &err), err);
    record_close(&record);
    auto_free char *text = text_of(path);
    assert_string_equal(text, "file mvn -");
}

static void troubles_end_somewhere(void **state)
{
    auto_free char *path = xasprintf("%s/record", (const char *)*state);
    struct record record;
    struct err err = { 0 };
    size_t lines = 0;
    assert_ok(record_open(path, &record, &err), err);
    for (int i = 0; i < RECORD_REFUSED_MAX + 500; i++)
        assert_ok(record_trouble(&record, "refused", 403, "GET", "/x", &err), err);
    record_close(&record);
    auto_free char *text = text_of(path);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, RECORD_REFUSED_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(each_download_is_a_line),
        unit_test_in_folder(a_record_that_is_there_is_not_taken_over),
        unit_test_in_folder(behind_a_line_that_failed_comes_no_other),
        unit_test_in_folder(troubles_end_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
