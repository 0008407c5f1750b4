/* sweeper.c - one pass over the shelves of blobs after the start and then now and
 * again; a shelf a task, so that readers wait for one shelf at most. */
#include <inttypes.h>

#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "store/disk/sweep.h"
#include "store/web/store.h"

static void sweep_go_on(struct store *store);

static void shelf_work(struct task *task)
{
    struct store *store = container_of(task, struct store, sweep_task);

    task->rc = sweep_shelf(store->blobs_dir, store->sweep_next, store->settings->sweep_grace_ms,
                           clock_wall_ms(), store->pins, store->blobs, store->reader_db,
                           &store->swept_bytes, &task->err);
}

static void on_shelf(struct task *task)
{
    struct store *store = container_of(task, struct store, sweep_task);

    if (task->rc < 0)
        log_warn("sweep", "shelf failed, going on", "error=\"%s\"", task->err.text);
    if (store->swept_bytes > 0)
        log_info("sweep", "removed orphaned blobs", "bytes=%" PRId64, store->swept_bytes);
    metric_add(store->counts.swept_bytes, (double)store->swept_bytes);
    store->swept_bytes = 0;
    store->sweep_next++;
    store->sweep_busy = false;
    sweep_go_on(store);
}

static void on_timer(uv_timer_t *timer)
{
    struct store *store = container_of(timer, struct store, sweep_timer);

    store->sweep_next = 0;
    sweep_go_on(store);
}

static void sweep_go_on(struct store *store)
{
    if (store->stopping || store->sweep_busy)
        return;
    if (store->sweep_next >= SWEEP_SHELVES) {
        uv_timer_start(&store->sweep_timer, on_timer, (uint64_t)store->settings->sweep_period_ms,
                       0);
        return;
    }
    store->sweep_busy = true;
    strand_post(store->reader, &store->sweep_task, shelf_work, on_shelf);
}

void sweeper_start(struct store *store)
{
    uv_timer_init(store->loop, &store->sweep_timer);
    uv_unref((uv_handle_t *)&store->sweep_timer);
    sweep_go_on(store);
}
