/* fetch_asks.c - those who ask for a thing that is fetched: joining, following, leaving. */
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/web/remote/remote_own.h"

enum {
    FETCHES_MAX = 2048,
    FOLLOW_BYTES = 64 << 10, /* answers begin when so much is written … */
    FOLLOW_MS = 1000,        /* … or so long after the first byte */
    WANTED_BYTES = 8 << 20,  /* with no asker left, as much is still waited for */
};

static bool can_follow(const struct fetch *fetch)
{
    return fetch->state == FETCH_RECEIVING && fetch->rc == 0 && !fetch->ended &&
           fetch->written_safe > 0 &&
           (fetch->written_safe >= FOLLOW_BYTES || clock_mono_ms() - fetch->since_ms >= FOLLOW_MS);
}

void fetch_tell_follow(struct fetch *fetch)
{
    if (!can_follow(fetch))
        return;
    list_each (link, &fetch->asks)
        ask_follow(list_item(link, struct remote_ask, link));
}

void fetch_wake(struct fetch *fetch)
{
    list_each (link, &fetch->asks) {
        struct remote_ask *ask = list_item(link, struct remote_ask, link);
        if (ask->state == ASK_FOLLOWING && ask->call->request)
            http_wake(ask->call->request);
    }
}

bool fetch_is_wanted(const struct fetch *fetch)
{
    int64_t size = fetch->told.size_bytes;
    int64_t received = fetch->received_bytes;

    if (!list_empty(&fetch->asks))
        return true;
    if (fetch->head || fetch->state > FETCH_RECEIVING)
        return !fetch->head;
    return size < 0 || size - received <= WANTED_BYTES || received >= size / 2;
}

static struct fetch *fetch_find(struct remote *remote, const struct remote_want *want, bool head)
{
    list_each (link, &remote->fetches) {
        struct fetch *fetch = list_item(link, struct fetch, link);
        if ((head || !fetch->head) && fetch->rc == 0 &&
            strcmp(fetch->want.at.path, want->at.path) == 0 &&
            strcmp(fetch->want.at.repo, want->at.repo) == 0)
            return fetch;
    }
    return NULL;
}

static int fetch_refuse_to_begin(const struct remote *remote, const struct remote_ask *ask,
                                 struct err *err)
{
    const struct repository *repository = ask->want.repository;
    int rc = 0;

    if (!remote_base(remote->store, repository)[0])
        rc =
            err_set(err, ERR_IO,
                    "repository %s has no upstream: give it url=URL in the setting repositories, or"
                    " name the images' folder in the setting images",
                    repository->key);
    else if (remote->store->stopping)
        rc = err_set(err, ERR_IO, "the store is stopping");
    else if (remote->fetches_count >= FETCHES_MAX)
        rc = err_set(err, ERR_IO, "too many requests to upstreams are under way");
    if (rc < 0)
        err_reason(err, "UPSTREAM");
    return rc;
}

int fetch_join(struct remote *remote, struct remote_ask *ask, struct err *err)
{
    bool head = !ask->then && ask->want.rule == REMOTE_IMMUTABLE && ask->call->request &&
                strcmp(http_method(ask->call->request), "HEAD") == 0;
    struct fetch *fetch = fetch_find(remote, &ask->want, head);

    if (!fetch) {
        int rc = fetch_refuse_to_begin(remote, ask, err);
        if (rc < 0)
            return rc;
        fetch = fetch_begin(remote, ask, head);
    }
    call_hold(ask->call);
    ask->fetch = fetch;
    list_append(&fetch->asks, &ask->link);
    if (can_follow(fetch))
        ask_follow(ask);
    return 0;
}

void fetch_leave(struct remote_ask *ask)
{
    struct fetch *fetch = take_ptr(ask->fetch);

    list_remove(&ask->link);
    if (fetch->state == FETCH_DONE && !fetch->busy && list_empty(&fetch->asks))
        fetch_free(fetch);
    else if (fetch->state <= FETCH_RECEIVING && fetch->rc == 0 && !fetch_is_wanted(fetch))
        fetch_drop(fetch);
    call_let_go(ask->call);
}
