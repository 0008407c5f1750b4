#include "sos/base/buf.h"

#include "tests/unit/unit.h"

static void bytes_are_kept_with_a_nul_behind_them(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_add(&buf, "a\0b", 3), 0);
    assert_int_equal(buf_add_str(&buf, "cd"), 0);
    assert_int_equal(buf_printf(&buf, "%d", 12), 0);
    assert_int_equal(buf.len, 7);
    assert_memory_equal(buf.data, "a\0bcd12", 8);
    buf_done(&buf);
    assert_null(buf.data);
}

static void it_takes_its_max_and_not_one_byte_more(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 5);
    assert_int_equal(buf_add_str(&buf, "12345"), 0);
    assert_false(buf.over);
    assert_fails(buf_add_str(&buf, "6"), ERR_LIMIT);
    assert_fails(buf_printf(&buf, "%s", "x"), ERR_LIMIT);
    assert_string_equal(buf.data, "12345");
    assert_true(buf.over);
    assert_int_equal(buf_add_str(&buf, ""), 0);
    buf_clear(&buf);
    assert_false(buf.over);
    assert_int_equal(buf_add_str(&buf, "again"), 0);
    buf_done(&buf);
}

static void a_length_that_would_overflow_is_over_the_limit(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_add_str(&buf, "abc"), 0);
    assert_fails(buf_add(&buf, "x", SIZE_MAX - 2), ERR_LIMIT);
    assert_int_equal(buf.len, 3);
    buf_done(&buf);
}

static void it_grows_far_and_eats_from_the_front(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf_add(&buf, &(char){ (char)('a' + i % 26) }, 1), 0);
    buf_eat(&buf, 99999);
    assert_int_equal(buf.len, 1);
    assert_int_equal(buf.data[0], 'a' + 99999 % 26);
    buf_eat(&buf, 1);
    assert_int_equal(buf.len, 0);
    buf_eat(&buf, 0);
    buf_done(&buf);
}

static void what_is_taken_is_never_null_and_leaves_it_empty(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 10);
    auto_free char *nothing = buf_take(&buf);
    assert_string_equal(nothing, "");
    buf_add_str(&buf, "text");
    auto_free char *text = buf_take(&buf);
    assert_string_equal(text, "text");
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf_add_str(&buf, "0123456789"), 0); /* the max is as it was */
    assert_fails(buf_add_str(&buf, "x"), ERR_LIMIT);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_kept_with_a_nul_behind_them),
        cmocka_unit_test(it_takes_its_max_and_not_one_byte_more),
        cmocka_unit_test(a_length_that_would_overflow_is_over_the_limit),
        cmocka_unit_test(it_grows_far_and_eats_from_the_front),
        cmocka_unit_test(what_is_taken_is_never_null_and_leaves_it_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
