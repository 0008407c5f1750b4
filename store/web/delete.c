/* delete.c - DELETE of an item: rows first, then the bytes nobody else has, then 204. */
#include "sos/base/auto.h"
#include "store/web/call.h"

static void delete_work(struct call *call)
{
    call->task.rc =
        index_delete(call->store->writer_db, &call->at, NULL, &call->freed, &call->task.err);
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
    if (call->task.rc < 0)
        call_fail(call, text);
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
        call_post(call, call->store->writer, delete_work, on_deleted);
    }
}
