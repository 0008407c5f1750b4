/* publish.c - from the outbox to the store.
 *
 *   finish --> READING --reader strand--> TRYING --took it--> RECORDING --> SUCCEEDED
 *     what it downloaded                  |    ^                 |
 *                                 failed  v    |  later          +--> FAILED: other bytes are there
 *                                       WAITING, each time twice as long
 *
 * The outbox row is the truth: after a restart the publication begins anew, and to the store a
 * repeat of the same bytes is no harm. */
#include <string.h>

#include "server/disk/dependencies.h"
#include "server/farm/state.h"

enum { PUBLISH_PAUSE_MAX_MS = 60000 };

enum publishing_state {
    PUBLISH_READING,
    PUBLISH_TRYING,
    PUBLISH_WAITING,
    PUBLISH_RECORDING,
};

struct publishing {
    struct task task;
    struct change change;
    struct live *live;
    enum publishing_state state;
    int64_t due_mono_ms; /* WAITING: when the next try begins */
    int64_t pause_ms;
    struct sos_build build; /* as it was finished: for the strand */
    struct sos_artifact artifact;
    struct sos_dependency *used; /* what it downloaded */
    size_t used_count;
    struct sos_result result; /* of a publication that cannot be */
    int rc;                   /* of the last try */
    struct err err;
};

static void used_drop(struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->used_count; i++)
        sos_dependency_done(&publishing->used[i]);
    free(publishing->used);
    publishing->used = NULL;
    publishing->used_count = 0;
}

void publish_free(struct publishing *publishing)
{
    if (!publishing)
        return;
    sos_build_done(&publishing->build);
    sos_artifact_done(&publishing->artifact);
    sos_result_done(&publishing->result);
    used_drop(publishing);
    free(publishing);
}

static void publish_enter(struct publishing *publishing, enum publishing_state state);

/* --- blocking work --- */

/* Moves the page's. */
static void used_take(struct publishing *publishing, struct sos_list_dependencies_response *page)
{
    size_t count = publishing->used_count + page->dependencies_count;

    publishing->used = xrealloc(publishing->used, count * sizeof *publishing->used);
    memcpy(publishing->used + publishing->used_count, page->dependencies,
           page->dependencies_count * sizeof *publishing->used);
    publishing->used_count = count;
    page->dependencies_count = 0;
}

static void read_work(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);
    struct db *db = publishing->live->farm->read_db;
    auto_free char *token = NULL;

    used_drop(publishing); /* of a try before */
    do {
        struct sos_list_dependencies_response page = { 0 };
        task->rc = dependencies_list(db, publishing->build.id, DEPENDENCIES_PAGE_MAX, token, &page,
                                     &task->err);
        if (task->rc < 0)
            return;
        used_take(publishing, &page);
        free(token);
        token = take_ptr(page.next_page_token);
        sos_list_dependencies_response_done(&page);
    } while (token);
}

static void publish_work(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);
    struct farm *farm = publishing->live->farm;
    const struct publish_order order = {
        .build = &publishing->build,
        .artifact = &publishing->artifact,
        .used = publishing->used,
        .used_count = publishing->used_count,
        .repository = farm->config.store_repository,
    };

    task->rc = farm->config.publish(farm->config.publish_ctx, &order, &task->err);
}

static void note_work(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);

    task->rc = publications_failed(publishing->live->farm->db, publishing->build.id,
                                   publishing->err.text, &task->err);
}

static int record_also(struct change *change, struct db *db, struct err *err)
{
    struct publishing *publishing = container_of(change, struct publishing, change);
    int rc = publishing->rc == 0 ? artifacts_put(db, &publishing->artifact, err) : 0;

    return rc < 0 ? rc : publications_remove(db, publishing->build.id, err);
}

/* --- events --- */

static void on_noted(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);

    publish_enter(publishing, PUBLISH_WAITING);
}

/* Only what can never come true ends a publication; all else is tried for ever. */
static bool is_hopeless(int rc)
{
    return rc == -ERR_CONFLICT || rc == -ERR_NOT_FOUND;
}

static void on_tried(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);
    struct farm *farm = publishing->live->farm;

    publishing->rc = task->rc;
    publishing->err = task->err;
    if (task->rc == 0 || is_hopeless(task->rc)) {
        publish_enter(publishing, PUBLISH_RECORDING);
        return;
    }
    log_warn("publish", "failed, trying again", "build=%s pause_ms=%lld why=\"%s\"",
             publishing->build.id, (long long)publishing->pause_ms, publishing->err.text);
    metric_add(farm->count.publish_retries, 1);
    strand_post(farm->writer, &publishing->task, note_work, on_noted);
}

static void on_read(struct task *task)
{
    struct publishing *publishing = container_of(task, struct publishing, task);

    if (task->rc < 0)
        on_tried(task);
    else
        publish_enter(publishing,
                      publishing->live->farm->stopping ? PUBLISH_WAITING : PUBLISH_TRYING);
}

static void build_set_artifact(struct build *build, const struct sos_artifact *artifact)
{
    build->msg.artifact = xcalloc(1, sizeof *build->msg.artifact);
    sos_artifact_copy(build->msg.artifact, artifact);
}

static void result_fill(struct publishing *publishing)
{
    sos_result_done(&publishing->result);
    publishing->result = (struct sos_result){
        .outcome =
            publishing->rc == -ERR_CONFLICT ? SOS_RESULT_OUTCOME_FAILURE : SOS_RESULT_OUTCOME_ERROR,
        .reason = publishing->rc == -ERR_CONFLICT ? SOS_RESULT_REASON_VERSION_CONFLICT
                                                  : SOS_RESULT_REASON_STORE_UNAVAILABLE,
        .step = xstrdup("store"),
        .message = xstrdup(publishing->err.text),
        .hint = xstrdup(publishing->err.hint[0] ? publishing->err.hint : NULL),
    };
}

static int on_record_prepare(struct change *change, struct err *err)
{
    struct publishing *publishing = container_of(change, struct publishing, change);
    struct build_move move = { .event = BUILD_PUBLISHED, .now_wall_ms = clock_wall_ms() };

    if (publishing->rc < 0) {
        result_fill(publishing);
        move.event = publishing->rc == -ERR_CONFLICT ? BUILD_PUBLISH_CONFLICT : BUILD_PUBLISH_ERROR;
        move.result = &publishing->result;
    } else if (!change->next->msg.artifact) {
        build_set_artifact(change->next, &publishing->artifact);
    }
    return change_apply(change, &move, "farm", err);
}

static void on_recorded(struct change *change, int rc, const struct err *err)
{
    struct publishing *publishing = container_of(change, struct publishing, change);
    struct live *live = publishing->live;

    if (rc == -ERR_CONFLICT && publishing->rc == 0) { /* our own record says other bytes */
        publishing->rc = rc;
        publishing->err = *err;
        publish_enter(publishing, PUBLISH_RECORDING);
        return;
    }
    if (rc < 0) {
        publish_enter(publishing, PUBLISH_WAITING);
        return;
    }
    log_info("build", publishing->rc == 0 ? "published" : "not published", "build=%s state=%s",
             live->build->msg.id, build_state_name(live->build->msg.state));
    live->farm->garbage_due = true;
    live->publishing = NULL;
    publish_free(publishing);
}

/* --- the machine --- */

static void publish_enter(struct publishing *publishing, enum publishing_state state)
{
    struct farm *farm = publishing->live->farm;

    publishing->state = state;
    switch (state) {
    case PUBLISH_WAITING:
        publishing->due_mono_ms = clock_mono_ms() + publishing->pause_ms;
        publishing->pause_ms = publishing->pause_ms * 2 < PUBLISH_PAUSE_MAX_MS
                                   ? publishing->pause_ms * 2
                                   : PUBLISH_PAUSE_MAX_MS;
        break;
    case PUBLISH_READING:
        strand_post(farm->reader, &publishing->task, read_work, on_read);
        break;
    case PUBLISH_TRYING:
        strand_post(farm->publisher, &publishing->task, publish_work, on_tried);
        break;
    case PUBLISH_RECORDING:
        publishing->change = (struct change){ .prepare = on_record_prepare,
                                              .also = record_also,
                                              .told = on_recorded };
        change_post(publishing->live, &publishing->change);
        break;
    }
}

void publish_begin(struct live *live, const struct sos_artifact *artifact, int tries)
{
    struct publishing *publishing = xcalloc(1, sizeof *publishing);

    publishing->live = live;
    publishing->pause_ms = live->farm->config.publish_retry_ms;
    for (int i = 0; i < tries && publishing->pause_ms < PUBLISH_PAUSE_MAX_MS; i++)
        publishing->pause_ms *= 2;
    sos_build_copy(&publishing->build, &live->build->msg);
    sos_artifact_copy(&publishing->artifact, artifact);
    live->publishing = publishing;
    publish_enter(publishing, live->farm->stopping ? PUBLISH_WAITING : PUBLISH_READING);
}

void publish_sweep(struct farm *farm, int64_t now_mono_ms)
{
    list_each (link, &farm->storing) {
        struct live *live = live_find(farm, list_item(link, struct build, link)->msg.id);
        struct publishing *publishing = live->publishing;
        if (publishing && publishing->state == PUBLISH_WAITING &&
            publishing->due_mono_ms <= now_mono_ms)
            publish_enter(publishing, PUBLISH_READING);
    }
}
