#include "tests/unit/unit.h"

#include "common/serve/http_text.h"

static void a_range_is_one_part_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t size;
        int rc;
        int64_t offset;
        int64_t len;
    } cases[] = {
        { "bytes=0-0", 10, 1, 0, 1 },  { "bytes=2-5", 10, 1, 2, 4 },
        { "bytes=5-", 10, 1, 5, 5 },   { "bytes=5-99", 10, 1, 5, 5 },
        { "bytes=-3", 10, 1, 7, 3 },   { "bytes=-99", 10, 1, 0, 10 },
        { "BYTES=1-2", 10, 1, 1, 2 },  { "bytes=0-18446744073709551615", 10, 0, 0, 0 },
        { "bytes=10-", 10, -1, 0, 0 }, { "bytes=-0", 10, -1, 0, 0 },
        { "bytes=0-", 0, -1, 0, 0 },   { "bytes=-5", 0, -1, 0, 0 },
        { "bytes=5-2", 10, 0, 0, 0 },  { "bytes=0-1,4-5", 10, 0, 0, 0 },
        { "bytes=", 10, 0, 0, 0 },     { "bytes=-", 10, 0, 0, 0 },
        { "bytes=a-b", 10, 0, 0, 0 },  { "lines=0-1", 10, 0, 0, 0 },
        { "bytes=+1-2", 10, 0, 0, 0 }, { "bytes=1-2x", 10, 0, 0, 0 },
        { "bytes=--1", 10, 0, 0, 0 },  { "bytes=9223372036854775807-", 10, 0, 0, 0 },
    };

    for (size_t i = 0; i < countof(cases); i++) {
        int64_t offset = 0;
        int64_t len = 0;
        int rc = http_text_range(cases[i].value, cases[i].size, &offset, &len);
        if (rc != cases[i].rc || offset != cases[i].offset || len != cases[i].len)
            fail_msg("%s of %d: %d, %d+%d", cases[i].value, (int)cases[i].size, rc, (int)offset,
                     (int)len);
    }
}

static void a_wait_is_found_among_preferences_and_capped(void **state)
{
    (void)state;

    assert_int_equal(http_text_wait_ms("wait=5", 25000), 5000);
    assert_int_equal(http_text_wait_ms("respond-async, wait=10", 25000), 10000);
    assert_int_equal(http_text_wait_ms("return=minimal; foo, Wait=3", 25000), 3000);
    assert_int_equal(http_text_wait_ms("wait=25", 25000), 25000);
    assert_int_equal(http_text_wait_ms("wait=9223372036854775807", 25000), 0);
    assert_int_equal(http_text_wait_ms("wait=999999999", 25000), 25000);
    assert_int_equal(http_text_wait_ms("await=5", 25000), 0);
    assert_int_equal(http_text_wait_ms("wait=-5", 25000), 0);
    assert_int_equal(http_text_wait_ms("", 25000), 0);
}

static bool decodes(const char *text, const char *want)
{
    char plain[64];
    return http_text_decode(text, strlen(text), plain) && strcmp(plain, want) == 0;
}

static void decoding_keeps_plus_and_refuses_what_is_no_escape(void **state)
{
    (void)state;
    char plain[64];

    assert_true(decodes("a+b%20c%2Fd%c3%a9", "a+b c/d\xc3\xa9"));
    assert_true(decodes("%25%32%35", "%25"));
    assert_true(decodes("", ""));
    assert_false(http_text_decode("%", 1, plain));
    assert_false(http_text_decode("%2", 2, plain));
    assert_false(http_text_decode("a%2", 3, plain));
    assert_false(http_text_decode("%2g", 3, plain));
    assert_false(http_text_decode("%00", 3, plain));
    assert_false(http_text_decode("a%4142", 3, plain)); /* its end is its end */
}

static void a_query_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const char *value = NULL;
    size_t len = 0;

    assert_true(http_text_query("ab=1&b=2;x&c", "b", &value, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(value, "2;x", 3);
    assert_true(http_text_query("ab=1&b=2&c", "c", &value, &len));
    assert_int_equal(len, 0);
    assert_true(http_text_query("a=b=c", "a", &value, &len));
    assert_int_equal(len, 3);
    assert_false(http_text_query("ab=1&b=2", "a", &value, &len));
    assert_false(http_text_query("x=a", "a", &value, &len));
    assert_false(http_text_query("&&=&", "a", &value, &len));
}

static void a_request_id_is_short_and_plain(void **state)
{
    (void)state;

    assert_true(http_text_is_request_id("req_01.A-b"));
    assert_false(http_text_is_request_id(""));
    assert_false(http_text_is_request_id("a b"));
    assert_false(http_text_is_request_id("a\"b"));
    assert_false(http_text_is_request_id(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_one_part_or_none),
        cmocka_unit_test(a_wait_is_found_among_preferences_and_capped),
        cmocka_unit_test(decoding_keeps_plus_and_refuses_what_is_no_escape),
        cmocka_unit_test(a_query_is_found_by_its_whole_name),
        cmocka_unit_test(a_request_id_is_short_and_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
