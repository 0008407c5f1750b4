#include "sos/base/clock.h"

#include "tests/unit/unit.h"

static void times_are_told_as_rfc_3339_has_them(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1795449731250, "2026-11-23T16:02:11.250Z" },
        { 951782400000, "2000-02-29T00:00:00Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
        { -62135596800000, "0001-01-01T00:00:00Z" },
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t ms = 0;
        struct err err;
        clock_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_ok(clock_parse(text, &ms, &err), err);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void a_time_out_of_range_is_told_as_the_last_one(void **state)
{
    char text[CLOCK_TEXT_MAX];
    (void)state;
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void offsets_and_fine_fractions_are_read(void **state)
{
    static const char *const same[] = {
        "2026-11-23T16:02:11.250Z",      "2026-11-23t16:02:11.25z",
        "2026-11-23T16:02:11.2509999Z",  "2026-11-23T18:32:11.250+02:30",
        "2026-11-22T17:02:11.250-23:00",
    };
    (void)state;
    for (size_t i = 0; i < countof(same); i++) {
        int64_t ms = 0;
        struct err err;
        assert_ok(clock_parse(same[i], &ms, &err), err);
        assert_int_equal(ms, 1795449731250);
    }
}

static void what_is_no_time_is_refused_and_leaves_the_result_alone(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T16:02:11",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01 00:00:00Z",
        " 2026-01-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+02:00x",
        "1900-02-29T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t ms = 42;
        if (clock_parse(bad[i], &ms, NULL) != -ERR_INVALID || ms != 42)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void durations_are_read_in_their_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "30", 30000 },     { "90s", 90000 }, { "1.5s", 1500 },       { "1h2m3s", 3723000 },
        { "250ms", 250 },    { "0", 0 },       { "7d", 604800000 },    { "1m30s", 90000 },
        { "2m5ms", 120005 }, { "0.25", 250 },  { "1d12h", 129600000 }, { "1.0001s", 1000 },
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t ms = -1;
        struct err err;
        assert_ok(clock_parse_duration(cases[i].text, &ms, &err), err);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const bad[] = {
        "",       "s",    "-1s",     "+1s",  " 1s",
        "1 s",    "1x",   "1s1m",    "1m1m", "1s5",
        "1.s",    ".5s",  "1.5m30s", "1e3",  "99999999999999999999d",
        "36501d", "1msx", "1h1",
    };
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t ms = 42;
        if (clock_parse_duration(bad[i], &ms, NULL) != -ERR_INVALID || ms != 42)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t before = clock_mono_ms();
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ms();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_told_as_rfc_3339_has_them),
        cmocka_unit_test(a_time_out_of_range_is_told_as_the_last_one),
        cmocka_unit_test(offsets_and_fine_fractions_are_read),
        cmocka_unit_test(what_is_no_time_is_refused_and_leaves_the_result_alone),
        cmocka_unit_test(durations_are_read_in_their_units),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
