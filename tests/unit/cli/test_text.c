/* Build output is foreign bytes: nothing of it but text and colours reaches a terminal. */
#include "tests/unit/unit.h"

#include "cli/text.h"

#include <string.h>

static void expect_filtered(const char *in, bool color, const char *want)
{
    struct text_filter whole = { .color = color }, bytewise = { .color = color };
    struct buf a, b;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    text_filter(&whole, in, strlen(in), &a);
    for (size_t i = 0; in[i]; i++)
        text_filter(&bytewise, in + i, 1, &b);
    assert_string_equal(a.data ? a.data : "", want);
    assert_string_equal(b.data ? b.data : "", want); /* wherever the stream is cut */
    buf_done(&a);
    buf_done(&b);
}

static void escapes_are_stripped_and_colours_kept_only_when_wished(void **state)
{
    (void)state;
    expect_filtered("plain\ttext\n", false, "plain\ttext\n");
    expect_filtered("\033]0;pwned\atext", true, "text");
    expect_filtered("\033]8;;http://x\033\\link", true, "link");
    expect_filtered("\033[31mred\033[0m", true, "\033[31mred\033[0m");
    expect_filtered("\033[31mred\033[0m", false, "red");
    expect_filtered("\033[2J\033[Hx", true, "x");
    expect_filtered("\033[?1049hx", true, "x");
    expect_filtered("ab\bc\ad", true, "abcd");
    expect_filtered("10%\r20%\r\ndone", true, "10%\n20%\ndone"); /* a progress bar */
    expect_filtered("a\033(Bb", true, "ab");
    expect_filtered("\033(", true, "");
    expect_filtered("x\302\2332Jy", true, "x2Jy"); /* CSI of C1 */
    expect_filtered("x\2332Jy", true, "x2Jy");
    expect_filtered("\342\202\254\302\251", false, "\342\202\254\302\251");
    expect_filtered("\033P1;2|x\033\\y", true, "y");
    expect_filtered("\303\244\n", false, "\303\244\n");
    expect_filtered("\033]unterminated\nnext", true, "\nnext");
}

static void expect_cut(const char *in, size_t width, const char *want)
{
    struct buf got;
    text_cut(in, width, true, &got);
    assert_string_equal(got.data, want);
    buf_done(&got);
}

static void a_line_is_cut_to_columns_and_never_within_a_character_or_a_colour(void **state)
{
    (void)state;
    expect_cut("abc", 5, "abc");
    expect_cut("abcdef", 3, "abc");
    expect_cut("\303\244\303\266x", 2, "\303\244\303\266");
    expect_cut("\033[31mred\033[0m", 2, "\033[31mre\033[0m");
    expect_cut("\033[31", 9, "\033[31\033[0m");
    expect_cut("", 3, "");
}

static void expect_shown(const char *in, bool utf8, const char *want)
{
    struct buf got;
    text_shown(in, utf8, &got);
    assert_string_equal(got.data, want);
    buf_done(&got);
}

static void foreign_words_are_one_harmless_line(void **state)
{
    (void)state;
    expect_shown("a\nb\033[2J", true, "a b?[2J");
    expect_shown("\303\244 \342\200\246", true, "\303\244 \342\200\246");
    expect_shown("\303\244 \342\200\246 \342\200\224", false, "? ... -");
    expect_shown("\342\200\256x\377", true, "?x?"); /* right to left, and no UTF-8 */
    expect_shown("", true, "");
}

static void numbers_read_well(void **state)
{
    (void)state;
    char room[TEXT_MAX];
    assert_string_equal(text_bytes(0, room), "0 B");
    assert_string_equal(text_bytes(999, room), "999 B");
    assert_string_equal(text_bytes(1800, room), "1.8 kB");
    assert_string_equal(text_bytes(14200, room), "14 kB");
    assert_string_equal(text_bytes(999950, room), "1.0 MB");
    assert_string_equal(text_duration(-1, room), "0.0s");
    assert_string_equal(text_duration(400, room), "0.4s");
    assert_string_equal(text_duration(41000, room), "41s");
    assert_string_equal(text_duration(64000, room), "1m04s");
    assert_string_equal(text_duration(7500000, room), "2h05m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_stripped_and_colours_kept_only_when_wished),
        cmocka_unit_test(a_line_is_cut_to_columns_and_never_within_a_character_or_a_colour),
        cmocka_unit_test(foreign_words_are_one_harmless_line),
        cmocka_unit_test(numbers_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
