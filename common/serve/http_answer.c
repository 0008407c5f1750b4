/* http_answer.c - what a handler answers, as libmicrohttpd takes it. */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/serve/http_own.h"

enum { PULL_BLOCK = 32 * 1024 };

struct header {
    struct list link;
    char *value;
    char name[];
};

void http_set_header(struct http_request *request, const char *name, const char *value)
{
    struct header *header = xmalloc(sizeof *header + strlen(name) + 1);

    memcpy(header->name, name, strlen(name) + 1);
    header->value = xstrdup(value);
    list_append(&request->headers, &header->link);
}

void http_headers_free(struct http_request *request)
{
    for (struct list *link; (link = list_pop(&request->headers));) {
        struct header *header = list_item(link, struct header, link);
        free(header->value);
        free(header);
    }
}

/* Takes the response.  A handler that answers what we gave up meanwhile is not told: it hears of
 * the end by on_closed. */
static void request_answer(struct http_request *request, int status, const char *type,
                           struct MHD_Response *response)
{
    if (!response)
        abort(); /* out of memory */
    if (request->refused) {
        MHD_destroy_response(response);
        return;
    }
    assert(request->state < HTTP_ANSWERED); /* exactly one answer */
    request->state = HTTP_ANSWERED;
    request->status = (unsigned)status;
    request->response = response;
    if (type)
        MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "X-Request-Id", request->id);
    list_each (link, &request->headers) {
        struct header *header = list_item(link, struct header, link);
        MHD_add_response_header(response, header->name, header->value);
    }
    http_headers_free(request);
    http_resume(request);
}

static enum MHD_Result reply_queue(struct http_request *request, struct http_reply *reply);

enum MHD_Result http_queue(struct http_request *request)
{
    struct MHD_Response *response = take_ptr(request->response);

    request->state = HTTP_ANSWERING;
    if (!response)
        return reply_queue(request, take_ptr(request->reply));
    enum MHD_Result queued =
        MHD_queue_response(request->conn->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* A body that comes by calls of `reader`, of so many bytes; -1: not known.
 *
 * Of such a one that is not sent, to HEAD or with 304, libmicrohttpd 0.9.75 sends the end of the
 * chunks all the same, and a client takes that for its next answer: there the connection ends. */
static struct MHD_Response *response_in_time(int64_t size, size_t block, bool is_sent,
                                             MHD_ContentReaderCallback reader, void *ctx)
{
    uint64_t total = size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size;
    struct MHD_Response *response =
        MHD_create_response_from_callback(total, block, reader, ctx, NULL);

    if (response && size < 0 && !is_sent)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

static ssize_t on_no_body(void *ctx, uint64_t position, char *room, size_t size)
{
    (void)ctx;
    (void)position;
    (void)room;
    (void)size;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

void http_answer_unchanged(struct http_request *request, int64_t size)
{
    request_answer(request, 304, NULL, response_in_time(size, 1, false, on_no_body, NULL));
}

void http_answer(struct http_request *request, int status, const char *type, const void *body,
                 size_t len)
{
    request_answer(request, status, type,
                   MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY));
}

void http_answer_text(struct http_request *request, int status, const char *text)
{
    http_answer(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_answer_take(struct http_request *request, int status, const char *type, char *body,
                      size_t len)
{
    request_answer(request, status, type,
                   MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE));
}

void http_answer_message(struct http_request *request, int status, const struct wire_type *type,
                         const void *message)
{
    size_t len;
    char *text = wire_text(type, message, &len);

    http_answer_take(request, status, "application/json", text, len);
}

void http_answer_file(struct http_request *request, int status, const char *type, int fd,
                      int64_t offset, int64_t len)
{
    if (len == 0) {
        close(fd);
        http_answer(request, status, type, "", 0);
        return;
    }
    request_answer(request, status, type,
                   MHD_create_response_from_fd_at_offset64((uint64_t)len, fd, (uint64_t)offset));
}

/* --- answers that are given many times --- */

struct http_reply {
    struct MHD_Response *response;
    unsigned status;
    int holders;                      /* who made it, and requests that wait to be told */
    char id[HTTP_REQUEST_ID_MAX + 1]; /* the request's that it bears now; "": none */
};

struct http_reply *http_reply_new(int status, const char *type, char *body, size_t len)
{
    struct http_reply *reply = xcalloc(1, sizeof *reply);

    reply->status = (unsigned)status;
    reply->holders = 1;
    reply->response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    if (!reply->response)
        abort(); /* out of memory */
    http_reply_set_header(reply, "Content-Type", type);
    return reply;
}

void http_reply_set_header(struct http_reply *reply, const char *name, const char *value)
{
    MHD_add_response_header(reply->response, name, value);
}

void http_reply_free(struct http_reply *reply)
{
    if (!reply || --reply->holders > 0)
        return;
    MHD_destroy_response(reply->response); /* those that go out hold it too */
    free(reply);
}

void http_answer_reply(struct http_request *request, struct http_reply *reply)
{
    if (request->refused)
        return;
    assert(request->state < HTTP_ANSWERED && list_empty(&request->headers));
    request->state = HTTP_ANSWERED;
    request->reply = reply;
    reply->holders++;
    http_resume(request);
}

/* The head is written as soon as we return to libmicrohttpd, before any other request's: so the
 * same response can bear the name of one after the other. */
static enum MHD_Result reply_queue(struct http_request *request, struct http_reply *reply)
{
    static const char name[] = "X-Request-Id";

    if (reply->id[0])
        MHD_del_response_header(reply->response, name, reply->id);
    memcpy(reply->id, request->id, sizeof reply->id);
    if (MHD_add_response_header(reply->response, name, reply->id) != MHD_YES)
        abort(); /* out of memory */
    enum MHD_Result queued =
        MHD_queue_response(request->conn->connection, reply->status, reply->response);
    http_reply_free(reply);
    return queued;
}

/* --- bodies that come in time --- */

/* The client is told at once: libmicrohttpd closes the socket when it next looks at it. */
static ssize_t on_pull_cut(struct http_request *request)
{
    shutdown(request->conn->fd, SHUT_WR);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t on_pull_nothing(struct http_request *request)
{
    if (request->http->stopping || request->conn->gone)
        return on_pull_cut(request);
    http_suspend(request);
    return 0;
}

static ssize_t on_pull(void *ctx, uint64_t position, char *room, size_t size)
{
    struct http_request *request = ctx;
    long len;

    (void)position;
    do {
        request->pull_woken = false;
        len = request->pull(request->pull_ctx, room, size);
    } while (len == 0 && request->pull_woken);
    if (len == 0)
        return on_pull_nothing(request);
    if (len > 0) {
        assert((size_t)len <= size);
        request->pulled += len;
        return len;
    }
    request->pull_ended = len == HTTP_END;
    return len == HTTP_END ? MHD_CONTENT_READER_END_OF_STREAM : on_pull_cut(request);
}

void http_answer_pull(struct http_request *request, int status, const char *type, int64_t size,
                      http_pull_fn pull, void *ctx)
{
    bool is_sent = strcmp(request->method, "HEAD") != 0;

    if (!request->refused) {
        request->pull = pull;
        request->pull_ctx = ctx;
        request->pull_size = size;
    }
    request_answer(request, status, type,
                   response_in_time(size, PULL_BLOCK, is_sent, on_pull, request));
}

void http_wake(struct http_request *request)
{
    request->pull_woken = true;
    if (request->state == HTTP_ANSWERING)
        http_resume(request);
}
