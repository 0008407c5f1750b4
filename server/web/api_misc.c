/* api_misc.c - is it alive, what is it, how does it fare. */
#include <microhttpd.h>
#include <sqlite3.h>
#include <string.h>
#include <uv.h>

#include "server/web/call.h"
#include "sos/v1_openapi.h"

void api_health(struct call *call)
{
    call_answer_text(call, 200, "text/plain", "ok\n", 3);
}

void api_ready(struct call *call)
{
    struct err err = { 0 };

    if (farm_is_ready(call->farm)) {
        call_answer_text(call, 200, "text/plain", "ready\n", 6);
        return;
    }
    err_set(&err, ERR_IO, "the farm is stopping");
    call_problem_status(call, 503, &err);
}

void api_metrics(struct call *call)
{
    struct buf text;

    farm_gauge(call->farm);
    buf_init(&text, 1 << 20);
    metrics_write(farm_metrics(call->farm), &text);
    call_answer_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len);
    buf_done(&text);
}

void api_get_version(struct call *call)
{
    struct sos_version version = {
        .version = (char *)(uintptr_t)SOS_VERSION,
        .sqlite = (char *)(uintptr_t)sqlite3_libversion(),
        .libuv = (char *)(uintptr_t)uv_version_string(),
        .libmicrohttpd = (char *)(uintptr_t)MHD_get_version(),
    };

    call_answer(call, 200, &sos_version_type, &version);
}

void api_get_openapi(struct call *call)
{
    call_answer_text(call, 200, "application/json", sos_openapi, sos_openapi_len);
}
