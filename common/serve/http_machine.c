/* http_machine.c - what libmicrohttpd calls, and the machine of a request.
 *
 * libmicrohttpd calls http_on_access() for the head (again after each resume),
 * for each part of the body, and when the request is whole (again after each
 * resume).  An answer can be queued only at the first and the last of these: at
 * the head it closes the connection, so a request without a body is told to the
 * handler at the second. */
#include <assert.h>
#include <string.h>

#include "common/serve/http_own.h"
#include "common/serve/http_text.h"
#include "sos/base/clock.h"
#include "sos/base/id.h"
#include "sos/base/log.h"
#include "sos/serve/problem.h"

/* --- suspended: waiting for the handler --- */

static bool request_awaits_handler(const struct http_request *request)
{
    return request->state == HTTP_HEAD || request->state == HTTP_HANDLING;
}

static bool request_is_pulled(const struct http_request *request)
{
    return request->state == HTTP_ANSWERING;
}

/* In a body, what has come may be all of it: the end is seen when it is read. */
void http_on_gone(struct http_request *request)
{
    if (!request->suspended || !(request_awaits_handler(request) || request_is_pulled(request))) {
        http_conn_end(request->conn);
        return;
    }
    request->conn->gone = true;
    http_resume(request);
}

void http_suspend(struct http_request *request)
{
    assert(!request->suspended);
    request->suspended = true;
    MHD_suspend_connection(request->conn->connection);
    if (request_awaits_handler(request)) {
        request->wait_since_ms = clock_mono_ms();
        list_append(&request->http->waiting, &request->wait_link);
        http_sweep_schedule(request->http);
    }
    http_conn_watch(request->conn);
}

void http_resume(struct http_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    list_remove(&request->wait_link);
    http_conn_unwatch(request->conn);
    MHD_resume_connection(request->conn->connection);
    http_run_soon(request->http);
}

void http_give_up(struct http_request *request, const char *why)
{
    struct err err = { 0 };

    err_set(&err, ERR_IO, "%s", why);
    err_hint(&err, "try again");
    http_set_header(request, "Retry-After", "1");
    problem_answer_status(request, 503, &err);
    request->refused = true;
}

/* --- the body --- */

static void request_refuse_size(struct http_request *request)
{
    struct err err = { 0 };

    err_set(&err, ERR_LIMIT, "the body is larger than %zu bytes", request->body.max);
    problem_answer(request, &err);
    request->refused = true;
}

void http_collect(struct http_request *request, size_t max, http_body_fn on_body)
{
    if (request->refused)
        return; /* given up while the handler made up its mind */
    assert(request->state == HTTP_HEAD);
    request->state = HTTP_COLLECTING;
    request->on_body = on_body;
    buf_init(&request->body, max);
    if (http_content_length(request) > (int64_t)max)
        request_refuse_size(request);
    http_resume(request);
}

void http_stream(struct http_request *request, http_chunk_fn on_chunk, http_end_fn on_end)
{
    if (request->refused)
        return;
    assert(request->state == HTTP_HEAD);
    request->state = HTTP_STREAMING;
    request->on_chunk = on_chunk;
    request->on_end = on_end;
    http_resume(request);
}

void http_continue(struct http_request *request)
{
    request->chunk_busy = false;
    http_resume(request);
}

static void request_collect(struct http_request *request, const char *data, size_t len)
{
    if (buf_add(&request->body, data, len) == 0)
        return;
    request_refuse_size(request);
    buf_done(&request->body);
}

/* libmicrohttpd moves its buffer when we return, hence the copy. */
static void request_stream(struct http_request *request, const char *data, size_t len)
{
    if (request->chunk_cap < len) {
        request->chunk = xrealloc(request->chunk, len);
        request->chunk_cap = len;
    }
    memcpy(request->chunk, data, len);
    request->chunk_busy = true;
    request->on_chunk(request, request->chunk, len);
    if (request->chunk_busy && request->state == HTTP_STREAMING && !request->http->cutting)
        http_suspend(request);
}

static enum MHD_Result request_drain(struct http_request *request, size_t len)
{
    request->drained += (int64_t)len;
    return request->drained > HTTP_DRAIN_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result request_on_data(struct http_request *request, const char *data,
                                       size_t *data_len)
{
    size_t len = *data_len;

    if (request->http->cutting)
        return MHD_NO;
    if (request->state == HTTP_STREAMING && request->chunk_busy)
        return MHD_YES; /* the next chunk of the encoding was there already: later */
    *data_len = 0;
    if (request->body_left != INT64_MAX)
        request->body_left -= (int64_t)len;
    if (request->body_left > 0)
        http_conn_watch(request->conn);
    switch (request->state) {
    case HTTP_COLLECTING:
        request_collect(request, data, len);
        return MHD_YES;
    case HTTP_STREAMING:
        request_stream(request, data, len);
        return MHD_YES;
    default:
        return request_drain(request, len);
    }
}

/* --- the head and the end --- */

static void request_on_end(struct http_request *request)
{
    enum http_state state = request->state;

    if (state == HTTP_COLLECTING) {
        request->state = HTTP_HANDLING;
        request->on_body(request, request->body.len ? request->body.data : "", request->body.len);
    } else if (state == HTTP_STREAMING) {
        request->state = HTTP_HANDLING;
        request->on_end(request);
    }
}

static void request_tell(struct http_request *request)
{
    request->told = true;
    if (request->http->stopping)
        http_give_up(request, "the server is stopping");
    else
        request->http->on_request(request->http->ctx, request);
}

static enum MHD_Result request_on_turn(struct http_request *request)
{
    bool whole = request->reading;

    if (!whole && !request->has_body && request->state == HTTP_HEAD) {
        request->reading = true;
        return MHD_YES; /* we are called again at once */
    }
    if (!request->told && request->state == HTTP_HEAD)
        request_tell(request);
    if (whole)
        request_on_end(request);
    if (request->state == HTTP_ANSWERED)
        return http_queue(request);
    if (request->conn->gone || request->http->cutting)
        return MHD_NO;
    if (!whole && request->state != HTTP_HEAD) {
        request->reading = true;
        return MHD_YES;
    }
    if (!request->http->stopping) {
        http_suspend(request);
        return MHD_YES;
    }
    http_give_up(request, "the server is stopping");
    return http_queue(request);
}

static void request_begin(struct http_request *request, const char *method)
{
    request->seen = true;
    request->method = method;
    request->http->stats.requests++;
    http_conn_head_ends(request->conn);
    http_request_learn(request);
    const char *coding = http_header(request, "Transfer-Encoding");
    request->body_left = coding ? INT64_MAX : http_content_length(request);
    request->has_body = request->body_left > 0;
    int status = http_head_check(request);
    if (status == 0)
        return;
    struct err err = { 0 };
    err_set(&err, ERR_INVALID, "this head is not HTTP as this server takes it");
    problem_answer_status(request, status, &err);
}

enum MHD_Result http_on_access(void *ctx, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_len, void **request_context)
{
    struct http_request *request = *request_context;

    (void)ctx;
    (void)connection;
    (void)url;
    (void)version;
    if (!request->seen)
        request_begin(request, method);
    return data ? request_on_data(request, data, data_len) : request_on_turn(request);
}

/* --- its life --- */

/* The path of a target in origin form, or in the absolute form that proxies use. */
static void target_split(struct http_request *request, const char *target)
{
    const char *path = target;

    if (strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0) {
        path = strchr(strstr(target, "://") + 3, '/');
        if (!path)
            path = "/";
    }
    request->path = xstrdup(path);
    request->query = strchrnul(request->path, '?');
    if (*request->query)
        *request->query++ = '\0';
}

void *http_on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    struct http *http = ctx;
    struct http_request *request = xcalloc(1, sizeof *request);

    request->http = http;
    request->conn =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    request->conn->request = request;
    list_append(&http->requests, &request->link);
    list_init(&request->wait_link);
    list_init(&request->memory);
    list_init(&request->headers);
    http->stats.open++;
    target_split(request, target ? target : "");
    return request;
}

static bool request_went_whole(const struct http_request *request,
                               enum MHD_RequestTerminationCode code)
{
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK || request->state != HTTP_ANSWERING)
        return false;
    if (!request->pull || strcmp(request->method, "HEAD") == 0)
        return true;
    return request->pull_size < 0 ? request->pull_ended : request->pulled == request->pull_size;
}

static void request_free(struct http_request *request)
{
    http_headers_free(request);
    http_memory_free(request);
    buf_done(&request->body);
    free(request->chunk);
    free(request->path);
    free(request);
}

void http_on_completed(void *ctx, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code)
{
    struct http_request *request = *request_context;

    (void)ctx;
    (void)connection;
    *request_context = NULL;
    if (!request)
        return;
    list_remove(&request->link);
    list_remove(&request->wait_link);
    request->http->stats.open--;
    request->conn->request = NULL;
    http_conn_unwatch(request->conn);
    if (request->on_closed)
        request->on_closed(request, request->handler_state, request_went_whole(request, code));
    if (request->response)
        MHD_destroy_response(request->response);
    http_reply_free(request->reply);
    if (request->has_body && !request->reading)
        http_conn_linger(request->conn);
    http_conn_head_begins(request->conn);
    request_free(request);
}

/* Paths and queries stay as they came: whoever reads them decodes after splitting. */
size_t http_on_unescape(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strlen(text);
}
