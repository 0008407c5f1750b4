/* http.h - an HTTP/1.1 (and TLS) server on the loop: libmicrohttpd, its epoll
 * descriptor nested in a uv_poll_t.  Everything happens on the loop thread.
 *
 *   HEAD --on_request--> COLLECTING --whole body--> HANDLING --http_answer--> ANSWERING --> closed
 *     |                  STREAMING --chunks, end-->    |
 *     +---- http_answer before the body: refused early, the connection closes after it
 *
 * on_request is called when the head is read; it either answers, or says how it
 * wants the body (http_collect, http_stream), at once or later: until then no
 * "100 Continue" is sent and no byte of the body is read, so that a question to
 * the disk can still refuse early.  (libmicrohttpd calls its handler again as for
 * the first time when it was suspended there.)  A request that is not answered
 * yet is suspended: it costs no cycle.  It must be answered within
 * HTTP_WAIT_MAX_MS; 10 s later it is given up with 503, logged and counted
 * (not while it streams or is pulled).
 * `on_closed` is always the last call about a request, and comes early when the
 * client leaves; of a request that was given up, an answer is dropped and a body
 * never comes.
 *
 * A HEAD is told apart by http_method() only: answer it as the GET. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sos/base/err.h"
#include "sos/base/wire.h"

enum { HTTP_WAIT_MAX_MS = 25000, HTTP_JSON_MAX = 1 << 20 };
#define HTTP_FULL_RETRY_S "60" /* Retry-After of a 507: somebody must make room first */

struct http;
struct http_request;

struct http_config {
    const char *address;       /* "127.0.0.1"; an absolute path is a unix socket (mode 0600) */
    int port;                  /* 0: any free one, see http_port() */
    const char *tls_cert_file; /* NULL: plain */
    const char *tls_key_file;
    int connections_max;        /* 0: 10000 */
    int connections_per_ip_max; /* 0: no cap of its own */
    int64_t idle_ms;            /* 0: 60 s; also how long a head may take in all */
    int64_t answer_ms;          /* 0: HTTP_WAIT_MAX_MS and 10 s, then a request is given up */
};

/* "127.0.0.1:8600", "[::1]:8600", or the path of a unix socket: address and port of `ret`, which
 * borrows `text` and `room`. */
enum { HTTP_ADDRESS_MAX = 64 };
int http_listen_parse(const char *text, char room[HTTP_ADDRESS_MAX], struct http_config *ret,
                      struct err *err);

typedef void (*http_request_fn)(void *ctx, struct http_request *request);

int http_start(uv_loop_t *loop, const struct http_config *config, http_request_fn on_request,
               void *ctx, struct http **ret, struct err *err);
int http_port(const struct http *http);
const char *http_url(const struct http *http); /* "http://[::1]:8600", or "unix:/path" */
struct http_stats {
    int64_t connections; /* accepted so far */
    int64_t requests;    /* whose head was read, so far */
    int64_t given_up;    /* never answered by their handler, so far */
    int64_t open;        /* requests in flight now */
};
void http_stats(const struct http *http, struct http_stats *ret);
/* Asynchronous: takes no new connection, answers what waits with 503, then `stopped`. */
void http_stop(struct http *http, void (*stopped)(void *ctx), void *ctx);

/* --- the request; all text is borrowed until on_closed --- */
const char *http_method(const struct http_request *request);
const char *
http_path(const struct http_request *request); /* raw, still percent-encoded, without the query */
const char *http_raw_query(const struct http_request *request);         /* "" when there is none */
const char *http_query(struct http_request *request, const char *name); /* decoded; NULL */
const char *http_header(const struct http_request *request, const char *name); /* NULL */
int64_t http_content_length(const struct http_request *request); /* -1: unknown (chunked) */
bool http_expects_continue(const struct http_request *request);
const char *http_peer(const struct http_request *request); /* "127.0.0.1" */
const char *
http_request_id(const struct http_request *request); /* the client's X-Request-Id, or ours */
/* Percent-decode (a plus sign stays one) into memory of the request; NULL: bad encoding or NUL. */
const char *http_decode(struct http_request *request, const char *text, size_t len);

/* A place for the handler's own state, and who is told when the request is over (answered, or the
 * client is gone: `whole` tells).  `on_closed` may be NULL. */
void http_set_state(struct http_request *request, void *state,
                    void (*on_closed)(struct http_request *request, void *state, bool whole));
void *http_state(const struct http_request *request);

/* --- the body --- */
typedef void (*http_body_fn)(struct http_request *request, const char *body, size_t len);
/* The whole of it, up to `max` bytes, else 413 is answered for the handler. */
void http_collect(struct http_request *request, size_t max, http_body_fn on_body);

/* As it comes, in order, at most 256 KiB at once; `data` is valid until http_continue().  After
 * each chunk the request waits until http_continue() (which may be called at once, inside). */
typedef void (*http_chunk_fn)(struct http_request *request, const char *data, size_t len);
typedef void (*http_end_fn)(struct http_request *request);
void http_stream(struct http_request *request, http_chunk_fn on_chunk, http_end_fn on_end);
void http_continue(struct http_request *request);

/* --- the answer; exactly once.  Headers first. ---
 * Before the body was asked for, the connection closes after it; in the middle of a body the rest
 * is read and dropped first.  A header whose value holds a control byte is left out. */
void http_set_header(struct http_request *request, const char *name, const char *value);
/* Copies the body. */
void http_answer(struct http_request *request, int status, const char *type, const void *body,
                 size_t len);
/* 304; `size` is that of the body a 200 would have: Content-Length must be it (RFC 9110, 8.6); -1:
 * not known, and not told; the connection ends then. */
void http_answer_unchanged(struct http_request *request, int64_t size);
void http_answer_text(struct http_request *request, int status, const char *text);
/* Takes the body (freed with free()). */
void http_answer_take(struct http_request *request, int status, const char *type, char *body,
                      size_t len);
void http_answer_message(struct http_request *request, int status, const struct wire_type *type,
                         const void *message);
/* Bytes of a file by sendfile; takes fd.  HEAD sends the headers only. */
void http_answer_file(struct http_request *request, int status, const char *type, int fd,
                      int64_t offset, int64_t len);

/* An answer that is made once and given to many requests, with a whole body in memory.  It takes
 * the body (freed with free(), when nobody is sent it any more).  Headers are set before it is
 * given for the first time; X-Request-Id is that of each request. */
struct http_reply;
struct http_reply *http_reply_new(int status, const char *type, char *body, size_t len);
void http_reply_set_header(struct http_reply *reply, const char *name, const char *value);
void http_reply_free(
    struct http_reply *reply); /* what is on its way goes out still; NULL is fine */
/* Borrows it; the request may have no headers of its own. */
void http_answer_reply(struct http_request *request, struct http_reply *reply);

/* A body that comes in time: `pull` fills `room` and gives the count; 0: nothing yet, call
 * http_wake() when there is; HTTP_END: over; HTTP_BROKEN: cut the connection so that the client
 * notices.  size -1: unknown (chunked). */
enum { HTTP_END = -1, HTTP_BROKEN = -2 };
typedef long (*http_pull_fn)(void *ctx, char *room, size_t len);
void http_answer_pull(struct http_request *request, int status, const char *type, int64_t size,
                      http_pull_fn pull, void *ctx);
void http_wake(struct http_request *request);

/* "Range: bytes=a-b" of one range against a size: 1 and the part, 0 no GET with a usable range,
 * -1 unsatisfiable (answer 416). */
int http_range(struct http_request *request, int64_t size, int64_t *ret_offset, int64_t *ret_len);
/* "Prefer: wait=N" in milliseconds, capped at HTTP_WAIT_MAX_MS; 0 when absent. */
int64_t http_prefer_wait_ms(struct http_request *request);
