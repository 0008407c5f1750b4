/* cancel.c - stop a build: at once while it waits, through its worker while it runs. */
#include <string.h>

#include "server/farm/state.h"

struct cancel {
    struct change change;
    struct farm *farm;
    char *build;
    char *only_subject;
    char *by;
    char *reason;
    struct sos_result result;
    farm_build_fn done;
    void *ctx;
};

static void cancel_free(struct cancel *cancel)
{
    free(cancel->build);
    free(cancel->only_subject);
    free(cancel->by);
    free(cancel->reason);
    sos_result_done(&cancel->result);
    free(cancel);
}

static int cancel_check(const struct cancel *cancel, const struct sos_build *build, struct err *err)
{
    if (!cancel->only_subject ||
        (build->created_by && strcmp(build->created_by, cancel->only_subject) == 0))
        return 0;
    return err_set(err, ERR_DENIED, "this build was submitted by %s",
                   build->created_by ? build->created_by : "somebody else");
}

static bool is_canceled(enum sos_build_state state)
{
    return state == SOS_BUILD_STATE_CANCELING || state == SOS_BUILD_STATE_CANCELED;
}

static int on_cancel_prepare(struct change *change, struct err *err)
{
    struct cancel *cancel = container_of(change, struct cancel, change);
    struct build_move move = {
        .event = BUILD_CANCEL,
        .now_wall_ms = clock_wall_ms(),
        .result = &cancel->result,
        .reason = cancel->reason,
    };
    int rc = cancel_check(cancel, &change->next->msg, err);

    if (rc < 0)
        return rc;
    if (is_canceled(change->next->msg.state))
        return 1; /* a repeat does no harm */
    bool own =
        change->next->msg.created_by && strcmp(change->next->msg.created_by, cancel->by) == 0;
    cancel->result.reason =
        own ? SOS_RESULT_REASON_CANCELED_BY_USER : SOS_RESULT_REASON_CANCELED_BY_ADMIN;
    return change_apply(change, &move, cancel->by, err);
}

static void on_canceled(struct change *change, int rc, const struct err *err)
{
    struct cancel *cancel = container_of(change, struct cancel, change);
    struct live *live = change->live;
    struct build_view view;

    if (rc == 0)
        log_info("build", "canceled", "build=%s by=%s", live->build->msg.id, cancel->by);
    view_init(&view, live);
    cancel->done(cancel->ctx, rc, &view.msg, live->build->revision, err);
    view_done(&view);
    cancel_free(cancel);
}

/* It is not live: only a repeat may succeed; or it was named by its number. */
static void on_cancel_got(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                          const struct err *err)
{
    struct cancel *cancel = ctx;
    struct live *live = rc == 0 ? live_find(cancel->farm, build->id) : NULL;
    struct err mine = { 0 };

    if (live) {
        change_post(live, &cancel->change);
        return;
    }
    if (rc == 0 && (rc = cancel_check(cancel, build, &mine)) == 0 && !is_canceled(build->state)) {
        err_set(&mine, ERR_CONFLICT, "the build is %s already", build_state_name(build->state));
        err_reason(&mine, "BUILD_STATE");
        rc = -ERR_CONFLICT;
    }
    cancel->done(cancel->ctx, rc, build, revision, mine.code ? &mine : err);
    cancel_free(cancel);
}

void farm_cancel(struct farm *farm, const char *build, const char *only_subject, const char *by,
                 const char *reason, farm_build_fn done, void *ctx)
{
    struct cancel *cancel = xcalloc(1, sizeof *cancel);

    *cancel = (struct cancel){ .farm = farm, .done = done, .ctx = ctx };
    cancel->change = (struct change){ .prepare = on_cancel_prepare, .told = on_canceled };
    cancel->build = xstrdup(build);
    cancel->only_subject = xstrdup(only_subject);
    cancel->by = xstrdup(by);
    cancel->reason = xstrdup(reason);
    cancel->result = (struct sos_result){
        .outcome = SOS_RESULT_OUTCOME_CANCELLATION,
        .message = xasprintf("canceled by %s%s%s", by, reason && *reason ? ": " : "",
                             reason ? reason : ""),
    };
    struct live *live = live_find(farm, build);
    if (live)
        change_post(live, &cancel->change);
    else
        farm_build_get(farm, build, -1, 0, on_cancel_got, cancel);
}
