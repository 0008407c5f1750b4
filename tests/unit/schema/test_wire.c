/* The rules of the ProtoJSON codec, good side and bad side. */
#include "sos/base/wire.h"

#include "sos/v1.h"
#include "tests/unit/unit.h"

/* --- the bad side: each text is refused at its place --- */

struct refusal {
    const struct wire_type *type;
    const char *json;
    const char *pointer;
    const char *message; /* a part of it */
};

static void assert_refused(const struct refusal *refusal)
{
    size_t room = 4096;
    auto_free void *message = xmalloc(room);
    auto_free void *zero = xcalloc(1, room);
    struct wire_fault fault = { .pointer = "untouched" };
    struct err err = { 0 };

    memset(message, 0, room);
    assert_fails(wire_parse(refusal->type, refusal->json, strlen(refusal->json), WIRE_STRICT,
                            message, &fault, &err),
                 ERR_INVALID);
    if (strcmp(fault.pointer, refusal->pointer) != 0 || !strstr(fault.message, refusal->message))
        fail_msg("%s: refused at \"%s\": %s", refusal->json, fault.pointer, fault.message);
    assert_non_null(strstr(err.text, fault.message));
    assert_memory_equal(message, zero, room); /* nothing is owned */
}

static void a_refusal_names_its_place(void **state)
{
    const struct wire_type *build = &sos_build_type;
    const struct wire_type *request = &sos_create_build_request_type;
    const struct refusal refusals[] = {
        { request, "{\"projekt\":\"a\"}", "/projekt", "unknown field; did you mean \"project\"?" },
        { request, "{\"vcs\":{\"comit\":\"a\"}}", "/vcs/comit", "did you mean \"commit\"?" },
        { request, "{\"zzzzzz\":1}", "/zzzzzz", "unknown field" },
        { request, "{\"a/b~c\":1}", "/a~1b~0c", "unknown field" },
        { request, "{\"project\":1}", "/project", "must be a string" },
        { request, "{\"noCache\":\"true\"}", "/noCache", "must be true or false" },
        { request, "{\"vcs\":[]}", "/vcs", "must be an object" },
        { request, "{\"labels\":[]}", "/labels", "must be an object of strings" },
        { request, "{\"labels\":{\"a\":null}}", "/labels/a", "must be a string" },
        { request, "{\"priority\":\"URGENT\"}", "/priority", "must be one of LOW, NORMAL, HIGH" },
        { request, "{\"priority\":\"low\"}", "/priority", "must be one of" },
        { request, "{\"priority\":9}", "/priority", "must be one of" },
        { request, "{\"priority\":true}", "/priority", "must be one of" },
        { build, "{\"steps\":{}}", "/steps", "must be a list" },
        { build, "{\"steps\":[{},null]}", "/steps/1", "must be an object" },
        { build, "{\"steps\":[{},{\"id\":\"x\"},{\"exitCode\":\"\"}]}", "/steps/2/exitCode",
          "whole" },
        { build, "{\"noCache\":true,\"no_cache\":true}", "/no_cache", "told twice" },
        { build, "[]", "", "must be an object" },
    };
    (void)state;
    for (size_t i = 0; i < countof(refusals); i++)
        assert_refused(&refusals[i]);
}

static void numbers_out_of_form_or_range_are_refused(void **state)
{
    static const char *const bad32[] = { "2147483648", "-2147483649", "1.5",     "\"1.5\"",
                                         "\" 1\"",     "\"+1\"",      "\"01\"",  "\"\"",
                                         "\"0x1\"",    "true",        "\"NaN\"", "1e10" };
    static const char *const bad64[] = { "\"9223372036854775808\"", "1e19", "0.5", "{}" };
    (void)state;
    for (size_t i = 0; i < countof(bad32); i++) {
        auto_free char *json = xasprintf("{\"number\":%s}", bad32[i]);
        assert_refused(&(struct refusal){ &sos_build_type, json, "/number", "whole number" });
    }
    for (size_t i = 0; i < countof(bad64); i++) {
        auto_free char *json = xasprintf("{\"sourceDateEpoch\":%s}", bad64[i]);
        assert_refused(&(struct refusal){ &sos_build_type, json, "/sourceDateEpoch", "whole" });
    }
}

static void times_and_durations_out_of_form_or_range_are_refused(void **state)
{
    static const char *const times[] = { "\"\"", "\"yesterday\"", "\"2026-02-30T00:00:00Z\"",
                                         "\"0000-12-31T23:59:59Z\"", "1700000000" };
    static const char *const durations[] = { "\"1\"",   "\"s\"",    "\"1.s\"",
                                             "\".5s\"", "\"1m\"",   "\"+1s\"",
                                             "\"1s \"", "\"--1s\"", "\"1.0123456789s\"",
                                             "1",       "\"1e3s\"", "\"315576000001s\"" };
    (void)state;
    for (size_t i = 0; i < countof(times); i++) {
        auto_free char *json = xasprintf("{\"createTime\":%s}", times[i]);
        assert_refused(&(struct refusal){ &sos_build_type, json, "/createTime", "must be a time" });
    }
    for (size_t i = 0; i < countof(durations); i++) {
        auto_free char *json = xasprintf("{\"timeout\":%s}", durations[i]);
        assert_refused(&(struct refusal){ &sos_build_type, json, "/timeout", "be a duration" });
    }
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{} {}",
        "{'a':1}",
        "\xef\xbb\xbf{}",                        /* a byte order mark */
        "{\"project\":\"a\",\"project\":\"b\"}", /* a key twice */
        "{\"labels\":{\"a\":\"1\",\"a\":\"2\"}}",
        "{\"project\":\"\\u0000\"}",      /* NUL */
        "{\"project\":\"\xc0\xaf\"}",     /* overlong */
        "{\"project\":\"\xed\xa0\x80\"}", /* a surrogate */
        "{\"project\":\"\\ud800\"}",      /* half a pair */
        "{\"project\":\"\xff\"}",
        "{\"project\":\"a\nb\"}", /* a bare control byte */
        "{\"number\":99999999999999999999}",
        "{\"number\":01}",
        "{\"number\":NaN}",
    };
    (void)state;
    for (size_t i = 0; i < countof(texts); i++)
        assert_refused(&(struct refusal){ &sos_build_type, texts[i], "", "not JSON, line" });
}

static void a_text_may_be_32_deep_and_no_deeper(void **state)
{
    struct sos_version version;
    char json[200];
    (void)state;

    for (int depth = 30; depth <= 33; depth++) {
        snprintf(json, sizeof(json), "{\"x[[{\\\"\":%.*s%.*s}", depth - 1,
                 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth - 1,
                 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        assert_int_equal(sos_version_read(json, strlen(json), &version, NULL),
                         depth <= 32 ? 0 : -ERR_INVALID);
    }
    assert_refused(&(struct refusal){ &sos_version_type, json, "", "nested deeper than 32" });
}

static void a_long_pointer_is_cut_at_a_whole_character(void **state)
{
    char json[1000] = "{\"a";
    struct sos_version version;
    struct wire_fault fault;
    (void)state;

    for (int i = 0; i < 150; i++)
        strcat(json, "\xc3\xa9");
    strcat(json, "\":1}");
    assert_fails(sos_version_parse(json, strlen(json), &version, &fault, NULL), ERR_INVALID);
    assert_int_equal(strlen(fault.pointer), sizeof(fault.pointer) - 2); /* "/a", then pairs */
    assert_int_equal(fault.pointer[strlen(fault.pointer) - 1], (char)0xa9);
}

/* --- the good side --- */

static void parse_build(const char *json, struct sos_build *ret)
{
    struct err err = { 0 };
    assert_ok(sos_build_parse(json, strlen(json), ret, NULL, &err), err);
}

static void numbers_may_be_written_in_each_way_of_protojson(void **state)
{
    static const char *const twelve[] = { "12", "\"12\"", "12.0", "1.2e1" };
    struct sos_build build;
    (void)state;

    for (size_t i = 0; i < countof(twelve); i++) {
        auto_free char *json =
            xasprintf("{\"number\":%s,\"sourceDateEpoch\":%s}", twelve[i], twelve[i]);
        parse_build(json, &build);
        assert_int_equal(build.number, 12);
        assert_int_equal(build.source_date_epoch, 12);
        sos_build_done(&build);
    }
    parse_build("{\"number\":-2147483648,\"sourceDateEpoch\":\"-9223372036854775808\"}", &build);
    assert_true(build.number == INT32_MIN && build.source_date_epoch == INT64_MIN);
    sos_build_done(&build);
}

static void both_names_of_a_field_are_read(void **state)
{
    struct sos_build build;
    (void)state;

    parse_build("{\"createdBy\":\"a\",\"origin_build\":\"b\"}", &build);
    assert_string_equal(build.created_by, "a");
    assert_string_equal(build.origin_build, "b");
    sos_build_done(&build);
}

static void null_and_empty_are_absent(void **state)
{
    struct sos_build build;
    (void)state;

    parse_build("{\"id\":null,\"vcs\":null,\"steps\":null,\"labels\":null,\"state\":null,"
                "\"createTime\":null,\"project\":\"\",\"image\":{}}",
                &build);
    assert_null(build.id);
    assert_null(build.vcs);
    assert_int_equal(build.steps_count, 0);
    assert_null(build.project);
    assert_non_null(build.image); /* an empty message is there */

    auto_free char *text = sos_build_text(&build, NULL);
    assert_string_equal(text, "{\"image\":{}}");
    sos_build_done(&build);
}

static void empty_elements_are_kept(void **state)
{
    const char *json = "{\"missing\":[\"\",\"a\",\"\"]}";
    struct sos_source source;
    struct err err = { 0 };
    (void)state;

    assert_ok(sos_source_parse(json, strlen(json), &source, NULL, &err), err);
    assert_int_equal(source.missing_count, 3);
    assert_string_equal(source.missing[2], "");
    auto_free char *text = sos_source_text(&source, NULL);
    assert_string_equal(text, json);
    sos_source_done(&source);
}

static void enums_are_read_by_name_and_by_number(void **state)
{
    struct sos_build build;
    (void)state;

    parse_build("{\"state\":\"TIMED_OUT\",\"priority\":3}", &build);
    assert_int_equal(build.state, SOS_BUILD_STATE_TIMED_OUT);
    assert_int_equal(build.priority, SOS_PRIORITY_HIGH);
    sos_build_done(&build);

    assert_string_equal(wire_enum_name(&sos_role_enum, SOS_ROLE_ADMIN), "ADMIN");
    assert_null(wire_enum_name(&sos_role_enum, 99));
    assert_int_equal(wire_enum_value(&sos_role_enum, "WORKER"), SOS_ROLE_WORKER);
    assert_int_equal(wire_enum_value(&sos_role_enum, "worker"), -1);
}

static void durations_and_times_are_cut_to_milliseconds(void **state)
{
    struct sos_build build;
    (void)state;

    parse_build("{\"timeout\":\"-1.0019s\",\"createTime\":\"2026-11-23T18:02:11.2509+02:00\"}",
                &build);
    assert_int_equal(build.timeout_ms, -1001);
    auto_free char *text = sos_build_text(&build, NULL);
    assert_string_equal(text,
                        "{\"timeout\":\"-1.001s\",\"createTime\":\"2026-11-23T16:02:11.250Z\"}");
    sos_build_done(&build);
}

static void a_lenient_reader_passes_over_what_it_does_not_know(void **state)
{
    const char *json = "{\"new\":{\"a\":[1]},\"state\":\"NEWEST\",\"priority\":77,\"id\":\"b\"}";
    struct sos_build build;
    struct err err = { 0 };
    (void)state;

    assert_ok(sos_build_read(json, strlen(json), &build, &err), err);
    assert_string_equal(build.id, "b");
    assert_int_equal(build.state, SOS_BUILD_STATE_UNSPECIFIED);
    assert_int_equal(build.priority, SOS_PRIORITY_UNSPECIFIED);
    sos_build_done(&build);
}

static void what_is_written_is_json_whatever_the_bytes(void **state)
{
    char message[] = "a\xff\x01\"\\\n\t\xe2\x82z\x7f";
    struct sos_build build = { .message = message };
    (void)state;

    auto_free char *text = sos_build_text(&build, NULL);
    assert_string_equal(text,
                        "{\"message\":\"a\xef\xbf\xbd\\u0001\\\"\\\\\\n\\t\xef\xbf\xbd\xef\xbf\xbd"
                        "z\x7f\"}");
}

static void a_copy_shares_nothing(void **state)
{
    const char *json = "{\"id\":\"a\",\"image\":{\"name\":\"go\"},\"labels\":{\"k\":\"v\"},"
                       "\"steps\":[{\"id\":\"s\"},{}]}";
    struct sos_build build, copy;
    (void)state;

    parse_build(json, &build);
    sos_build_copy(&copy, &build);
    sos_build_done(&build);
    assert_null(build.id);
    size_t len = 0;
    auto_free char *text = sos_build_text(&copy, &len);
    assert_string_equal(text, json);
    assert_int_equal(len, strlen(json));
    sos_build_done(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_names_its_place),
        cmocka_unit_test(numbers_out_of_form_or_range_are_refused),
        cmocka_unit_test(times_and_durations_out_of_form_or_range_are_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_text_may_be_32_deep_and_no_deeper),
        cmocka_unit_test(a_long_pointer_is_cut_at_a_whole_character),
        cmocka_unit_test(numbers_may_be_written_in_each_way_of_protojson),
        cmocka_unit_test(both_names_of_a_field_are_read),
        cmocka_unit_test(null_and_empty_are_absent),
        cmocka_unit_test(empty_elements_are_kept),
        cmocka_unit_test(enums_are_read_by_name_and_by_number),
        cmocka_unit_test(durations_and_times_are_cut_to_milliseconds),
        cmocka_unit_test(a_lenient_reader_passes_over_what_it_does_not_know),
        cmocka_unit_test(what_is_written_is_json_whatever_the_bytes),
        cmocka_unit_test(a_copy_shares_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
