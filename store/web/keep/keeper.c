#include "store/web/keep/keeper.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/disk/scrub.h"

enum {
    TICK_MS = 1000,
    SNAPSHOT_ROWS = 2000,           /* in one slice */
    SCRUB_SLICE_BYTES = 4 << 20,    /* … */
    SCRUB_REST_MS = 60 * 60 * 1000, /* between two passes; a small store is not read all day */
    LOOKS = 16,                     /* blobs that were sent and are to be looked at */
};

struct keeper {
    struct store *store;
    struct strand *strand;
    uv_timer_t tick;
    uv_timer_t scrub_timer; /* runs between two slices of the scrub */

    struct task snapshot_task;
    struct snapshot *snapshot; /* the next slice is to be written */
    bool snapshot_busy;
    bool turning;               /* the writer has the task */
    int64_t turned_bytes;       /* size of the logs that the snapshot replaces */
    int64_t snapshot_failed_at; /* size of the logs then: not tried again until they doubled */

    int64_t requests_trimmed; /* there were when memory was given back */

    struct task headroom_task;
    bool headroom_busy;

    struct task scrub_task;
    struct scrub *scrub;
    char *scrub_file;
    bool scrub_busy;
    int64_t scrub_bytes; /* read by the slice */
    int quarantined;     /* by the slice */
    char wrong[SHA256_HEX];
    char looks[LOOKS][SHA256_HEX];
    size_t looks_count;

    bool closing;
    int open; /* handles and the strand */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void part_closed(struct keeper *keeper);
static void scrub_go_on(struct keeper *keeper);
static void snapshot_go_on(struct keeper *keeper);

/* --- blocking work: the journal --- */

static void turn_work(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, snapshot_task);

    task->rc = journal_turn(keeper->store->journal, &keeper->snapshot, &task->err);
}

static void slice_work(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, snapshot_task);

    task->rc = snapshot_write(keeper->snapshot, SNAPSHOT_ROWS, &task->err);
    if (task->rc <= 0)
        keeper->snapshot = NULL;
}

/* --- blocking work: the headroom --- */

static void headroom_work(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, headroom_task);
    headroom_take(keeper->store->headroom);
}

/* --- blocking work: the scrub --- */

static void scrub_work(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, scrub_task);
    struct store *store = keeper->store;

    task->rc = scrub_step(keeper->scrub, SCRUB_SLICE_BYTES, &keeper->scrub_bytes, keeper->wrong,
                          &task->err);
    if (task->rc == SCRUB_WRONG)
        keeper->quarantined =
            pins_quarantine_blob(store->pins, store->blobs_dir, store->quarantine_dir,
                                 keeper->wrong, &task->err);
}

/* --- events: the journal --- */

static void snapshot_failed(struct keeper *keeper, const struct err *err)
{
    int64_t snapshot_bytes;

    journal_sizes(keeper->store->journal, &keeper->snapshot_failed_at, &snapshot_bytes);
    log_warn("journal", "no snapshot, the logs go on growing", "error=\"%s\"", err->text);
}

static void on_slice(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, snapshot_task);

    keeper->snapshot_busy = false;
    if (task->rc < 0)
        snapshot_failed(keeper, &task->err);
    if (keeper->snapshot && keeper->closing)
        snapshot_free(take_ptr(keeper->snapshot));
    if (keeper->snapshot)
        snapshot_go_on(keeper);
    else if (task->rc == 0)
        log_info("journal", "written anew", "log_bytes=%" PRId64, keeper->turned_bytes);
}

static void on_turned(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, snapshot_task);

    keeper->turning = false;
    if (task->rc < 0)
        snapshot_free(take_ptr(keeper->snapshot));
    on_slice(task);
    if (keeper->closing)
        part_closed(keeper);
}

static void snapshot_go_on(struct keeper *keeper)
{
    keeper->snapshot_busy = true;
    strand_post(keeper->strand, &keeper->snapshot_task, slice_work, on_slice);
}

/* Twice what is alive is in the files at most, beyond what a small store need not care for. */
static bool snapshot_is_due(struct keeper *keeper)
{
    int64_t logs;
    int64_t snapshot;

    journal_sizes(keeper->store->journal, &logs, &snapshot);
    keeper->turned_bytes = logs;
    return logs > keeper->store->settings->journal_growth_bytes && logs > snapshot &&
           logs > 2 * keeper->snapshot_failed_at;
}

static void on_headroom(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, headroom_task);

    keeper->headroom_busy = false;
    if (headroom_is_held(keeper->store->headroom))
        log_info("store", "there is room again, taking files", "headroom_bytes=%d",
                 STORE_HEADROOM_BYTES);
}

/* After a rush, what it took goes back to the system: glibc would keep it. */
static void memory_trim(struct keeper *keeper)
{
    struct http_stats stats;

    http_stats(keeper->store->http, &stats);
    if (keeper->store->calls > 0 || stats.requests == keeper->requests_trimmed)
        return;
    keeper->requests_trimmed = stats.requests;
    malloc_trim(0);
}

static void on_tick(uv_timer_t *timer)
{
    struct keeper *keeper = container_of(timer, struct keeper, tick);

    memory_trim(keeper);
    if (!keeper->closing && !keeper->headroom_busy && !headroom_is_held(keeper->store->headroom)) {
        keeper->headroom_busy = true;
        strand_post(keeper->strand, &keeper->headroom_task, headroom_work, on_headroom);
    }
    if (keeper->closing || keeper->snapshot_busy || !snapshot_is_due(keeper))
        return;
    keeper->snapshot_busy = true;
    keeper->snapshot_failed_at = 0;
    keeper->turning = true;
    strand_post(keeper->store->writer, &keeper->snapshot_task, turn_work, on_turned);
}

/* --- events: the scrub --- */

static void wrong_tell(struct keeper *keeper, const struct err *err)
{
    if (keeper->quarantined < 0)
        log_error("scrub", "bytes are wrong, and cannot be put aside", "sha256=%s error=\"%s\"",
                  keeper->wrong, err->text);
    if (keeper->quarantined <= 0)
        return;
    metric_add(keeper->store->counts.quarantined, 1);
    log_error("scrub", "bytes are wrong, put aside: deploy them again", "sha256=%s folder=%s",
              keeper->wrong, keeper->store->quarantine_dir);
}

static void on_scrub_timer(uv_timer_t *timer)
{
    scrub_go_on(container_of(timer, struct keeper, scrub_timer));
}

static void on_scrubbed(struct task *task)
{
    struct keeper *keeper = container_of(task, struct keeper, scrub_task);
    int64_t rate = keeper->store->settings->scrub_rate_bytes;

    keeper->scrub_busy = false;
    metric_add(keeper->store->counts.scrubbed_bytes, (double)keeper->scrub_bytes);
    if (task->rc == SCRUB_WRONG)
        wrong_tell(keeper, &task->err);
    else if (task->rc < 0)
        log_warn("scrub", "cannot read, going on", "error=\"%s\"", task->err.text);
    if (keeper->closing)
        return;
    int64_t wait_ms = 1 + keeper->scrub_bytes * 1000 / rate;
    if (task->rc == SCRUB_END && keeper->looks_count == 0)
        wait_ms = SCRUB_REST_MS;
    uv_timer_start(&keeper->scrub_timer, on_scrub_timer, (uint64_t)wait_ms, 0);
}

static void scrub_go_on(struct keeper *keeper)
{
    if (keeper->closing || keeper->scrub_busy || keeper->store->settings->scrub_rate_bytes == 0)
        return;
    if (keeper->looks_count > 0)
        scrub_look(keeper->scrub, keeper->looks[--keeper->looks_count]);
    keeper->scrub_busy = true;
    strand_post(keeper->strand, &keeper->scrub_task, scrub_work, on_scrubbed);
}

void keeper_look(struct keeper *keeper, const char *sha256)
{
    if (keeper->looks_count == LOOKS)
        return;
    memcpy(keeper->looks[keeper->looks_count++], sha256, SHA256_HEX);
    /* It may be at rest between two passes. */
    if (!keeper->scrub_busy && uv_timer_get_due_in(&keeper->scrub_timer) > TICK_MS)
        uv_timer_start(&keeper->scrub_timer, on_scrub_timer, TICK_MS, 0);
}

/* --- its life --- */

struct keeper *keeper_new(struct store *store)
{
    struct keeper *keeper = xcalloc(1, sizeof *keeper);

    keeper->store = store;
    keeper->strand = strand_new(store->loop, NULL, NULL, NULL);
    keeper->scrub_file = xasprintf("%s/scrub", store->settings->state_dir);
    keeper->scrub = scrub_new(store->blobs_dir, keeper->scrub_file);
    uv_timer_init(store->loop, &keeper->tick);
    uv_timer_init(store->loop, &keeper->scrub_timer);
    uv_unref((uv_handle_t *)&keeper->tick);
    uv_unref((uv_handle_t *)&keeper->scrub_timer);
    uv_timer_start(&keeper->tick, on_tick, TICK_MS, TICK_MS);
    uv_timer_start(&keeper->scrub_timer, on_scrub_timer, TICK_MS, 0);
    return keeper;
}

static void part_closed(struct keeper *keeper)
{
    if (--keeper->open > 0)
        return;
    void (*closed)(void *ctx) = keeper->closed;
    void *ctx = keeper->closed_ctx;
    scrub_free(keeper->scrub);
    snapshot_free(keeper->snapshot);
    free(keeper->scrub_file);
    free(keeper);
    closed(ctx);
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static void on_strand_closed(void *ctx)
{
    part_closed(ctx);
}

void keeper_close(struct keeper *keeper, void (*closed)(void *ctx), void *ctx)
{
    uv_handle_t *handles[] = { (uv_handle_t *)&keeper->tick, (uv_handle_t *)&keeper->scrub_timer };

    keeper->closing = true;
    keeper->closed = closed;
    keeper->closed_ctx = ctx;
    keeper->open = keeper->turning ? 4 : 3;
    for (size_t i = 0; i < countof(handles); i++) {
        handles[i]->data = keeper;
        uv_close(handles[i], on_handle_closed);
    }
    strand_close(keeper->strand, on_strand_closed, keeper);
}
