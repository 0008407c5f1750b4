/* fetch.c - one thing on its way from its upstream into the cache, for all who ask for it.
 *
 *   ASKING --200--> RECEIVING --end--> SEALING --verified--> RECORDING --> (FREEING) --> DONE
 *     |                 |                 |                      |                        ^
 *     |                 +---- error ------+----- error ----------+--- writer aborted -----+
 *     +--304: RECORDING the time; 404, error: ---------------------------------------------+
 *
 * RECEIVING writes in parts on a disk's strand while the next part comes; the upstream is paused
 * when it is faster than the disk.  The bytes are a temp file until SEALING has hashed them and
 * found what was promised: a crash leaves nothing that could be taken for the thing itself.
 * Only fetch_enter() moves it; a failure waits for the task at work. */
#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "store/web/remote/remote_own.h"

enum {
    WRITE_BYTES = 128 << 10,    /* the upstream is paused when so much waits … */
    PART_BYTES_MAX = 512 << 10, /* … and one more chunk of libcurl's fits easily */
    AWAY_MS = 10000,
    TICK_MS = 500,
};

static void fetch_enter(struct fetch *fetch, enum fetch_state state);
static void fetch_fail(struct fetch *fetch, int rc, const struct err *err);

/* --- events (the loop) --- */

static void fetch_post(struct fetch *fetch, struct strand *strand, task_fn work, task_fn done)
{
    fetch->busy = true;
    strand_post(strand, &fetch->task, work, done);
}

/* A task is done; false: the fetch has failed, with it or meanwhile. */
static bool task_went_well(struct fetch *fetch)
{
    fetch->busy = false;
    if (fetch->rc == 0 && fetch->task.rc == 0)
        return true;
    fetch_fail(fetch, fetch->task.rc, &fetch->task.err);
    return false;
}

static void on_written(struct task *task);

static void fetch_write(struct fetch *fetch)
{
    struct buf empty = fetch->part;

    fetch->part = fetch->coming;
    fetch->coming = empty;
    buf_clear(&fetch->coming);
    fetch_post(fetch, fetch->disk, fetch_write_work, on_written);
}

static void on_written(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);

    if (!task_went_well(fetch))
        return;
    fetch->written_safe = fetch->written_bytes;
    fetch_tell_follow(fetch);
    fetch_wake(fetch);
    if (fetch->ended)
        fetch_enter(fetch, FETCH_SEALING);
    else if (fetch->coming.len > 0)
        fetch_write(fetch);
    if (fetch->paused && fetch->upstream) {
        fetch->paused = false;
        upstream_resume(fetch->upstream);
    }
}

/* It is not asked for again for a while, and why. */
static void miss_keep(const struct fetch *fetch, enum miss why)
{
    struct remote *remote = fetch->remote;

    origins_miss(remote->origins, &fetch->want.at, why,
                 clock_wall_ms() + remote->store->settings->missing_ttl_ms);
}

static void fetch_has_none(struct fetch *fetch, const char *why)
{
    struct err err = { 0 };

    miss_keep(fetch, MISS_NONE);
    fetch_fail(fetch, err_set(&err, ERR_NOT_FOUND, "%s", why), &err);
}

static void on_head(void *ctx, const struct upstream_head *head)
{
    struct fetch *fetch = ctx;

    fetch->told = *head;
    fetch->since_ms = clock_mono_ms();
    if (head->folder) {
        fetch_has_none(fetch, "it is a folder there");
        return;
    }
    if (!fetch->head)
        fetch_enter(fetch, FETCH_RECEIVING);
    if (!fetch_is_wanted(fetch))
        fetch_drop(fetch);
}

static void on_data(void *ctx, const char *data, size_t len)
{
    struct fetch *fetch = ctx;

    metric_add(fetch->remote->counts.bytes, (double)len);
    fetch->received_bytes += (int64_t)len;
    int rc = buf_add(&fetch->coming, data, len);
    assert(rc == 0);
    if (!fetch->busy) {
        fetch_write(fetch);
    } else if (fetch->coming.len >= WRITE_BYTES) {
        fetch->paused = true;
        upstream_pause(fetch->upstream);
    }
}

static void fetch_refuse(struct fetch *fetch, int status)
{
    struct err err = { 0 };

    if (status == 404 || status == 410) {
        fetch_has_none(fetch, "the upstream has none");
        return;
    }
    err_set(&err, ERR_IO, "the upstream answers %d for %.160s", status, fetch->want.at.path);
    err_reason(&err, "UPSTREAM");
    fetch_fail(fetch, -ERR_IO, &err);
}

/* Fewer bytes may come another time, but all that come now would come again at once. */
static void fetch_failed_there(struct fetch *fetch, int rc, const struct err *err)
{
    struct remote *remote = fetch->remote;
    struct err large = { 0 };

    if (fetch->state == FETCH_ASKING && rc == -ERR_IO)
        origins_away(remote->origins, fetch->want.at.repo, clock_wall_ms() + AWAY_MS);
    if (rc == -ERR_LIMIT) {
        miss_keep(fetch, MISS_LARGE);
        fetch_too_large(remote->store, &fetch->want, &large);
        err = &large;
    }
    fetch_fail(fetch, rc, err);
}

static void on_done(void *ctx, int rc, const struct upstream_head *head, const struct err *err)
{
    struct fetch *fetch = ctx;

    fetch->upstream = NULL;
    if (rc < 0) {
        fetch_failed_there(fetch, rc, err);
        return;
    }
    fetch->told = *head;
    if (head->status == 200 && fetch->head) {
        fetch_enter(fetch, FETCH_DONE);
    } else if (head->status == 200) {
        fetch->ended = true;
        if (!fetch->busy)
            fetch_enter(fetch, FETCH_SEALING);
    } else if (head->status == 304 && fetch->has_old) {
        fetch->item = fetch->old;
        fetch_enter(fetch, FETCH_RECORDING);
    } else {
        fetch_refuse(fetch, head->status);
    }
}

static void on_sealed(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);

    if (blobs_are_broken(fetch->remote->store->blobs))
        store_break(fetch->remote->store, &task->err);
    if (task_went_well(fetch))
        fetch_enter(fetch, FETCH_RECORDING);
}

/* Nothing has them; who follows reads on from the open file. */
static void fetch_give_up_bytes(struct fetch *fetch)
{
    fetch->err = fetch->task.err;
    pins_drop(fetch->remote->store->pins, fetch->digests.sha256);
    fetch->pinned = false;
    freed_add(&fetch->freed, fetch->digests.sha256);
}

static void on_recorded(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);

    if (fetch->unkept)
        fetch_give_up_bytes(fetch);
    if (task_went_well(fetch))
        fetch_enter(fetch, fetch->freed.count > 0 ? FETCH_FREEING : FETCH_DONE);
}

static void on_last_task(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);

    fetch->busy = false;
    fetch_enter(fetch, FETCH_DONE);
}

/* --- the machine --- */

static void failure_tell(const struct fetch *fetch)
{
    if (fetch->rc == 0 || fetch->rc == -ERR_NOT_FOUND)
        return;
    metric_add(fetch->remote->counts.failures, 1);
    log_warn("remote", "upstream failed", "repository=%s path=%s error=\"%s\"", fetch->want.at.repo,
             fetch->want.at.path, fetch->err.text);
}

static void fetch_fail(struct fetch *fetch, int rc, const struct err *err)
{
    if (fetch->rc == 0) {
        fetch->rc = rc;
        fetch->err = *err;
    }
    if (fetch->upstream)
        upstream_cancel(take_ptr(fetch->upstream));
    if (fetch->busy)
        return; /* the task's end comes back here */
    if (fetch->writer)
        fetch_post(fetch, fetch->disk, fetch_abort_work, on_last_task);
    else
        fetch_enter(fetch, FETCH_DONE);
}

void fetch_drop(struct fetch *fetch)
{
    struct err err = { 0 };
    int rc = err_set(&err, ERR_IO, "nobody waits for %s any more", fetch->want.at.path);

    err_reason(&err, "UPSTREAM");
    fetch_fail(fetch, rc, &err);
}

void fetch_cancel(struct fetch *fetch)
{
    struct err err = { 0 };
    int rc = err_set(&err, ERR_IO, "the store is stopping");

    err_reason(&err, "UPSTREAM");
    fetch_fail(fetch, rc, &err);
}

void fetch_free(struct fetch *fetch)
{
    struct remote *remote = fetch->remote;

    assert(!fetch->busy && !fetch->writer && !fetch->upstream);
    if (fetch->fd >= 0)
        close(fetch->fd);
    EVP_MD_CTX_free(fetch->sri);
    freed_done(&fetch->freed);
    buf_done(&fetch->coming);
    buf_done(&fetch->part);
    free(fetch);
    remote->fetches_count--;
    store_call_ended(remote->store);
}

/* Those that follow it still read its file: the last one to leave frees it. */
static void fetch_end(struct fetch *fetch)
{
    struct remote *remote = fetch->remote;

    list_remove(&fetch->link);
    if (list_empty(&remote->fetches))
        uv_timer_stop(&remote->tick);
    if (fetch->rc == 0 && !fetch->head) {
        remote->turn++;
        origins_forget_miss(remote->origins, &fetch->want.at);
    }
    if (fetch->pinned)
        pins_drop(remote->store->pins, fetch->digests.sha256);
    failure_tell(fetch);
    fetch->busy = true; /* nobody who leaves now frees it */
    fetch_wake(fetch);
    list_each (link, &fetch->asks) {
        struct remote_ask *ask = list_item(link, struct remote_ask, link);
        if (ask->state == ASK_WAITING)
            ask_done(ask);
    }
    fetch->busy = false;
    if (list_empty(&fetch->asks))
        fetch_free(fetch);
}

static void upstream_ask(struct fetch *fetch)
{
    struct remote *remote = fetch->remote;
    struct upstream_request request = fetch_request(fetch);

    request.on_head = on_head;
    request.on_data = on_data;
    request.on_done = on_done;
    request.ctx = fetch;
    metric_add(remote->counts.misses, 1);
    fetch->upstream = upstream_start(remote->upstreams, &request);
}

static void fetch_enter(struct fetch *fetch, enum fetch_state state)
{
    struct store *store = fetch->remote->store;

    assert(state > fetch->state || state == FETCH_ASKING);
    fetch->state = state;
    switch (state) {
    case FETCH_ASKING:
        upstream_ask(fetch);
        break;
    case FETCH_RECEIVING:
        fetch->disk = store_disk(store);
        break;
    case FETCH_SEALING:
        fetch_post(fetch, fetch->disk, fetch_seal_work, on_sealed);
        break;
    case FETCH_RECORDING:
        fetch_post(fetch, store->writer,
                   fetch->told.status == 304 ? fetch_touch_work : fetch_record_work, on_recorded);
        break;
    case FETCH_FREEING:
        fetch_post(fetch, store->reader, fetch_free_work, on_last_task);
        break;
    case FETCH_DONE:
        fetch_end(fetch);
        break;
    }
}

/* --- its beginning --- */

static void on_tick(uv_timer_t *timer)
{
    struct remote *remote = container_of(timer, struct remote, tick);

    list_each (link, &remote->fetches)
        fetch_tell_follow(list_item(link, struct fetch, link));
}

struct fetch *fetch_begin(struct remote *remote, const struct remote_ask *ask, bool head)
{
    struct fetch *fetch = xcalloc(1, sizeof *fetch);

    fetch->remote = remote;
    fetch->want = ask->want;
    fetch->head = head;
    fetch->fd = -1;
    fetch->has_old = ask->has_item && ask->want.rule == REMOTE_METADATA;
    if (fetch->has_old) {
        fetch->old = ask->call->item;
        fetch->cached = ask->cached;
    }
    list_init(&fetch->asks);
    buf_init(&fetch->coming, PART_BYTES_MAX);
    buf_init(&fetch->part, PART_BYTES_MAX);
    list_append(&remote->fetches, &fetch->link);
    remote->fetches_count++;
    remote->store->calls++; /* the strands stay open for it */
    if (!uv_is_active((uv_handle_t *)&remote->tick))
        uv_timer_start(&remote->tick, on_tick, TICK_MS, TICK_MS);
    fetch_enter(fetch, FETCH_ASKING);
    return fetch;
}
