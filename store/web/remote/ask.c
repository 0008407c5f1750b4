/* ask.c - calls that want something of a remote repository: see remote.h for the drawing.
 *
 *   LOOKING --kept and fresh--------------------------> DONE
 *      |  \---no upstream, known to have none----------> DONE
 *      v                                                  ^
 *   WAITING --the fetch's end--> (kept, stale, error) ----+
 *      |                                                  |
 *      +--its bytes come--> FOLLOWING --last byte, gone---+ */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/core/mime.h"
#include "store/core/names.h"
#include "store/web/bytes.h"
#include "store/web/remote/remote_own.h"

enum { LOOKS_MAX = 3 };

static void ask_look(struct remote_ask *ask);

/* --- the outcome --- */

static void file_close(struct call *call)
{
    auto_close int fd = take_fd(call->fd);
    (void)fd;
}

static void ask_end(struct remote_ask *ask, int rc)
{
    struct call *call = ask->call;

    ask->state = ASK_DONE;
    call->task.rc = rc;
    if (ask->then)
        file_close(call);
    if (ask->then)
        ask->then(call);
    else if (rc == -ERR_NOT_FOUND && call->on_missing)
        call->on_missing(call);
    else if (rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (call->fd >= 0)
        get_found(call); /* what was looked at */
    else
        get_stored(call);
}

/* RFC 9111, 5.5 and 5.1. */
static void ask_warn(struct remote_ask *ask)
{
    struct call *call = ask->call;
    char age[24];

    if (!call->request || call->warned)
        return;
    call->warned = true;
    snprintf(age, sizeof age, "%" PRId64,
             ask->cached.checked_ms ? (call->now_ms - ask->cached.checked_ms) / 1000 : 0);
    http_set_header(call->request, "Warning", "111 - \"Revalidation Failed\"");
    http_set_header(call->request, "Age", age);
}

static void ask_answer_stale(struct remote_ask *ask)
{
    metric_add(ask->call->store->remote->counts.stale, 1);
    ask_warn(ask);
    ask_end(ask, 0);
}

static void ask_fail(struct remote_ask *ask, int rc, const struct err *err)
{
    ask->call->task.err = *err;
    ask_end(ask, rc);
}

static void ask_has_none(struct remote_ask *ask, const char *why)
{
    struct err err = { 0 };
    int rc = err_set(&err, ERR_NOT_FOUND, "%s:%s: %s", ask->want.at.repo, ask->want.at.path, why);
    ask_fail(ask, rc, &err);
}

static void ask_too_large(struct remote_ask *ask)
{
    struct err err = { 0 };

    if (ask->has_item)
        ask_answer_stale(ask);
    else
        ask_fail(ask, fetch_too_large(ask->call->store, &ask->want, &err), &err);
}

/* HEAD of what is not kept: what the upstream told. */
static long pull_nothing(void *ctx, char *room, size_t len)
{
    (void)ctx;
    (void)room;
    (void)len;
    return HTTP_BROKEN;
}

static void ask_answer_head(struct remote_ask *ask)
{
    struct call *call = ask->call;
    struct fetch *fetch = ask->fetch;

    http_set_header(call->request, "Accept-Ranges", "bytes");
    if (fetch->told.modified[0])
        http_set_header(call->request, "Last-Modified", fetch->told.modified);
    http_answer_pull(call->request, 200, mime_of(item_name(&call->at)), fetch->told.size_bytes,
                     pull_nothing, NULL);
}

/* What is kept is what this one was promised. */
static bool is_as_promised(const struct remote_ask *ask)
{
    return claim_check(&ask->want.promised, &ask->call->item.digests, NULL) == 0;
}

/* --- what a fetch tells --- */

void ask_done(struct remote_ask *ask)
{
    struct call *call = ask->call;
    struct fetch *fetch = ask->fetch;

    assert(ask->state == ASK_WAITING);
    if (fetch->unkept && fetch->rc == 0 && !ask->then) {
        ask->state = ASK_FOLLOWING;
        follow_answer(ask);
        return;
    }
    if (fetch->head && fetch->rc == 0)
        ask_answer_head(ask);
    struct err err = fetch->err;
    bool is_head = fetch->head;
    int rc = fetch->unkept && fetch->rc == 0 ? -ERR_CONFLICT : fetch->rc;
    if (rc == 0)
        call->item = fetch->item;
    if (rc == 0 && !is_head && !is_as_promised(ask)) { /* others were promised something else */
        rc = err_set(&err, ERR_IO, "the upstream's bytes are not what was promised");
        err_reason(&err, "UPSTREAM");
    }
    call_hold(call);
    fetch_leave(ask);
    if (rc == 0 && is_head)
        ask->state = ASK_DONE;
    else if (rc == 0)
        ask_end(ask, 0);
    else if (rc == -ERR_NOT_FOUND)
        ask_has_none(ask, "the upstream has none");
    else if (ask->has_item)
        ask_answer_stale(ask);
    else
        ask_fail(ask, rc, &err);
    call_let_go(call);
}

void ask_follow(struct remote_ask *ask)
{
    if (ask->state != ASK_WAITING || ask->then)
        return;
    ask->state = ASK_FOLLOWING;
    follow_answer(ask);
}

/* --- looking --- */

static void look_work(struct call *call)
{
    struct remote_ask *ask = call->ask;
    struct err *err = &call->task.err;
    int rc = cache_find(call->store->reader_db, &call->at, &call->item, &ask->cached, err);

    /* What is not as promised is as good as not there, and so is what was damaged here. */
    ask->has_item = rc == 0 && is_as_promised(ask);
    if (ask->has_item) {
        rc = bytes_open(call->store, &call->item.digests, &call->fd, err);
        ask->is_damaged = rc < 0 && bytes_are_lost(err);
        ask->has_item = rc == 0;
    }
    call->task.rc = rc == -ERR_NOT_FOUND || ask->is_damaged ? 0 : rc;
}

static bool is_fresh(const struct remote_ask *ask)
{
    const struct call *call = ask->call;
    int64_t ttl_ms = call->store->settings->metadata_ttl_ms;

    if (!ask->has_item)
        return false;
    return ask->want.rule == REMOTE_IMMUTABLE || (ask->cached.checked_ms <= call->now_ms &&
                                                  ask->cached.checked_ms + ttl_ms > call->now_ms);
}

static void ask_fetch(struct remote_ask *ask)
{
    struct call *call = ask->call;
    struct err err = { 0 };

    ask->state = ASK_WAITING;
    file_close(call);
    int rc = fetch_join(call->store->remote, ask, &err);
    if (rc < 0 && ask->has_item)
        ask_answer_stale(ask);
    else if (rc < 0)
        ask_fail(ask, rc, &err);
}

static void on_looked(struct call *call)
{
    struct remote_ask *ask = call->ask;
    struct remote *remote = call->store->remote;
    bool offline = call->store->settings->upstream_offline;
    int64_t now_ms = clock_wall_ms();
    enum miss miss = origins_misses(remote->origins, &ask->want.at, now_ms);

    if (!call->request)
        return;
    call->now_ms = now_ms;
    if (ask->is_damaged)
        bytes_failed(call->store, &call->task.err);
    if (call->task.rc < 0) {
        ask_end(ask, call->task.rc);
    } else if (is_fresh(ask) || (offline && ask->has_item)) {
        metric_add(remote->counts.hits, 1);
        ask_end(ask, 0);
    } else if (offline) {
        ask_has_none(ask, "it is not kept, and the store is offline");
    } else if (ask->turn != remote->turn && ++ask->looks < LOOKS_MAX) {
        ask_look(ask); /* a fetch of it may have ended meanwhile */
    } else if (miss == MISS_NONE) {
        ask_has_none(ask, "the upstream has none");
    } else if (miss == MISS_LARGE) {
        ask_too_large(ask);
    } else if (ask->has_item && origins_is_away(remote->origins, ask->want.at.repo, now_ms)) {
        ask_answer_stale(ask);
    } else if (ask->want.on_fetch && !ask->has_item) {
        ask->want.on_fetch(call);
    } else {
        ask_fetch(ask);
    }
}

static void ask_look(struct remote_ask *ask)
{
    ask->state = ASK_LOOKING;
    file_close(ask->call);
    ask->turn = ask->call->store->remote->turn;
    call_post(ask->call, ask->call->store->reader, look_work, on_looked);
}

/* --- its beginning and end --- */

static void ask_start(struct call *call, const struct remote_want *want, call_fn then)
{
    struct remote_ask *ask = xcalloc(1, sizeof *ask);

    remote_ask_free(call);
    call->ask = ask;
    call->at = want->at;
    ask->call = call;
    ask->want = *want;
    ask->then = then;
    list_init(&ask->link);
    if (repo_admits(want->repository, &want->at))
        ask_look(ask);
    else
        ask_has_none(ask, "not among what the repository's patterns admit");
}

void remote_load(struct call *call, const struct remote_want *want, call_fn then)
{
    ask_start(call, want, then);
}

void remote_answer(struct call *call, const struct remote_want *want)
{
    ask_start(call, want, NULL);
}

void remote_gone(struct call *call)
{
    struct remote_ask *ask = call->ask;

    if (!ask || !ask->fetch)
        return;
    ask->state = ASK_DONE;
    fetch_leave(ask);
}

void remote_ask_free(struct call *call)
{
    assert(!call->ask || !call->ask->fetch);
    free(take_ptr(call->ask));
}
