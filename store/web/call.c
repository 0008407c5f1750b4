#include "store/web/call.h"

#include <assert.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "store/core/text.h"
#include "store/web/bytes.h"
#include "store/web/item/upload.h"
#include "store/web/remote/members.h"
#include "store/web/remote/remote.h"

/* --- its life --- */

static void call_release(struct call *call)
{
    struct store *store = call->store;

    if (call->request || call->holds > 0)
        return;
    upload_free(call);
    remote_ask_free(call);
    members_free(call);
    if (call->own_free)
        call->own_free(call);
    props_done(&call->props);
    freed_done(&call->freed);
    free(call->text);
    free(call->scope);
    if (call->fd >= 0)
        close(call->fd);
    free(call);
    store_call_ended(store);
}

static void on_closed(struct http_request *request, void *state, bool whole)
{
    struct call *call = state;

    (void)request;
    (void)whole;
    call->request = NULL;
    call->holds++;
    remote_gone(call);
    call->holds--;
    if (call->holds == 0 && call->on_gone) {
        call->holds++;
        call->on_gone(call);
        call->holds--;
    }
    call_release(call);
}

struct call *call_new(struct store *store, struct http_request *request)
{
    struct call *call = xcalloc(1, sizeof *call);

    call->store = store;
    call->request = request;
    call->holds = 1;
    call->fd = -1;
    call->now_ms = clock_wall_ms();
    store->calls++;
    http_set_state(request, call, on_closed);
    return call;
}

static void call_work(struct task *task)
{
    struct call *call = container_of(task, struct call, task);
    call->work(call);
}

static void on_task(struct task *task)
{
    struct call *call = container_of(task, struct call, task);

    call->then(call);
    call->holds--;
    call_release(call);
}

void call_post(struct call *call, struct strand *strand, call_fn work, call_fn then)
{
    call->holds++;
    call->work = work;
    call->then = then;
    strand_post(strand, &call->task, call_work, on_task);
}

void call_own(struct call *call, void *own, call_fn own_free)
{
    assert(!call->own);
    call->own = own;
    call->own_free = own_free;
}

void call_hold(struct call *call)
{
    call->holds++;
}

void call_let_go(struct call *call)
{
    call->holds--;
    call_release(call);
}

/* --- what must be possible on a full disk --- */

static void spend_work(struct call *call)
{
    headroom_spend(call->store->headroom);
    call->task.rc = 0;
}

static void on_spent(struct call *call)
{
    log_warn("store", "the disk is full, using the headroom to delete", "user=%s", call->user);
    freed_done(&call->freed);
    call_post(call, call->store->writer, call->removal, call->removal_then);
}

static void on_removal(struct call *call)
{
    if (call->task.rc == -ERR_FULL && headroom_is_held(call->store->headroom))
        call_post(call, call->store->reader, spend_work, on_spent);
    else
        call->removal_then(call);
}

void call_post_removal(struct call *call, call_fn work, call_fn then)
{
    call->removal = work;
    call->removal_then = then;
    call_post(call, call->store->writer, work, on_removal);
}

/* --- what it asks --- */

bool call_asks(const struct call *call, const char *name)
{
    size_t len;
    return text_query(http_raw_query(call->request), name, &len) != NULL;
}

bool call_flag(const struct call *call, const char *name, bool fallback)
{
    size_t len;
    const char *value = text_query(http_raw_query(call->request), name, &len);

    if (!value || len == 0)
        return value ? true : fallback;
    return !(len == 1 && value[0] == '0') && !(len == 5 && memcmp(value, "false", 5) == 0);
}

/* --- answers --- */

void call_answer(struct call *call, int status, const char *type, const char *text)
{
    if (call->request)
        http_answer(call->request, status, type, text, strlen(text));
}

void call_answer_text(struct call *call, int status, const char *type)
{
    char *text = take_ptr(call->text);

    if (call->request)
        http_answer_take(call->request, status, type, text, strlen(text));
    else
        free(text);
}

void call_error(struct call *call, int status, const char *message)
{
    auto_free char *text = (call->kind == CALL_NPM ? error_json_npm : error_json)(status, message);
    call_answer(call, status, "application/json", text);
}

void call_fail(struct call *call, const char *missing)
{
    const struct err *err = &call->task.err;

    if (err->reason && strncmp(err->reason, "UPSTREAM", 8) == 0) {
        call_error(call, strcmp(err->reason, "UPSTREAM_TIMEOUT") == 0 ? 504 : 502, err->text);
        return;
    }
    switch (-call->task.rc) {
    case ERR_INVALID:
    case ERR_LIMIT:
        call_error(call, 400, err->text);
        return;
    case ERR_NOT_FOUND:
        call_error(call, 404, missing);
        return;
    case ERR_DENIED:
        call_error(call, 403, err->text);
        return;
    case ERR_CONFLICT:
        call_error(call, 409, err->text);
        return;
    case ERR_FULL:
        metric_add(call->store->counts.refused_full, 1);
        log_warn("store", "disk full, refusing", "user=%s error=\"%s\"", call->user, err->text);
        if (call->request)
            http_set_header(call->request, "Retry-After", HTTP_FULL_RETRY_S);
        call_error(call, 507, err->text);
        return;
    default:
        if (bytes_failed(call->store, err)) {
            call_error(call, 500, err->text);
            return;
        }
        log_error("store", "call failed", "user=%s error=\"%s\"", call->user, err->text);
        call_error(call, 500, "Internal error; the store's log tells more.");
    }
}

void call_refuse_method(struct call *call, const char *allow)
{
    http_set_header(call->request, "Allow", allow);
    call_error(call, 405, "Method not allowed");
}

void call_refuse_put(struct call *call, const struct repository *repository)
{
    auto_free char *text =
        repository->class == REPO_REMOTE
            ? xasprintf("Repository '%s' is a remote one: it has what its upstream has, and "
                        "nothing is put there",
                        repository->key)
            : xasprintf("Repository '%s' is a virtual one without a deploy=: put it to one of its "
                        "local members",
                        repository->key);

    http_set_header(call->request, "Allow", "GET, HEAD");
    call_error(call, 405, text);
}

/* --- freed bytes --- */

static void free_bytes_work(struct call *call)
{
    struct store *store = call->store;

    for (size_t i = 0; i < call->freed.count; i++) {
        int rc = pins_remove_blob(store->pins, store->blobs, store->reader_db, call->freed.list[i],
                                  &call->task.err);
        if (rc < 0)
            call->task.rc = rc; /* the sweep tries again */
    }
}

void call_free_bytes(struct call *call, call_fn then)
{
    call_post(call, call->store->reader, free_bytes_work, then);
}
