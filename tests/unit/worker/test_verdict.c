#include "tests/unit/unit.h"
#include "worker/verdict.h"

static int parse(const char *json, struct verdict *ret)
{
    *ret = (struct verdict){ 0 };
    return verdict_parse_failure(json, strlen(json), ret, NULL);
}

static void a_recipe_says_why_it_failed(void **state)
{
    (void)state;
    struct verdict verdict;
    assert_int_equal(
        parse("{\"reason\":\"DEPENDENCIES\",\"message\":\"no\\nx\",\"hint\":\"go mod tidy\"}",
              &verdict),
        0);
    assert_int_equal(verdict.outcome, SOS_RESULT_OUTCOME_FAILURE);
    assert_int_equal(verdict.reason, SOS_RESULT_REASON_DEPENDENCIES);
    assert_string_equal(verdict.message, "no x");
    assert_string_equal(verdict.hint, "go mod tidy");
}

static void a_recipe_may_not_speak_for_the_farm(void **state)
{
    (void)state;
    static const char *const lies[] = {
        "{\"reason\":\"OOM\"}",
        "{\"reason\":\"WORKER_LOST\"}",
        "{\"reason\":\"VERSION_CONFLICT\"}",
        "{\"reason\":\"check\"}",
        "{\"reason\":1}",
        "{}",
        "[]",
        "",
        "{\"reason\":\"CHECK\",\"reason\":\"CHECK\"}",
        "{\"reason\":\"CHECK\"",
    };
    for (size_t i = 0; i < countof(lies); i++) {
        struct verdict verdict;
        assert_fails(parse(lies[i], &verdict), ERR_INVALID);
        assert_int_equal(verdict.outcome, SOS_RESULT_OUTCOME_UNSPECIFIED);
    }
}

static void text_of_a_build_cannot_steer_a_terminal(void **state)
{
    (void)state;
    char line[16];
    verdict_clean("a\033[2Jb\xff\xc3\xa9 ", 10, line, sizeof(line));
    assert_string_equal(line, "a [2Jb?\xc3\xa9");
    verdict_clean("0123456789abcd\xc3\xa9", 16, line, sizeof(line));
    assert_string_equal(line, "0123456789abcd");
}

static void an_error_of_the_farm_keeps_its_hint(void **state)
{
    (void)state;
    struct verdict verdict = { 0 };
    struct err err = { 0 };
    err_set(&err, ERR_IO, "disk %d", 7);
    err_hint(&err, "replace it");
    assert_int_equal(verdict_error(&verdict, SOS_RESULT_REASON_SANDBOX, &err), -1);
    assert_int_equal(verdict.outcome, SOS_RESULT_OUTCOME_ERROR);
    assert_string_equal(verdict.message, "disk 7");
    assert_string_equal(verdict.hint, "replace it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recipe_says_why_it_failed),
        cmocka_unit_test(a_recipe_may_not_speak_for_the_farm),
        cmocka_unit_test(text_of_a_build_cannot_steer_a_terminal),
        cmocka_unit_test(an_error_of_the_farm_keeps_its_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
