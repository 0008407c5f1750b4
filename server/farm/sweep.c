/* sweep.c - the one timer: waits, leases, workers, publications, and what grows old.
 *
 * Every deadline is a number in some struct and is looked at here; so time is one thing, and a
 * simulation that owns the clock owns all of it. */
#include "server/farm/state.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

enum {
    SWEEP_SLOW_MS = 2000,
    WORKER_SILENT_MS = 60000, /* longer than a long poll and its answer */
    GARBAGE_MS = 60000,
    GARBAGE_FILES_MAX = 256,
    GARBAGE_ROWS_MAX = 4096,
    SOURCES_DAYS = 30,
};

/* --- leases --- */

struct lost {
    struct change change;
    int32_t attempt;
    int64_t fence;
    bool applied; /* else it ended in another way meanwhile */
};

static int on_lost_prepare(struct change *change, struct err *err)
{
    struct lost *lost = container_of(change, struct lost, change);
    struct build_move move = { .event = build_lost_event(change->next),
                               .now_wall_ms = clock_wall_ms() };

    if (lease_check(change->next, lost->attempt, lost->fence, err) < 0)
        return 1;
    lost->applied = true;
    return change_apply(change, &move, "farm", err);
}

static int lost_also(struct change *change, struct db *db, struct err *err)
{
    struct lost *lost = container_of(change, struct lost, change);
    struct farm *farm = change->live->farm;
    const char *build = change->next->msg.id;
    struct sos_result result = { .outcome = SOS_RESULT_OUTCOME_ERROR,
                                 .reason = SOS_RESULT_REASON_WORKER_LOST };
    struct sos_log_info log = { .complete = true };
    auto_close int fd = -1;

    if (log_open(farm->logs, build, lost->attempt, &fd, &log.size_bytes, NULL) < 0)
        log.size_bytes = 0;
    return attempts_end(db, build, lost->attempt, change->event.wall_ms, &result, &log, err);
}

static void on_lost(struct change *change, int rc, const struct err *err)
{
    struct lost *lost = container_of(change, struct lost, change);
    struct build *build = change->live->build;

    (void)err; /* not saved: the lease is still over, the next sweep tries again */
    if (rc == 0 && lost->applied) {
        metric_add(change->live->farm->count.lost, 1);
        log_warn("lease", "ended without a word", "build=%s attempt=%d now=%s", build->msg.id,
                 lost->attempt, build_state_name(build->msg.state));
    }
    free(lost);
}

void lease_lose(struct live *live)
{
    struct lost *lost = xcalloc(1, sizeof *lost);

    lost->attempt = live->build->msg.attempt;
    lost->fence = live->build->fence;
    lost->change =
        (struct change){ .prepare = on_lost_prepare, .also = lost_also, .told = on_lost };
    change_post(live, &lost->change);
}

/* A build whose change is in flight is looked at again next time: its renewal may be in it. */
static void leases_sweep(struct farm *farm, int64_t now_mono_ms)
{
    if (now_mono_ms < farm->full_until_mono_ms)
        return;
    list_each (link, &farm->leased) {
        struct build *build = list_item(link, struct build, link);
        if (!lease_is_over(build, now_mono_ms))
            continue;
        struct live *live = live_find(farm, build->msg.id);
        if (!live->running)
            lease_lose(live);
    }
}

/* --- what waits too long --- */

struct expiry {
    struct change change;
    struct sos_result result;
};

static int on_expire_prepare(struct change *change, struct err *err)
{
    struct expiry *expiry = container_of(change, struct expiry, change);
    struct build_move move = {
        .event = BUILD_EXPIRE,
        .now_wall_ms = clock_wall_ms(),
        .result = &expiry->result,
    };

    if (change->next->msg.state != SOS_BUILD_STATE_QUEUED)
        return 1; /* a slot took it, or it was canceled */
    return change_apply(change, &move, "farm", err);
}

static void on_expired(struct change *change, int rc, const struct err *err)
{
    const struct sos_build *msg = &change->live->build->msg;

    (void)err; /* not saved: a later sweep tries again */
    if (rc == 0 && msg->state == SOS_BUILD_STATE_EXPIRED)
        log_warn("build", "waited too long, expired", "build=%s", msg->id);
    free(container_of(change, struct expiry, change));
}

static void live_expire(struct live *live)
{
    struct expiry *expiry = xcalloc(1, sizeof *expiry);

    expiry->result = (struct sos_result){
        .outcome = SOS_RESULT_OUTCOME_SKIP,
        .reason = SOS_RESULT_REASON_QUEUE_TTL,
        .message = (char *)(uintptr_t) "it waited longer than the farm allows",
        .hint = (char *)(uintptr_t) "submit it again when there are workers for its image",
        .retryable = true,
    };
    expiry->change = (struct change){ .prepare = on_expire_prepare, .told = on_expired };
    change_post(live, &expiry->change);
}

/* A build that is being changed, perhaps leased, is looked at again next time. */
static void queue_sweep(struct farm *farm, int64_t now_mono_ms)
{
    if (farm->config.queue_ttl_ms == 0 || now_mono_ms < farm->full_until_mono_ms)
        return;
    for (size_t i = 0; i < farm->buckets_count; i++)
        for (struct live *live = farm->buckets[i]; live; live = live->next_in_bucket)
            if (live->expire_mono_ms <= now_mono_ms && !live->running &&
                live->build->msg.state == SOS_BUILD_STATE_QUEUED)
                live_expire(live);
}

/* --- workers --- */

static void workers_sweep(struct farm *farm, int64_t now_mono_ms)
{
    list_each (link, &farm->workers) {
        struct worker *worker = list_item(link, struct worker, link);
        if (!worker->online || now_mono_ms - worker->seen_mono_ms < WORKER_SILENT_MS)
            continue;
        worker->online = false;
        farm->queue_revision++;
        log_warn("worker", "silent, taken for offline", "worker=%s", worker->msg.name);
    }
}

/* --- what grows old --- */

struct collect {
    struct task task;
    struct farm *farm;
    int removed;
};

static void collect_work(struct task *task)
{
    struct collect *collect = container_of(task, struct collect, task);
    struct farm *farm = collect->farm;
    int64_t now_ms = clock_wall_ms();

    task->rc = builds_forget_keys(farm->db, now_ms - DAY_MS, &task->err);
    if (task->rc >= 0)
        task->rc = downloads_sweep(farm->db, GARBAGE_ROWS_MAX, &task->err);
    if (task->rc >= 0)
        task->rc =
            sources_forget(farm->db, now_ms - SOURCES_DAYS * DAY_MS, GARBAGE_FILES_MAX, &task->err);
    if (task->rc >= 0)
        task->rc =
            garbage_sweep(farm->db, farm->blobs, GARBAGE_FILES_MAX, &collect->removed, &task->err);
}

static void on_collected(struct task *task)
{
    struct collect *collect = container_of(task, struct collect, task);

    collect->farm->collecting = false;
    if (task->rc < 0)
        log_warn("garbage", "not collected", "why=\"%s\"", task->err.text);
    else if (collect->removed > 0)
        log_info("garbage", "removed", "files=%d", collect->removed);
    free(collect);
}

static void garbage_start(struct farm *farm)
{
    struct collect *collect = xcalloc(1, sizeof *collect);

    collect->farm = farm;
    farm->collecting = true;
    farm->garbage_due = false;
    strand_post(farm->writer, &collect->task, collect_work, on_collected);
}

/* --- the sweep --- */

void farm_sweep(struct farm *farm)
{
    int64_t now_mono_ms = clock_mono_ms();

    waits_sweep(farm, now_mono_ms);
    if (farm->stopping)
        return;
    leases_sweep(farm, now_mono_ms);
    publish_sweep(farm, now_mono_ms);
    farm_dispatch(farm);
    if (now_mono_ms < farm->sweep_slow_mono_ms)
        return;
    farm->sweep_slow_mono_ms = now_mono_ms + SWEEP_SLOW_MS;
    queue_sweep(farm, now_mono_ms);
    workers_sweep(farm, now_mono_ms);
    catalogue_refresh(farm->catalogue);
    if (!farm->collecting && (farm->garbage_due || now_mono_ms >= farm->garbage_mono_ms)) {
        farm->garbage_mono_ms = now_mono_ms + GARBAGE_MS;
        garbage_start(farm);
    }
}

static void on_timer(uv_timer_t *timer)
{
    farm_sweep(timer->data);
}

void sweep_start(struct farm *farm)
{
    uv_timer_init(farm->loop, &farm->sweep_timer);
    farm->sweep_timer.data = farm;
    uv_timer_start(&farm->sweep_timer, on_timer, FARM_SWEEP_MS, FARM_SWEEP_MS);
}
