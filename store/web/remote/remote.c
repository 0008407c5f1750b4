/* remote.c - remote repositories as the store has them: start and stop, and what is wanted. */
#include "store/web/remote/remote.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/web/remote/remote_own.h"

/* --- what is wanted --- */

const char *remote_base(const struct store *store, const struct repository *repository)
{
    return repository->url[0] ? repository->url
                              : origins_base(store->remote->origins, repository->type);
}

const char *remote_sumdb(const struct store *store)
{
    return origins_sumdb(store->remote->origins);
}

int remote_want_item(const struct store *store, const struct repository *repository,
                     const char *path, enum remote_rule rule, struct remote_want *ret,
                     struct err *err)
{
    auto_free char *text = xasprintf("%s/%s", repository->key, path);
    struct buf url;

    *ret = (struct remote_want){ .repository = repository, .rule = rule };
    int rc = item_path_check(text, &ret->at, err);
    if (rc < 0)
        return rc;
    buf_init(&url, sizeof ret->url - 1);
    buf_printf(&url, "%s/", remote_base(store, repository));
    text_encode_path(&url, ret->at.path);
    if (url.over)
        rc = err_set(err, ERR_LIMIT, "the upstream's URL would be too long");
    else
        memcpy(ret->url, url.data, url.len + 1);
    buf_done(&url);
    return rc;
}

/* --- the store's part --- */

static void metrics_make(struct remote *remote, struct metrics *metrics)
{
    struct remote_metrics *counts = &remote->counts;

    counts->hits = metrics_counter(metrics, "sos_store_remote_hits_total",
                                   "Asks answered from the cache, fresh.", "");
    counts->misses =
        metrics_counter(metrics, "sos_store_remote_fetches_total", "Requests to upstreams.", "");
    counts->stale = metrics_counter(metrics, "sos_store_remote_stale_total",
                                    "Asks answered from the cache, the upstream failing.", "");
    counts->bytes = metrics_counter(metrics, "sos_store_remote_bytes_total",
                                    "Bytes that came from upstreams.", "");
    counts->failures = metrics_counter(metrics, "sos_store_remote_failures_total",
                                       "Requests to upstreams that failed.", "");
}

struct remote *remote_new(struct store *store)
{
    struct remote *remote = xcalloc(1, sizeof *remote);

    remote->store = store;
    remote->origins = origins_new();
    list_init(&remote->fetches);
    metrics_make(remote, store->metrics);
    return remote;
}

int remote_configure(struct remote *remote, struct err *err)
{
    const struct store_settings *settings = remote->store->settings;

    int rc = reach_parse(settings->upstream_private, &remote->reach, err);
    if (rc < 0)
        err_wrap(err, "upstream-private");
    return rc < 0 ? rc : origins_read(remote->origins, settings, err);
}

void remote_start(struct remote *remote)
{
    const struct upstreams_config config = { .ca_file = remote->store->settings->upstream_ca,
                                             .reach = remote->reach };

    remote->upstreams = upstreams_new(remote->store->loop, &config);
    uv_timer_init(remote->store->loop, &remote->tick);
}

void remote_stop(struct remote *remote)
{
    list_each (link, &remote->fetches)
        fetch_cancel(list_item(link, struct fetch, link));
}

static void on_part_closed(void *ctx)
{
    struct remote *remote = ctx;

    if (--remote->closing == 0)
        remote->closed(remote->closed_ctx);
}

static void on_tick_closed(uv_handle_t *handle)
{
    on_part_closed(container_of((uv_timer_t *)handle, struct remote, tick));
}

void remote_close(struct remote *remote, void (*closed)(void *ctx), void *ctx)
{
    assert(remote->fetches_count == 0);
    remote->closed = closed;
    remote->closed_ctx = ctx;
    remote->closing = 2;
    upstreams_close(remote->upstreams, on_part_closed, remote);
    uv_close((uv_handle_t *)&remote->tick, on_tick_closed);
}

void remote_free(struct remote *remote)
{
    if (!remote)
        return;
    reach_free(remote->reach);
    origins_free(remote->origins);
    free(remote);
}
