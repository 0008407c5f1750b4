#include "tests/unit/unit.h"

#include "server/disk/logs.h"
#include "sos/base/id.h"

static const char build[] = "bld_01JD8Q3V6Z0000000000000000";

static void log_is(struct logs *logs, const char *text)
{
    int fd;
    int64_t size;
    struct err err = { 0 };
    char data[100] = "";
    assert_ok(log_open(logs, build, 1, &fd, &size, &err), err);
    assert_int_equal(read(fd, data, sizeof data - 1), size);
    assert_string_equal(data, text);
    close(fd);
}

static int append(struct logs *logs, int64_t offset, const char *text, int64_t *size)
{
    return log_append(logs, build, 1, offset, text, strlen(text), size, NULL);
}

static void open_in(void **state, int64_t size_max, struct logs **ret)
{
    struct err err = { 0 };
    auto_free char *dir = xasprintf("%s/logs", (const char *)*state);
    assert_ok(logs_open(dir, size_max, ret, &err), err);
}

static void repeated_bytes_are_kept_once(void **state)
{
    struct logs *logs;
    int64_t size = -1;
    open_in(state, 100, &logs);
    assert_int_equal(append(logs, 0, "hello ", &size), 0);
    assert_int_equal(append(logs, 0, "hello ", &size), 0);
    assert_int_equal(size, 6);
    assert_int_equal(append(logs, 3, "XXXworld", &size), 0); /* the first three are known */
    assert_int_equal(size, 11);
    log_is(logs, "hello world");
    assert_int_equal(append(logs, 11, "", &size), 0);
    assert_int_equal(size, 11);
    assert_int_equal(log_end(logs, build, 1, NULL), 0);
    logs_close(logs);

    open_in(state, 100, &logs);
    assert_int_equal(append(logs, 11, "!", &size), 0);
    log_is(logs, "hello world!");
    logs_close(logs);
}

static void a_gap_is_refused_and_tells_where_to_go_on(void **state)
{
    struct logs *logs;
    int64_t size = -1;
    struct err err = { 0 };
    open_in(state, 100, &logs);
    append(logs, 0, "abc", &size);
    assert_fails(log_append(logs, build, 1, 4, "e", 1, &size, &err), ERR_CONFLICT);
    assert_string_equal(err.reason, "LOG_GAP");
    assert_int_equal(size, 3);
    assert_fails(append(logs, -1, "e", &size), ERR_CONFLICT);
    assert_fails(append(logs, INT64_MAX, "e", &size), ERR_CONFLICT);
    log_is(logs, "abc");
    logs_close(logs);
}

static void a_log_is_filled_to_its_cap_and_not_beyond(void **state)
{
    struct logs *logs;
    int64_t size = -1;
    struct err err = { 0 };
    open_in(state, 5, &logs);
    assert_fails(log_append(logs, build, 1, 0, "1234567", 7, &size, &err), ERR_LIMIT);
    assert_string_equal(err.reason, "LOG_LIMIT");
    assert_int_equal(size, 5);
    assert_fails(append(logs, 5, "6", &size), ERR_LIMIT);
    assert_int_equal(append(logs, 0, "12345", &size), 0); /* a repeat of what fitted */
    log_is(logs, "12345");
    logs_close(logs);
}

static void a_log_without_a_byte_is_no_trouble(void **state)
{
    struct logs *logs;
    int fd;
    int64_t size;
    open_in(state, 5, &logs);
    assert_int_equal(log_end(logs, build, 1, NULL), 0);
    assert_fails(log_open(logs, build, 1, &fd, &size, NULL), ERR_NOT_FOUND);
    logs_close(logs);
}

/* What a client says never names a file elsewhere. */
static void only_ids_of_ours_become_paths(void **state)
{
    static const char *const wrong[] = {
        "", ".", "..", "../../etc", "bld_1", "bld_/../../../../x", "tok_01JD8Q3V6Z0000000000000000"
    };
    struct logs *logs;
    int fd;
    int64_t size;
    open_in(state, 5, &logs);
    for (size_t i = 0; i < countof(wrong); i++) {
        assert_fails(log_append(logs, wrong[i], 1, 0, "x", 1, &size, NULL), ERR_INVALID);
        assert_fails(log_open(logs, wrong[i], 1, &fd, &size, NULL), ERR_INVALID);
        assert_fails(log_end(logs, wrong[i], 1, NULL), ERR_INVALID);
    }
    assert_fails(log_open(logs, build, 0, &fd, &size, NULL), ERR_INVALID);
    logs_close(logs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(repeated_bytes_are_kept_once),
        unit_test_in_folder(a_gap_is_refused_and_tells_where_to_go_on),
        unit_test_in_folder(a_log_is_filled_to_its_cap_and_not_beyond),
        unit_test_in_folder(a_log_without_a_byte_is_no_trouble),
        unit_test_in_folder(only_ids_of_ours_become_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
