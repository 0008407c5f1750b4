#include "sos/base/utf8.h"

#include "tests/unit/unit.h"

static bool valid(const char *s)
{
    return utf8_is_valid(s, strlen(s));
}

static void what_rfc_3629_allows_is_valid(void **state)
{
    (void)state;
    assert_true(valid(""));
    assert_true(valid("plain"));
    assert_true(valid("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80"));
    assert_true(valid("\xf4\x8f\xbf\xbf"));         /* the last code point */
    assert_true(valid("\xed\x9f\xbf\xee\x80\x80")); /* around the surrogates */
}

static void what_it_forbids_is_not(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a tail alone */
        "\xc0\xaf",         /* '/' in two bytes */
        "\xe0\x80\xaf",     /* and in three */
        "\xf0\x80\x80\xaf", /* and in four */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* past the last */
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xe2\x82", /* cut short */
        "\xe2(\xa1",
    };
    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        if (valid(bad[i]))
            fail_msg("case %zu passed", i);
}

static void a_cut_never_leaves_half_a_character(void **state)
{
    const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11 };
    (void)state;
    for (size_t len = 0; len < countof(want); len++)
        assert_int_equal(utf8_cut(text, len), want[len]);
}

static void what_moves_the_cursor_or_turns_text_is_unsafe(void **state)
{
    static const uint32_t unsafe[] = { 0, '\n', 0x1b, 0x7f, 0x9b, 0x200f, 0x202e, 0x2066, 0xfeff };
    static const uint32_t safe[] = { ' ', 'a', 0xa0, 0xfc, 0x20ac, 0x1f600 };
    (void)state;
    for (size_t i = 0; i < countof(unsafe); i++)
        assert_true(utf8_is_unsafe(unsafe[i]));
    for (size_t i = 0; i < countof(safe); i++)
        assert_false(utf8_is_unsafe(safe[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rfc_3629_allows_is_valid),
        cmocka_unit_test(what_it_forbids_is_not),
        cmocka_unit_test(a_cut_never_leaves_half_a_character),
        cmocka_unit_test(what_moves_the_cursor_or_turns_text_is_unsafe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
