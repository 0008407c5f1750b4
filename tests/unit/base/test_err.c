#include "sos/base/err.h"

#include <errno.h>

#include "sos/base/utf8.h"
#include "tests/unit/unit.h"

static void failing_is_one_line_and_tells_why(void **state)
{
    struct err err;
    (void)state;
    assert_fails(err_set(&err, ERR_CONFLICT, "build %d is %s", 7, "final"), ERR_CONFLICT);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.text, "build 7 is final");
    assert_string_equal(err.hint, "");
    assert_null(err.reason);
}

static void errno_gives_the_code_and_the_words(void **state)
{
    static const struct {
        int number;
        enum err_code code;
    } cases[] = {
        { ENOENT, ERR_NOT_FOUND },
        { ENOSPC, ERR_FULL },
        { EDQUOT, ERR_FULL },
        { EIO, ERR_IO },
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        errno = cases[i].number;
        assert_fails(err_errno(&err, "open x"), cases[i].code);
    }
    assert_string_equal(err.text, "open x: Input/output error");
}

static void each_level_says_what_it_was_doing(void **state)
{
    struct err err;
    (void)state;
    err_set(&err, ERR_FULL, "no space left");
    err_reason(&err, "DISK_FULL");
    err_hint(&err, "free %d GiB", 2);
    err_wrap(&err, "store blob %s", "abc");
    assert_int_equal(err.code, ERR_FULL);
    assert_string_equal(err.text, "store blob abc: no space left");
    assert_string_equal(err.hint, "free 2 GiB");
    assert_string_equal(err.reason, "DISK_FULL");
}

static void an_error_may_be_made_of_itself(void **state)
{
    struct err err;
    (void)state;
    err_set(&err, ERR_IO, "inner");
    err_set(&err, ERR_LIMIT, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void what_does_not_fit_is_cut_at_a_character(void **state)
{
    struct err err;
    char text[600] = "";
    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, "\xe2\x82\xac");
    for (size_t shift = 0; shift < 3; shift++) {
        err_set(&err, ERR_IO, "%.*s%s", (int)shift, "ab", text);
        assert_true(strlen(err.text) >= sizeof(err.text) - 4);
        assert_true(utf8_is_valid(err.text, strlen(err.text)));
        err_wrap(&err, "%s", text);
        assert_true(utf8_is_valid(err.text, strlen(err.text)));
    }
}

static void nobody_need_want_to_know(void **state)
{
    (void)state;
    errno = ENOENT;
    assert_fails(err_errno(NULL, "x"), ERR_NOT_FOUND);
    assert_fails(err_set(NULL, ERR_DENIED, "x"), ERR_DENIED);
    err_wrap(NULL, "x");
    err_reason(NULL, "X");
    err_hint(NULL, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_is_one_line_and_tells_why),
        cmocka_unit_test(errno_gives_the_code_and_the_words),
        cmocka_unit_test(each_level_says_what_it_was_doing),
        cmocka_unit_test(an_error_may_be_made_of_itself),
        cmocka_unit_test(what_does_not_fit_is_cut_at_a_character),
        cmocka_unit_test(nobody_need_want_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
