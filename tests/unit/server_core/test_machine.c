#include "made.h"

static const enum build_event all_ends[] = {
    BUILD_FINISH_OK,    BUILD_FINISH_FAIL, BUILD_FINISH_TIMEOUT, BUILD_FINISH_RETRY,
    BUILD_FINISH_ERROR, BUILD_LOST_RETRY,  BUILD_LOST,
};

static int apply(struct build *build, enum build_event event)
{
    struct build_move move = { .event = event, .now_wall_ms = 7, .worker = "w", .session = "s" };
    return build_apply(build, &move, NULL);
}

/* Every state meets every event: final states never move, and a refused event changes nothing. */
static void machine_is_total(void **state)
{
    (void)state;
    for (int s = 0; s < BUILD_STATES; s++) {
        for (int e = 0; e < BUILD_EVENTS; e++) {
            struct build *build = made(1, "D");
            build->msg.state = (enum sos_build_state)s;
            struct err err = { 0 };
            struct build_move move = {
                .event = (enum build_event)e, .now_wall_ms = 7, .worker = "w", .session = "s"
            };
            int rc = build_apply(build, &move, &err);

            assert_true(rc == 0 || rc == -ERR_CONFLICT);
            if (rc != 0) {
                assert_string_equal(err.reason, "BUILD_STATE");
                assert_int_equal(build->msg.state, s);
                assert_int_equal(build->revision, 1);
                assert_int_equal(build->msg.attempt, 0);
                assert_int_equal(build->msg.update_time_ms, 0);
                assert_null(build->msg.result);
            } else {
                assert_false(build_is_final((enum sos_build_state)s));
                assert_int_equal(build->revision, 2);
                assert_int_equal(build->msg.update_time_ms, 7);
                assert_int_not_equal(build->msg.state, SOS_BUILD_STATE_UNSPECIFIED);
            }
            build_free(build);
        }
    }
}

/* What must hold in a state however it was entered. */
static void check_build(const struct build *build)
{
    enum sos_build_state state = build->msg.state;
    assert_true(build_is_final(state) == (build->msg.finish_time_ms != 0));
    assert_true((build_is_final(state) || state == SOS_BUILD_STATE_CANCELING) ==
                (build->msg.result != NULL));
    assert_true(build_is_leased(state) == (build->session[0] != '\0'));
    assert_int_equal(build->msg.attempt, build->fence);
    if (state == SOS_BUILD_STATE_SUCCEEDED)
        assert_int_equal(build->msg.result->outcome, SOS_RESULT_OUTCOME_SUCCESS);
    if (state == SOS_BUILD_STATE_CANCELED)
        assert_int_equal(build->msg.result->outcome, SOS_RESULT_OUTCOME_CANCELLATION);
}

/* A random life keeps every invariant at every step, and each state is met. */
static void every_life_keeps_the_invariants(void **state)
{
    (void)state;
    bool met[BUILD_STATES] = { false };
    for (unsigned seed = 1; seed <= 500; seed++) {
        srand(seed);
        struct build *build = made(1, "D");
        for (int i = 0; i < 200 && !build_is_final(build->msg.state); i++) {
            apply(build, (enum build_event)(rand() % BUILD_EVENTS));
            check_build(build);
            met[build->msg.state] = true;
        }
        build_free(build);
    }
    for (int s = SOS_BUILD_STATE_QUEUED; s < BUILD_STATES; s++)
        assert_true(met[s]);
}

static void the_straight_way_ends_succeeded(void **state)
{
    (void)state;
    static const enum build_event way[] = { BUILD_LEASE, BUILD_PREPARE, BUILD_RUN, BUILD_FINISH_OK,
                                            BUILD_PUBLISHED };
    struct build *build = made(1, "D");
    for (size_t i = 0; i < countof(way); i++)
        made_apply(build, way[i]);
    assert_int_equal(build->msg.state, SOS_BUILD_STATE_SUCCEEDED);
    assert_int_equal(build->msg.attempt, 1);
    assert_string_equal(build->msg.worker, "w");
    build_free(build);
}

/* Once a cancel was accepted nothing the worker says can make another end of it. */
static void a_canceled_build_ends_canceled(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(all_ends); i++) {
        struct build *build = made(1, "D");
        made_apply(build, BUILD_LEASE);
        struct sos_result by_admin = { .outcome = SOS_RESULT_OUTCOME_CANCELLATION,
                                       .reason = SOS_RESULT_REASON_CANCELED_BY_ADMIN };
        struct build_move cancel = {
            .event = BUILD_CANCEL, .now_wall_ms = 8, .reason = "no", .result = &by_admin
        };
        assert_int_equal(build_apply(build, &cancel, NULL), 0);
        struct sos_result failure = { .outcome = SOS_RESULT_OUTCOME_FAILURE };
        struct build_move end = { .event = all_ends[i], .now_wall_ms = 9, .result = &failure };
        assert_int_equal(build_apply(build, &end, NULL), 0);

        assert_int_equal(build->msg.state, SOS_BUILD_STATE_CANCELED);
        assert_int_equal(build->msg.result->reason, SOS_RESULT_REASON_CANCELED_BY_ADMIN);
        assert_string_equal(build->msg.cancel_reason, "no");
        build_free(build);
    }
}

static enum build_event finish(int32_t attempt, enum sos_result_outcome outcome,
                               enum sos_result_reason reason)
{
    struct build build = { .msg = { .state = SOS_BUILD_STATE_RUNNING, .attempt = attempt } };
    struct sos_result result = { .outcome = outcome, .reason = reason };
    return build_finish_event(&build, &result);
}

/* For every reason there is: only the farm's own faults are tried again, and only thrice. */
static void only_the_farms_faults_are_retried(void **state)
{
    (void)state;
    int retried = 0;
    for (int r = 0; wire_enum_name(&sos_result_reason_enum, r); r++) {
        enum sos_result_reason reason = (enum sos_result_reason)r;
        assert_int_equal(finish(1, SOS_RESULT_OUTCOME_FAILURE, reason), BUILD_FINISH_FAIL);
        assert_int_equal(finish(1, SOS_RESULT_OUTCOME_TIMEOUT, reason), BUILD_FINISH_TIMEOUT);
        assert_int_equal(finish(BUILD_ATTEMPTS_MAX, SOS_RESULT_OUTCOME_ERROR, reason),
                         BUILD_FINISH_ERROR);
        retried +=
            finish(BUILD_ATTEMPTS_MAX - 1, SOS_RESULT_OUTCOME_ERROR, reason) == BUILD_FINISH_RETRY;
    }
    assert_int_equal(retried, 4);
    assert_int_equal(finish(1, SOS_RESULT_OUTCOME_ERROR, SOS_RESULT_REASON_SANDBOX),
                     BUILD_FINISH_RETRY);
}

static void a_cancellation_nobody_asked_for_gives_the_build_back(void **state)
{
    (void)state;
    assert_int_equal(finish(1, SOS_RESULT_OUTCOME_CANCELLATION, 0), BUILD_LOST_RETRY);
    assert_int_equal(finish(3, SOS_RESULT_OUTCOME_CANCELLATION, 0), BUILD_LOST);
}

static void a_build_that_always_loses_its_worker_ends_errored(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    int leases = 0;
    while (!build_is_final(build->msg.state)) {
        made_apply(build, BUILD_LEASE);
        made_apply(build, build_lost_event(build));
        leases++;
    }
    assert_int_equal(leases, BUILD_ATTEMPTS_MAX);
    assert_int_equal(build->msg.state, SOS_BUILD_STATE_ERRORED);
    assert_int_equal(build->msg.result->reason, SOS_RESULT_REASON_WORKER_LOST);
    build_free(build);
}

/* A repeated or late report is no news. */
static void progress_never_goes_back(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    enum build_event event;
    assert_false(build_progress_event(build, SOS_BUILD_STATE_PREPARING, &event));
    made_apply(build, BUILD_LEASE);
    assert_true(build_progress_event(build, SOS_BUILD_STATE_PREPARING, &event));
    made_apply(build, event);
    assert_false(build_progress_event(build, SOS_BUILD_STATE_PREPARING, &event));
    assert_true(build_progress_event(build, SOS_BUILD_STATE_RUNNING, &event));
    made_apply(build, event);
    assert_false(build_progress_event(build, SOS_BUILD_STATE_PREPARING, &event));
    assert_false(build_progress_event(build, SOS_BUILD_STATE_RUNNING, &event));
    made_apply(build, BUILD_CANCEL);
    assert_false(build_progress_event(build, SOS_BUILD_STATE_RUNNING, &event));
    build_free(build);
}

/* A change is made on a copy: until build_replace() the build is as it was, and keeps its place. */
static void a_change_dropped_with_its_copy_leaves_no_trace(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    struct list here;
    list_init(&here);
    list_append(&here, &build->link);

    struct build *copy = build_copy(build);
    made_apply(copy, BUILD_LEASE);
    build_free(copy);
    assert_int_equal(build->msg.state, SOS_BUILD_STATE_QUEUED);
    assert_int_equal(build->fence, 0);

    copy = build_copy(build);
    made_apply(copy, BUILD_LEASE);
    build_replace(build, copy);
    assert_int_equal(build->msg.state, SOS_BUILD_STATE_ASSIGNED);
    assert_int_equal(build->fence, 1);
    assert_ptr_equal(here.next, &build->link);
    list_remove(&build->link);
    build_free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_is_total),
        cmocka_unit_test(every_life_keeps_the_invariants),
        cmocka_unit_test(the_straight_way_ends_succeeded),
        cmocka_unit_test(a_canceled_build_ends_canceled),
        cmocka_unit_test(only_the_farms_faults_are_retried),
        cmocka_unit_test(a_cancellation_nobody_asked_for_gives_the_build_back),
        cmocka_unit_test(a_build_that_always_loses_its_worker_ends_errored),
        cmocka_unit_test(progress_never_goes_back),
        cmocka_unit_test(a_change_dropped_with_its_copy_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
