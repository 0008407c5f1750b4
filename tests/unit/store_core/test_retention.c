#include "tests/unit/unit.h"

#include "store/core/retention.h"

static struct retention_rule rule_of(const char *text)
{
    struct retention_rule rule;
    struct err err = { 0 };

    assert_ok(retention_parse(text, &rule, &err), err);
    return rule;
}

static void a_rule_is_read_word_by_word(void **state)
{
    (void)state;
    struct retention_rule rule =
        rule_of("  dev/a*/x  folders keep=20 age=30d unless-property=pin=a=b ");

    assert_string_equal(rule.repo, "dev");
    assert_string_equal(rule.pattern, "a*/x");
    assert_true(rule.folders);
    assert_int_equal(rule.keep, 20);
    assert_int_equal(rule.age_ms, INT64_C(30) * 24 * 60 * 60 * 1000);
    assert_string_equal(rule.key, "pin");
    assert_string_equal(rule.value, "a=b");
    assert_int_equal(rule_of("dev age=90s").age_ms, 90000);
    assert_false(rule_of("dev keep=1 unless-property=pin").has_value);
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "dev",
        "dev folders",
        "dev keep=0",
        "dev keep=x",
        "dev keep=1x",
        "dev age=-1d",
        "dev age=",
        "/x keep=1",
        "dev keep=1 x",
        "dev unless-property=",
        "dev keep=1 unless-property==x",
        "dev keep=1 unless-property=a b",
    };
    struct retention_rule rule;

    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        assert_fails(retention_parse(bad[i], &rule, NULL), ERR_INVALID);
}

/* Every condition that is told must be met: a rule with more conditions lets less go. */
static void all_conditions_must_be_met(void **state)
{
    struct retention_rule keep = rule_of("dev keep=2");
    struct retention_rule age = rule_of("dev age=10s");
    struct retention_rule both = rule_of("dev keep=2 age=10s");

    (void)state;
    for (int64_t rank = 0; rank < 5; rank++)
        for (int64_t old_ms = 0; old_ms < 20000; old_ms += 1000) {
            int64_t now_ms = 1000000;
            bool by_rank = retention_is_over(&keep, rank, now_ms - old_ms, now_ms);
            bool by_age = retention_is_over(&age, rank, now_ms - old_ms, now_ms);
            assert_int_equal(by_rank, rank >= 2);
            assert_int_equal(by_age, old_ms > 10000);
            assert_int_equal(retention_is_over(&both, rank, now_ms - old_ms, now_ms),
                             by_rank && by_age);
        }
}

static void a_pattern_is_for_the_whole_path(void **state)
{
    struct retention_rule rule = rule_of("dev/logs/*.txt keep=1");
    struct retention_rule all = rule_of("dev keep=1");

    (void)state;
    assert_true(retention_matches(&rule, "logs/a.txt"));
    assert_true(retention_matches(&rule, "logs/deep/a.txt"));
    assert_false(retention_matches(&rule, "logs/a.txt.gz"));
    assert_false(retention_matches(&rule, "old/logs/a.txt"));
    assert_true(retention_matches(&all, "anything/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_read_word_by_word),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(all_conditions_must_be_met),
        cmocka_unit_test(a_pattern_is_for_the_whole_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
