#include "server/core/machine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

/* clang-format off */
#define TO(state) SOS_BUILD_STATE_##state   /* 0, UNSPECIFIED, is: refused */

static const struct {
    bool final;
    bool leased;
    unsigned char to[BUILD_EVENTS];
} states[BUILD_STATES] = {
    [TO(QUEUED)] = { .to = {
        [BUILD_LEASE] = TO(ASSIGNED), [BUILD_CANCEL] = TO(CANCELED),
        [BUILD_EXPIRE] = TO(EXPIRED) } },
    [TO(ASSIGNED)] = { .leased = true, .to = {
        [BUILD_PREPARE] = TO(PREPARING), [BUILD_RUN] = TO(RUNNING),
        [BUILD_FINISH_OK] = TO(STORING), [BUILD_FINISH_FAIL] = TO(FAILED),
        [BUILD_FINISH_TIMEOUT] = TO(TIMED_OUT), [BUILD_FINISH_RETRY] = TO(QUEUED),
        [BUILD_FINISH_ERROR] = TO(ERRORED), [BUILD_LOST_RETRY] = TO(QUEUED),
        [BUILD_LOST] = TO(ERRORED), [BUILD_CANCEL] = TO(CANCELING) } },
    [TO(PREPARING)] = { .leased = true, .to = {
        [BUILD_RUN] = TO(RUNNING),
        [BUILD_FINISH_OK] = TO(STORING), [BUILD_FINISH_FAIL] = TO(FAILED),
        [BUILD_FINISH_TIMEOUT] = TO(TIMED_OUT), [BUILD_FINISH_RETRY] = TO(QUEUED),
        [BUILD_FINISH_ERROR] = TO(ERRORED), [BUILD_LOST_RETRY] = TO(QUEUED),
        [BUILD_LOST] = TO(ERRORED), [BUILD_CANCEL] = TO(CANCELING) } },
    [TO(RUNNING)] = { .leased = true, .to = {
        [BUILD_FINISH_OK] = TO(STORING), [BUILD_FINISH_FAIL] = TO(FAILED),
        [BUILD_FINISH_TIMEOUT] = TO(TIMED_OUT), [BUILD_FINISH_RETRY] = TO(QUEUED),
        [BUILD_FINISH_ERROR] = TO(ERRORED), [BUILD_LOST_RETRY] = TO(QUEUED),
        [BUILD_LOST] = TO(ERRORED), [BUILD_CANCEL] = TO(CANCELING) } },
    [TO(STORING)] = { .to = {
        [BUILD_PUBLISHED] = TO(SUCCEEDED), [BUILD_PUBLISH_CONFLICT] = TO(FAILED),
        [BUILD_PUBLISH_ERROR] = TO(ERRORED) } },
    /* Whatever its worker says, or if it says nothing more: it was canceled. */
    [TO(CANCELING)] = { .leased = true, .to = {
        [BUILD_FINISH_OK] = TO(CANCELED), [BUILD_FINISH_FAIL] = TO(CANCELED),
        [BUILD_FINISH_TIMEOUT] = TO(CANCELED), [BUILD_FINISH_RETRY] = TO(CANCELED),
        [BUILD_FINISH_ERROR] = TO(CANCELED), [BUILD_LOST_RETRY] = TO(CANCELED),
        [BUILD_LOST] = TO(CANCELED), [BUILD_CANCELED] = TO(CANCELED) } },
    [TO(SUCCEEDED)] = { .final = true },
    [TO(FAILED)] = { .final = true },
    [TO(ERRORED)] = { .final = true },
    [TO(CANCELED)] = { .final = true },
    [TO(TIMED_OUT)] = { .final = true },
    [TO(EXPIRED)] = { .final = true },
};

#define SAYS(o, r, m)                                                                             \
    { .outcome = SOS_RESULT_OUTCOME_##o, .reason = SOS_RESULT_REASON_##r, .message = (m) }

/* What an event is called, and the result it stands for when nobody says more. */
static const struct {
    const char *name;
    struct sos_result result;
} events[BUILD_EVENTS] = {
    [BUILD_LEASE] = { "lease", { 0 } },
    [BUILD_PREPARE] = { "prepare", { 0 } },
    [BUILD_RUN] = { "run", { 0 } },
    [BUILD_FINISH_OK] = { "finish_ok", SAYS(SUCCESS, UNSPECIFIED, NULL) },
    [BUILD_FINISH_FAIL] = { "finish_fail", SAYS(FAILURE, UNSPECIFIED, NULL) },
    [BUILD_FINISH_TIMEOUT] = { "finish_timeout", SAYS(TIMEOUT, BUILD_TIMEOUT, NULL) },
    [BUILD_FINISH_RETRY] = { "finish_retry", SAYS(ERROR, UNSPECIFIED, NULL) },
    [BUILD_FINISH_ERROR] = { "finish_error", SAYS(ERROR, UNSPECIFIED, NULL) },
    [BUILD_LOST_RETRY] = { "lost_retry", SAYS(ERROR, WORKER_LOST, "its worker was lost") },
    [BUILD_LOST] = { "lost", SAYS(ERROR, WORKER_LOST, "its worker was lost, in the last attempt") },
    [BUILD_CANCEL] = { "cancel", SAYS(CANCELLATION, CANCELED_BY_USER, NULL) },
    [BUILD_CANCELED] = { "canceled", SAYS(CANCELLATION, CANCELED_BY_USER, NULL) },
    [BUILD_PUBLISHED] = { "published", SAYS(SUCCESS, UNSPECIFIED, NULL) },
    [BUILD_PUBLISH_CONFLICT] = { "publish_conflict",
                                 SAYS(FAILURE, VERSION_CONFLICT,
                                      "the store holds other bytes under this version") },
    [BUILD_PUBLISH_ERROR] = { "publish_error",
                              SAYS(ERROR, STORE_UNAVAILABLE, "it could not be published") },
    [BUILD_EXPIRE] = { "expire", SAYS(SKIP, QUEUE_TTL, "it waited longer than the farm allows") },
};

/* clang-format on */
bool build_is_final(enum sos_build_state state)
{
    return (size_t)state < countof(states) && states[state].final;
}

bool build_is_leased(enum sos_build_state state)
{
    return (size_t)state < countof(states) && states[state].leased;
}

const char *build_state_name(enum sos_build_state state)
{
    const char *name = wire_enum_name(&sos_build_state_enum, (int)state);
    return name ? name : "UNKNOWN";
}

const char *build_event_name(enum build_event event)
{
    assert(event < BUILD_EVENTS);
    return events[event].name;
}

static void text_set(char **text, const char *value)
{
    char *copy = xstrdup(value);
    free(*text);
    *text = copy;
}

static void result_clear(struct build *build)
{
    if (build->msg.result)
        sos_result_done(build->msg.result);
    free(build->msg.result);
    build->msg.result = NULL;
}

/* A lease that ended says nothing itself, and what a canceled build's worker says does not count:
 * the cancel did say it. */
static void result_enter(struct build *build, const struct build_move *move)
{
    bool lost = move->event == BUILD_LOST || move->event == BUILD_LOST_RETRY;
    const struct sos_result *said =
        move->result && !lost ? move->result : &events[move->event].result;
    struct sos_result *result = xcalloc(1, sizeof *result);
    sos_result_copy(result, said);
    result_clear(build);
    build->msg.result = result;
}

static void steps_clear(struct build *build)
{
    for (size_t i = 0; i < build->msg.steps_count; i++)
        sos_step_done(&build->msg.steps[i]);
    free(build->msg.steps);
    build->msg.steps = NULL;
    build->msg.steps_count = 0;
    if (build->msg.log)
        sos_log_info_done(build->msg.log);
    free(build->msg.log);
    build->msg.log = NULL;
}

static void lease_enter(struct build *build, const struct build_move *move)
{
    assert(move->worker && move->session);
    text_set(&build->msg.worker, move->worker);
    snprintf(build->session, sizeof build->session, "%s", move->session);
    build->msg.attempt++;
    build->fence++;
    build->msg.start_time_ms = move->now_wall_ms;
    steps_clear(build);
}

static void queue_leave(struct build *build)
{
    if (build->msg.queue)
        sos_queue_place_done(build->msg.queue);
    free(build->msg.queue);
    build->msg.queue = NULL;
}

/* The one place that writes the state. */
static void build_enter(struct build *build, enum sos_build_state state,
                        const struct build_move *move)
{
    bool canceling = build->msg.state == SOS_BUILD_STATE_CANCELING;
    build->msg.state = state;
    build->msg.update_time_ms = move->now_wall_ms;
    build->revision++;

    if (state != SOS_BUILD_STATE_QUEUED)
        queue_leave(build);
    if (move->event == BUILD_LEASE)
        lease_enter(build, move);
    if (move->event == BUILD_CANCEL)
        text_set(&build->msg.cancel_reason, move->reason);
    if (state == SOS_BUILD_STATE_CANCELING || (build_is_final(state) && !canceling))
        result_enter(build, move);
    if (build_is_final(state))
        build->msg.finish_time_ms = move->now_wall_ms;
    if (!build_is_leased(state)) {
        build->session[0] = '\0';
        build->lease_until_mono_ms = 0;
    }
}

int build_apply(struct build *build, const struct build_move *move, struct err *err)
{
    enum sos_build_state from = build->msg.state;
    assert((size_t)from < countof(states) && move->event < BUILD_EVENTS);

    enum sos_build_state to = states[from].to[move->event];
    if (to == SOS_BUILD_STATE_UNSPECIFIED) {
        int rc = err_set(err, ERR_CONFLICT, "a build that is %s does not take \"%s\"",
                         build_state_name(from), build_event_name(move->event));
        err_reason(err, "BUILD_STATE");
        return rc;
    }
    build_enter(build, to, move);
    return 0;
}

/* The farm's own faults; another try may meet another worker. */
static bool reason_is_retried(enum sos_result_reason reason)
{
    return reason == SOS_RESULT_REASON_WORKER_LOST ||
           reason == SOS_RESULT_REASON_IMAGE_UNAVAILABLE || reason == SOS_RESULT_REASON_SANDBOX ||
           reason == SOS_RESULT_REASON_SOURCE_UNAVAILABLE;
}

static bool attempts_are_left(const struct build *build)
{
    return build->msg.attempt < BUILD_ATTEMPTS_MAX;
}

enum build_event build_finish_event(const struct build *build, const struct sos_result *result)
{
    switch (result->outcome) {
    case SOS_RESULT_OUTCOME_SUCCESS:
        return BUILD_FINISH_OK;
    case SOS_RESULT_OUTCOME_FAILURE:
        return BUILD_FINISH_FAIL;
    case SOS_RESULT_OUTCOME_TIMEOUT:
        return BUILD_FINISH_TIMEOUT;
    case SOS_RESULT_OUTCOME_CANCELLATION:
        return build->msg.state == SOS_BUILD_STATE_CANCELING ? BUILD_CANCELED
                                                             : build_lost_event(build);
    case SOS_RESULT_OUTCOME_ERROR:
    case SOS_RESULT_OUTCOME_SKIP:
    case SOS_RESULT_OUTCOME_UNSPECIFIED:
        break;
    }
    return reason_is_retried(result->reason) && attempts_are_left(build) ? BUILD_FINISH_RETRY
                                                                         : BUILD_FINISH_ERROR;
}

enum build_event build_lost_event(const struct build *build)
{
    return attempts_are_left(build) ? BUILD_LOST_RETRY : BUILD_LOST;
}

bool build_progress_event(const struct build *build, enum sos_build_state state,
                          enum build_event *ret)
{
    enum sos_build_state now = build->msg.state;
    if (state == SOS_BUILD_STATE_PREPARING && now == SOS_BUILD_STATE_ASSIGNED)
        *ret = BUILD_PREPARE;
    else if (state == SOS_BUILD_STATE_RUNNING &&
             (now == SOS_BUILD_STATE_ASSIGNED || now == SOS_BUILD_STATE_PREPARING))
        *ret = BUILD_RUN;
    else
        return false;
    return true;
}
