/* store.c - the store's start and stop. */
#include "store/web/store.h"

#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/web/item/hot.h"
#include "store/web/keep/counter.h"
#include "store/web/keep/keeper.h"
#include "store/web/keep/retention.h"
#include "store/web/pypi/pypi_pages.h"
#include "store/web/remote/remote.h"
#include "store/web/state.h"

/* --- strands --- */

void store_break(struct store *store, const struct err *err)
{
    if (!store->broken)
        log_error("store", "the disk is broken, stopping", "error=\"%s\"", err->text);
    store->broken = true;
    uv_stop(store->loop);
}

static void on_broken(void *ctx, const struct err *err)
{
    store_break(ctx, err);
}

static void strands_make(struct store *store)
{
    struct strand_batch batch;

    journal_batch(store->journal, &batch);
    store->writer = strand_new(store->loop, &batch, on_broken, store);
    store->reader = strand_new(store->loop, NULL, NULL, NULL);
    for (int i = 0; i < STORE_DISKS; i++)
        store->disks[i] = strand_new(store->loop, NULL, NULL, NULL);
    for (int i = 0; i < STORE_SEARCHERS; i++)
        store->searchers[i].strand = strand_new(store->loop, NULL, NULL, NULL);
}

struct strand *store_disk(struct store *store)
{
    struct strand *best = NULL;

    /* From another one each time, so that idle strands share the load. */
    for (size_t i = 0; i < STORE_DISKS; i++) {
        struct strand *disk = store->disks[(store->disks_turn + i) % STORE_DISKS];
        if (!best || strand_waiting(disk) < strand_waiting(best))
            best = disk;
    }
    store->disks_turn++;
    return best;
}

const struct searcher *store_searcher(const struct store *store)
{
    const struct searcher *best = &store->searchers[0];

    for (int i = 1; i < STORE_SEARCHERS; i++)
        if (strand_waiting(store->searchers[i].strand) < strand_waiting(best->strand))
            best = &store->searchers[i];
    return best;
}

int store_room(const struct store *store, int64_t bytes, struct err *err)
{
    int64_t free_bytes = blobs_free_bytes(store->blobs);
    int64_t floor_bytes = store->settings->disk_floor_bytes;

    if (headroom_check(store->headroom, err) < 0)
        return -ERR_FULL;
    if (free_bytes - bytes >= floor_bytes)
        return 0;
    return err_set(err, ERR_FULL,
                   "Datastore disk usage is too high: %" PRId64 " bytes are free, %" PRId64
                   " are to come and %" PRId64 " must stay free",
                   free_bytes, bytes, floor_bytes);
}

/* --- start and stop --- */

static void metrics_make(struct store *store)
{
    struct metrics *metrics = store->metrics = metrics_new();
    struct store_metrics *counts = &store->counts;

    counts->uploads = metrics_counter(metrics, "sos_store_uploads_total", "Files stored.", "");
    counts->upload_bytes =
        metrics_counter(metrics, "sos_store_upload_bytes_total", "Bytes of files stored.", "");
    counts->downloads = metrics_counter(metrics, "sos_store_downloads_total", "Files sent.", "");
    counts->refused_full =
        metrics_counter(metrics, "sos_store_refused_full_total", "Refused for a full disk.", "");
    counts->swept_bytes =
        metrics_counter(metrics, "sos_store_swept_bytes_total", "Orphaned bytes removed.", "");
    counts->scrubbed_bytes = metrics_counter(metrics, "sos_store_scrubbed_bytes_total",
                                             "Bytes of blobs read to check them.", "");
    counts->quarantined = metrics_counter(metrics, "sos_store_quarantined_total",
                                          "Blobs put aside, their bytes were wrong.", "");
}

static void store_free(struct store *store)
{
    for (int i = 0; i < STORE_SEARCHERS; i++)
        db_close(store->searchers[i].db);
    db_close(store->reader_db);
    journal_close(store->journal);
    db_close(store->writer_db);
    blobs_close(store->blobs);
    pins_free(store->pins);
    auth_free(store->auth);
    remote_free(store->remote);
    pypi_pages_free(store->pypi_pages);
    metrics_free(store->metrics);
    headroom_free(store->headroom);
    hot_free(store->hot);
    retention_free(store->retention);
    free(store->blobs_dir);
    free(store->quarantine_dir);
    free(store);
}

int store_start(uv_loop_t *loop, const struct store_settings *settings, struct store **ret,
                struct err *err)
{
    struct store *store = xcalloc(1, sizeof *store);

    store->settings = settings;
    store->loop = loop;
    store->auth = auth_new();
    store->pins = pins_new();
    store->hot = hot_new();
    metrics_make(store);
    store->remote = remote_new(store);
    store->pypi_pages = pypi_pages_new();
    int rc = remote_configure(store->remote, err);
    if (rc == 0)
        rc = state_open(store, err);
    if (rc == 0)
        rc = retention_new(store, settings->retention, &store->retention, err);
    if (rc == 0)
        rc = http_start(loop, &settings->http, store_on_request, store, &store->http, err);
    if (rc < 0) {
        store_free(store);
        return rc;
    }
    strands_make(store);
    remote_start(store->remote);
    sweeper_start(store);
    retention_start(store->retention);
    store->keeper = keeper_new(store);
    store->counter = counter_new(store);
    *ret = store;
    return 0;
}

static void on_part_closed(void *ctx)
{
    struct store *store = ctx;

    if (--store->closing > 0)
        return;
    void (*stopped)(void *ctx) = store->stopped;
    void *stopped_ctx = store->stopped_ctx;
    store_free(store);
    stopped(stopped_ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(container_of((uv_timer_t *)handle, struct store, sweep_timer));
}

/* A call goes from strand to strand, with its client or without: none closes before the last. */
static void parts_close(struct store *store)
{
    if (!store->http_stopped || store->calls > 0)
        return;
    store->closing = STORE_DISKS + STORE_SEARCHERS + 7;
    retention_close(store->retention, on_part_closed, store);
    keeper_close(store->keeper, on_part_closed, store);
    counter_close(store->counter, on_part_closed, store);
    uv_close((uv_handle_t *)&store->sweep_timer, on_timer_closed);
    remote_close(store->remote, on_part_closed, store);
    strand_close(store->writer, on_part_closed, store);
    strand_close(store->reader, on_part_closed, store);
    for (int i = 0; i < STORE_DISKS; i++)
        strand_close(store->disks[i], on_part_closed, store);
    for (int i = 0; i < STORE_SEARCHERS; i++)
        strand_close(store->searchers[i].strand, on_part_closed, store);
}

void store_call_ended(struct store *store)
{
    store->calls--;
    parts_close(store);
}

static void on_http_stopped(void *ctx)
{
    struct store *store = ctx;

    store->http_stopped = true;
    parts_close(store);
}

void store_stop(struct store *store, void (*stopped)(void *ctx), void *ctx)
{
    store->stopping = true;
    store->stopped = stopped;
    store->stopped_ctx = ctx;
    remote_stop(store->remote);
    http_stop(store->http, on_http_stopped, store);
}
