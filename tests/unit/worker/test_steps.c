#include "tests/unit/unit.h"
#include "worker/steps.h"

enum {
    EXITED_0 = 0,
    EXITED_3 = 3 << 8,
    EXITED_139 = 139 << 8,
    EXITED_153 = 153 << 8,
    KILLED_9 = 9
};

static const struct sos_limits limits = { .memory_bytes = 64 << 20,
                                          .pids = 64,
                                          .log_bytes = 1 << 20 };

static const struct step *step_named(const char *id)
{
    for (size_t i = 0; i < STEPS; i++)
        if (strcmp(steps[i].id, id) == 0)
            return &steps[i];
    fail();
    return NULL;
}

/* What happened, and the one name that it gets. */
static const struct {
    struct pump_result result;
    enum sos_result_outcome outcome;
    enum sos_result_reason reason;
} table[] = {
    { { .end = PUMP_EXITED, .status = EXITED_3 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_COMPILE },
    { { .end = PUMP_EXITED, .status = EXITED_139 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_SIGNALED },
    { { .end = PUMP_EXITED, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_SIGNALED },
    { { .end = PUMP_EXITED, .status = EXITED_153 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_DISK_FULL },
    { { .end = PUMP_EXITED, .status = EXITED_3, .disk_was_full = true },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_DISK_FULL },
    /* Also when the build itself thinks that all is well: a part of it was killed. */
    { { .end = PUMP_EXITED, .status = EXITED_0, .usage.oom_kills = 1 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_OOM },
    { { .end = PUMP_OOM, .status = KILLED_9 }, SOS_RESULT_OUTCOME_FAILURE, SOS_RESULT_REASON_OOM },
    { { .end = PUMP_PIDS, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_PIDS_LIMIT },
    { { .end = PUMP_EXITED, .status = EXITED_3, .usage.pids_refused = 1 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_PIDS_LIMIT },
    { { .end = PUMP_SILENT, .status = KILLED_9, .usage.pids_refused = 1 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_PIDS_LIMIT },
    { { .end = PUMP_SILENT, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_TIMEOUT,
      SOS_RESULT_REASON_SILENT_TIMEOUT },
    { { .end = PUMP_STEP_TIMEOUT, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_TIMEOUT,
      SOS_RESULT_REASON_STEP_TIMEOUT },
    { { .end = PUMP_BUILD_TIMEOUT, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_TIMEOUT,
      SOS_RESULT_REASON_BUILD_TIMEOUT },
    { { .end = PUMP_LOG_LIMIT, .status = KILLED_9 },
      SOS_RESULT_OUTCOME_FAILURE,
      SOS_RESULT_REASON_LOG_LIMIT },
};

static void every_end_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct verdict verdict = { 0 };
        assert_int_equal(step_judge(step_named("build"), &table[i].result, &limits, &verdict), -1);
        assert_int_equal(verdict.outcome, table[i].outcome);
        assert_int_equal(verdict.reason, table[i].reason);
        assert_true(verdict.message[0] != '\0');
    }
}

static void a_step_that_succeeds_may_have_met_its_limits(void **state)
{
    (void)state;
    struct pump_result result = { .end = PUMP_EXITED,
                                  .usage.pids_refused = 5,
                                  .disk_was_full = true };
    struct verdict verdict = { 0 };
    assert_int_equal(step_judge(step_named("build"), &result, &limits, &verdict), 0);
    assert_int_equal(verdict.outcome, SOS_RESULT_OUTCOME_UNSPECIFIED);
}

static void the_verb_gives_the_reason_and_the_last_line_the_message(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum sos_result_reason reason;
    } verbs[] = { { "inspect", SOS_RESULT_REASON_CHECK },
                  { "fetch", SOS_RESULT_REASON_DEPENDENCIES },
                  { "build", SOS_RESULT_REASON_COMPILE },
                  { "check", SOS_RESULT_REASON_PACKAGE } };
    for (size_t i = 0; i < countof(verbs); i++) {
        struct pump_result result = { .end = PUMP_EXITED, .status = EXITED_3, .line = "it broke" };
        struct verdict verdict = { 0 };
        assert_int_equal(step_judge(step_named(verbs[i].id), &result, &limits, &verdict), -1);
        assert_int_equal(verdict.reason, verbs[i].reason);
        assert_int_equal(verdict.exit_code, 3);
        assert_string_equal(verdict.message, "it broke");
    }
}

static void only_fetch_has_a_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < STEPS; i++)
        assert_int_equal(steps[i].network, strcmp(steps[i].id, "fetch") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_its_name),
        cmocka_unit_test(a_step_that_succeeds_may_have_met_its_limits),
        cmocka_unit_test(the_verb_gives_the_reason_and_the_last_line_the_message),
        cmocka_unit_test(only_fetch_has_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
