/* call.c - what every handler needs of its request and for its answer. */
#include "server/web/call.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"

/* --- its life --- */

static void call_free(struct call *call)
{
    if (call->upload)
        farm_upload_abort(call->upload);
    if (call->has_in)
        wire_done(call->route->request, &call->in);
    free(call);
}

struct call *call_wait(struct call *call)
{
    call->waiting++;
    return call;
}

bool call_open(const struct call *call)
{
    return !call->over && call->status == 0;
}

void call_done(struct call *call)
{
    call->waiting--;
    if (call->over && call->waiting == 0)
        call_free(call);
}

/* --- answers --- */

static void call_count(struct call *call, int status)
{
    call->status = status;
    auto_free char *labels = xasprintf("route=\"%s\",method=\"%s\",code=\"%d\"",
                                       call->route ? call->route->name : "none",
                                       call->route ? call->route->method : "any", status);
    metric_add(metrics_counter(farm_metrics(call->farm), "sos_http_requests_total",
                               "Requests answered.", labels),
               1);
}

void call_answer(struct call *call, int status, const struct wire_type *type, const void *message)
{
    call_count(call, status);
    http_answer_message(call->request, status, type, message);
}

void call_answer_empty(struct call *call, int status)
{
    call_count(call, status);
    http_answer(call->request, status, NULL, "", 0);
}

void call_answer_text(struct call *call, int status, const char *type, const char *text, size_t len)
{
    call_count(call, status);
    http_answer(call->request, status, type, text, len);
}

void call_answer_file(struct call *call, int status, const char *type, int fd, int64_t offset,
                      int64_t len)
{
    call_count(call, status);
    http_answer_file(call->request, status, type, fd, offset, len);
}

void call_etag(struct call *call, int64_t revision)
{
    char etag[32];

    snprintf(etag, sizeof etag, "\"%" PRId64 "\"", revision);
    http_set_header(call->request, "ETag", etag);
}

void call_end(struct call *call, int rc, const struct err *err, int status,
              const struct wire_type *type, const void *message)
{
    if (call_open(call)) {
        if (rc < 0)
            call_problem(call, err);
        else if (type)
            call_answer(call, status, type, message);
        else
            call_answer_empty(call, status);
    }
    call_done(call);
}

void call_answer_build(struct call *call, int status, const struct sos_build *build,
                       int64_t revision)
{
    call_etag(call, revision);
    call_answer(call, status, &sos_build_type, build);
}

/* --- problems --- */

static const struct {
    const char *reason;
    int status;
} by_reason[] = {
    { "UNKNOWN_IMAGE", 422 },
    { "IDEMPOTENCY_KEY_REUSED", 422 },
    { "QUEUE_FULL", 429 },
    { "STORE_UNAVAILABLE", 502 },
};

void call_problem_status(struct call *call, int status, const struct err *err)
{
    call_count(call, status);
    problem_answer_status(call->request, status, err);
}

static int status_of_code(enum err_code code)
{
    switch (code) {
    case ERR_INVALID:
        return 400;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_LIMIT:
        return 413;
    case ERR_FULL:
        return 507;
    case ERR_NONE:
    case ERR_IO:
        break;
    }
    return 500;
}

void call_problem(struct call *call, const struct err *err)
{
    for (size_t i = 0; err->reason && i < countof(by_reason); i++)
        if (strcmp(err->reason, by_reason[i].reason) == 0) {
            call_problem_status(call, by_reason[i].status, err);
            return;
        }
    call_count(call, status_of_code(err->code));
    problem_answer(call->request, err);
}

void call_fault(struct call *call, const char *pointer, const char *message)
{
    struct wire_fault fault;

    snprintf(fault.pointer, sizeof fault.pointer, "%s", pointer);
    snprintf(fault.message, sizeof fault.message, "%s", message);
    call_fault_reason(call, &fault, NULL);
}

void call_fault_reason(struct call *call, const struct wire_fault *fault, const char *reason)
{
    call_count(call, 400);
    problem_answer_fault(call->request, fault, reason);
}

/* --- what is asked --- */

static bool number_parse(const char *text, int64_t max, int64_t *ret)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value > max)
        return false;
    *ret = value;
    return true;
}

bool call_query_int(struct call *call, const char *name, int64_t fallback, int64_t max,
                    int64_t *ret)
{
    const char *text = http_query(call->request, name);
    char pointer[64];

    if (!text) {
        *ret = fallback;
        return true;
    }
    if (number_parse(text, max, ret))
        return true;
    snprintf(pointer, sizeof pointer, "?%s", name);
    call_fault(call, pointer, "this must be a whole number");
    return false;
}

int64_t call_seen_revision(struct call *call)
{
    const char *text = http_header(call->request, "If-None-Match");
    int64_t revision = 0;

    if (!text)
        return -1;
    if (strcmp(text, "*") == 0)
        return -2;
    if (strncmp(text, "W/", 2) == 0)
        text += 2;
    if (*text++ != '"')
        return -1;
    for (; *text >= '0' && *text <= '9' && revision < INT64_MAX / 20; text++)
        revision = revision * 10 + (*text - '0');
    return *text == '"' ? revision : -1;
}

int64_t call_wait_ms(struct call *call)
{
    int64_t wait_ms = http_prefer_wait_ms(call->request);

    return wait_ms > HTTP_WAIT_MAX_MS - 1000 ? HTTP_WAIT_MAX_MS - 1000 : wait_ms;
}

/* --- bodies that come in time --- */

static void on_written(void *ctx, int rc, const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0)
            call_problem(call, err);
        else
            http_continue(call->request);
    }
    call_done(call);
}

static void on_chunk(struct http_request *request, const char *data, size_t len)
{
    struct call *call = http_state(request);

    farm_upload_write(call->upload, data, len, on_written, call_wait(call));
}

void call_stream(struct call *call, struct farm_upload *upload, http_end_fn end)
{
    call->upload = upload;
    if (http_content_length(call->request) == 0)
        end(call->request);
    else
        http_stream(call->request, on_chunk, end);
}
