/* delete.c - DELETE of an item: rows first, then the bytes nobody else has, then 204. */
#include "sos/base/auto.h"
#include "store/web/call.h"

enum { SLICE_ITEMS = 1000 };

/* A slice of a folder: others write between two slices. */
static void delete_work(struct call *call)
{
    call->task.rc = index_delete_some(call->store->writer_db, &call->at, SLICE_ITEMS, NULL,
                                      &call->freed, &call->task.err);
}

static void on_deleted(struct call *call);

static void on_slice_freed(struct call *call)
{
    freed_done(&call->freed);
    call->begun = true;
    call_post_removal(call, delete_work, on_deleted);
}

static void on_freed(struct call *call)
{
    if (call->request)
        http_answer(call->request, 204, NULL, "", 0);
}

static void on_deleted(struct call *call)
{
    char text[ERROR_TEXT_MAX];

    error_nothing_to_delete(&call->at, text);
    if (call->task.rc == -ERR_NOT_FOUND && call->begun)
        on_freed(call); /* somebody else was faster with the rest */
    else if (call->task.rc < 0)
        call_fail(call, text);
    else if (call->task.rc > 0)
        call_free_bytes(call, on_slice_freed);
    else
        call_free_bytes(call, on_freed);
}

void delete_call(struct call *call)
{
    struct err err = { 0 };
    char text[ERROR_TEXT_MAX];

    if (item_path_parse(call->rest, &call->at, NULL, &err) < 0) {
        call_error(call, 400, err.text);
    } else if (call->at.path[0] == '\0' && !call_may(call, ACCESS_ADMIN, NULL)) {
        error_no_permission("delete", &call->at, call->user, text);
        call_error(call, 403, text);
    } else {
        call_post_removal(call, delete_work, on_deleted);
    }
}
