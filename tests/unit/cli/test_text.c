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
    expect_filtered("a\rb\bc\ad", true, "abcd");
    expect_filtered("\033P1;2|x\033\\y", true, "y");
    expect_filtered("\303\244\n", false, "\303\244\n");
    expect_filtered("\033]unterminated\nnext", true, "next");
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
    assert_string_equal(text_duration(400, room), "0.4s");
    assert_string_equal(text_duration(41000, room), "41s");
    assert_string_equal(text_duration(64000, room), "1m04s");
    assert_string_equal(text_duration(7500000, room), "2h05m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_stripped_and_colours_kept_only_when_wished),
        cmocka_unit_test(numbers_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
