/* npm_strays.c - tarballs that lie in a local repository and were not published become versions,
 * before what is asked of their package is answered. */
#include "store/web/npm/npm_read.h"

#include <stdlib.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/disk/npm_adopt.h"

enum { STRAYS_AT_ONCE = 16 };

struct npm_strays {
    struct npm_stray list[STRAYS_AT_ONCE];
    int count;
    bool off; /* they cannot be read or recorded: the answer is made without them */
};

static struct npm_strays *strays_of(const struct call *call)
{
    return npm_of(call)->read->strays;
}

/* --- blocking work --- */

bool npm_strays_find(struct call *call)
{
    struct npm_read *read = npm_of(call)->read;

    if (!read->strays)
        read->strays = xcalloc(1, sizeof *read->strays);
    read->strays->count = 0;
    if (read->strays->off)
        return false;
    int rc = npm_strays(call->store->reader_db, read->member->key, npm_of(call)->path.name,
                        STRAYS_AT_ONCE, read->strays->list, NULL);
    read->strays->count = rc > 0 ? rc : 0;
    return rc > 0;
}

static void read_work(struct call *call)
{
    struct npm_strays *strays = strays_of(call);
    int rc = store_room(call->store, 0, &call->task.err);

    for (int i = 0; rc == 0 && i < strays->count; i++)
        rc = npm_stray_read(&strays->list[i], npm_of(call)->path.name, call->store->blobs,
                            call->store->pins, &call->task.err);
    call->task.rc = rc;
}

static void adopt_work(struct call *call)
{
    struct npm_strays *strays = strays_of(call);
    int rc = 0;

    for (int i = 0; rc == 0 && i < strays->count; i++)
        rc = npm_adopt(call->store->writer_db, npm_of(call)->read->member->key,
                       npm_of(call)->path.name, &strays->list[i], call->now_ms, &call->freed,
                       &call->task.err);
    call->task.rc = rc;
}

/* --- events (the loop) --- */

static void on_freed(struct call *call)
{
    freed_done(&call->freed);
    npm_local_ask(call);
}

static void strays_end(struct call *call)
{
    struct npm_strays *strays = strays_of(call);

    for (int i = 0; i < strays->count; i++)
        npm_stray_end(&strays->list[i], call->store->pins);
    if (call->task.rc < 0) {
        strays->off = true;
        log_warn("npm", "tarballs cannot be made versions, answering without them",
                 "repository=%s package=%s error=\"%s\"", npm_of(call)->read->member->key,
                 npm_of(call)->path.name, call->task.err.text);
    }
    if (call->request)
        call_free_bytes(call, on_freed);
}

static void on_read(struct call *call)
{
    if (blobs_are_broken(call->store->blobs))
        store_break(call->store, &call->task.err);
    if (call->task.rc < 0)
        strays_end(call);
    else
        call_post(call, call->store->writer, adopt_work, strays_end);
}

bool npm_strays_adopt(struct call *call)
{
    if (!strays_of(call) || strays_of(call)->count == 0)
        return false;
    if (call->request)
        call_post(call, store_disk(call->store), read_work, on_read);
    return true;
}

void npm_strays_free(struct npm_strays *strays)
{
    free(strays);
}
