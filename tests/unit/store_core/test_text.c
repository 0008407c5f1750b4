#include "tests/unit/unit.h"

#include "store/core/errors.h"
#include "store/core/mime.h"
#include "store/core/text.h"
#include "store/core/when.h"

static void a_query_is_split_at_ampersands_only(void **state)
{
    static const struct {
        const char *query;
        const char *name;
        const char *value;
    } rows[] = {
        { "properties=a=1;b=2&recursive=0", "properties", "a=1;b=2" },
        { "properties=a=1;b=2&recursive=0", "recursive", "0" },
        { "list&deep=1", "list", "" },
        { "list&deep=1", "deep", "1" },
        { "a=&b", "a", "" },
        { "a=&b", "b", "" },
        { "xlist=1", "list", NULL },
        { "list2=1", "list", NULL },
        { "", "list", NULL },
        { "&&list", "list", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        size_t len = 99;
        const char *value = text_query(rows[i].query, rows[i].name, &len);
        if (!rows[i].value) {
            assert_null(value);
            continue;
        }
        assert_non_null(value);
        assert_int_equal(len, strlen(rows[i].value));
        assert_memory_equal(value, rows[i].value, len);
    }
}

static void an_encoded_path_decodes_to_itself(void **state)
{
    static const char path[] = "a b/c+d;e%f\"<>\u00e9/#?.x";
    struct buf buf;
    char back[100];

    (void)state;
    buf_init(&buf, 1000);
    text_encode_path(&buf, path);
    assert_null(strpbrk(buf.data, " ;\"<>#?"));
    assert_int_equal(text_decode(buf.data, buf.len, false, back, sizeof back, NULL), 0);
    assert_string_equal(back, path);
    buf_done(&buf);
}

static void decoding_never_passes_its_room(void **state)
{
    char small[4] = "xxx";

    (void)state;
    assert_int_equal(text_decode("%41bc", 5, false, small, sizeof small, NULL), 0);
    assert_string_equal(small, "Abc");
    assert_fails(text_decode("abcd", 4, false, small, sizeof small, NULL), ERR_LIMIT);
    assert_fails(text_decode("", 0, false, small, 0, NULL), ERR_LIMIT);
}

static void html_shows_names_and_runs_nothing(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    text_escape_html(&buf, "<a href='x'>\"&");
    assert_string_equal(buf.data, "&#60;a href=&#39;x&#39;&#62;&#34;&#38;");
    buf_done(&buf);
    assert_string_equal(mime_of("x.html"), "application/octet-stream");
    assert_string_equal(mime_of("x.svg"), "application/octet-stream");
    assert_string_equal(mime_of("a.JAR"), "application/java-archive");
    assert_string_equal(mime_of("none"), "application/octet-stream");
}

static void http_dates_come_back(void **state)
{
    char text[WHEN_TEXT_MAX];
    int64_t back;

    (void)state;
    for (int64_t at = 0; at < 4102444800000; at += 86399 * 1000 * 7LL) {
        when_http(at, text);
        assert_true(when_http_parse(text, &back));
        assert_true(back == at);
    }
    when_iso(1770000000123, text);
    assert_string_equal(text, "2026-02-02T02:40:00.123Z");
    when_iso(1770000000000, text);
    assert_string_equal(text, "2026-02-02T02:40:00.000Z");
    when_http(1770000000999, text);
    assert_string_equal(text, "Mon, 02 Feb 2026 02:40:00 GMT");
}

static void what_is_no_http_date_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "x",
                                       "Mon, 02 Feb 2026 02:40:00 UTC",
                                       "Mon, 02 Foo 2026 02:40:00 GMT",
                                       "Mon, 02 Feb 2026 25:40:00 GMT",
                                       "Mon, 99 Feb 2026 02:40:00 GMT",
                                       "Monday, 02-Feb-26 02:40:00 GMT",
                                       "2026-02-02T02:40:00.000Z     " };
    int64_t at;

    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(when_http_parse(bad[i], &at));
}

static void an_error_is_json_whatever_it_quotes(void **state)
{
    (void)state;
    auto_free char *plain = error_json(404, "File not found.");
    assert_string_equal(plain, "{\n  \"errors\": [\n    {\n      \"status\": 404,\n"
                               "      \"message\": \"File not found.\"\n    }\n  ]\n}");
    auto_free char *broken = error_json(400, "cut \xc3 and \xff");
    assert_non_null(strstr(broken, "cut ? and ?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_split_at_ampersands_only),
        cmocka_unit_test(an_encoded_path_decodes_to_itself),
        cmocka_unit_test(decoding_never_passes_its_room),
        cmocka_unit_test(html_shows_names_and_runs_nothing),
        cmocka_unit_test(http_dates_come_back),
        cmocka_unit_test(what_is_no_http_date_is_refused),
        cmocka_unit_test(an_error_is_json_whatever_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
