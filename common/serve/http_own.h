/* http_own.h - what the files of the HTTP server share.
 *
 *   http.c         start, the loop, stop, deadlines
 *   http_listen.c  the listening socket
 *   http_conn.c    connections: slow heads, clients that leave, lingering closes
 *   http_machine.c what libmicrohttpd calls, and the machine of a request
 *   http_request.c what a handler asks
 *   http_answer.c  what a handler answers
 *   http_text.c    pure parsers of foreign bytes */
#pragma once
#include <microhttpd.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "sos/base/buf.h"
#include "sos/base/id.h"
#include "sos/base/list.h"
#include "sos/serve/http.h"

enum {
    HTTP_CONNECTION_MEMORY = 32 * 1024, /* a head takes at most what this leaves */
    HTTP_DRAIN_MAX = 1 << 30,           /* of a body whose answer is known already */
    HTTP_STOP_MS = 5000,                /* for answers on their way */
    HTTP_LINGER_MS = 5000,
    HTTP_LINGER_MAX = 256,
    HTTP_ENDED_MS = 20, /* an end that nobody told of is seen after it */
    HTTP_REQUEST_ID_MAX = 64,
};

struct http {
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    http_request_fn on_request;
    void *ctx;
    int listen_fd; /* libmicrohttpd's until it is quiesced */
    int port;
    char *url;
    char *unix_path; /* removed at the end; NULL */
    int64_t idle_ms;
    int64_t answer_ms;
    uv_poll_t poll;        /* its epoll descriptor */
    uv_idle_t soon;        /* it has something to do at once */
    uv_timer_t timer;      /* its time-outs */
    uv_timer_t sweep;      /* ours */
    int64_t sweep_ms;      /* when it fires; INT64_MAX */
    struct list requests;  /* all of them */
    struct list waiting;   /* unanswered and suspended, the oldest first */
    struct list headless;  /* connections without a whole head, the oldest first */
    struct list unsure;    /* those of them that may have ended unseen, the oldest first */
    struct list lingering; /* closed after an early answer, the oldest first */
    size_t lingering_count;
    bool stopping;
    bool cutting;                   /* nothing is suspended any more */
    int64_t stop_ms;                /* when those that are left are cut */
    uint8_t chance[64 * ID_CHANCE]; /* for the names of requests, drawn many at a time */
    size_t chance_left;
    struct http_stats stats;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    int closing_handles;
};

/* A TCP connection: lives from accept until its poll handle is closed. */
struct http_conn {
    struct http *http;
    struct MHD_Connection *connection;
    int fd;           /* borrowed */
    int64_t since_ms; /* it is without a whole head */
    struct list link; /* headless */
    struct list unsure_link;
    char peer[48];  /* "": nobody has asked for it */
    uv_poll_t poll; /* watches for its end while a request is suspended */
    bool has_poll;
    bool watched;
    bool gone; /* the client left */
    struct http_request *request;
};

enum http_state {
    HTTP_HEAD, /* its head is known; the handler has not said what it wants */
    HTTP_COLLECTING,
    HTTP_STREAMING,
    HTTP_HANDLING,  /* whole; waits for the answer */
    HTTP_ANSWERED,  /* the answer is made; it goes out once the rest of the body is drained */
    HTTP_ANSWERING, /* libmicrohttpd has it; suspended when pull() gave nothing */
};

struct http_request {
    struct http *http;
    struct http_conn *conn;
    struct list link;      /* http->requests */
    struct list wait_link; /* http->waiting */
    int64_t wait_since_ms;
    enum http_state state;
    bool seen; /* libmicrohttpd has told the head */
    bool told; /* and we the handler */
    bool has_body;
    int64_t body_left; /* INT64_MAX: not known */
    bool reading;      /* libmicrohttpd has gone past the head */
    bool suspended;
    bool refused; /* answered by us, not by the handler */
    const char *method;
    char *path;  /* owned */
    char *query; /* behind it */
    char id[HTTP_REQUEST_ID_MAX + 1];
    struct list memory; /* http_decode() and the like */

    void *handler_state;
    void (*on_closed)(struct http_request *request, void *state, bool whole);

    struct buf body; /* collected */
    http_body_fn on_body;
    char *chunk; /* streamed: what the handler has not continued yet */
    size_t chunk_cap;
    bool chunk_busy;
    http_chunk_fn on_chunk;
    http_end_fn on_end;
    int64_t drained;

    struct list headers; /* of the answer */
    struct MHD_Response *response;
    struct http_reply *reply; /* instead; it is held */
    unsigned status;
    http_pull_fn pull;
    void *pull_ctx;
    int64_t pull_size;
    int64_t pulled;
    bool pull_woken;
    bool pull_ended;
};

/* http_listen.c: takes nothing; *ret_fd is the caller's. */
int http_listen(const struct http_config *config, int *ret_fd, int *ret_port, struct err *err);

/* http_conn.c */
void http_on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
void http_conn_head_begins(struct http_conn *conn); /* time runs until … */
void http_conn_head_ends(struct http_conn *conn);
void http_conn_watch(struct http_conn *conn);
void http_conn_unwatch(struct http_conn *conn);
/* What has come is read still, then comes the end: a new event for libmicrohttpd, which closes. */
void http_conn_end(struct http_conn *conn);
/* The body was refused: take what still comes, so that the answer is not lost to a reset. */
void http_conn_linger(struct http_conn *conn);
void http_conn_sweep(struct http *http, int64_t now_ms);
int64_t http_conn_deadline(const struct http *http); /* of the next sweep; INT64_MAX */
void http_linger_stop(struct http *http);

/* http_machine.c */
void *http_on_target(void *ctx, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_access(void *ctx, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_len, void **request_context);
void http_on_completed(void *ctx, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code);
size_t http_on_unescape(void *ctx, struct MHD_Connection *connection, char *text);
void http_on_gone(struct http_request *request);
void http_suspend(struct http_request *request);
void http_resume(struct http_request *request);
/* 503 for one that waits. */
void http_give_up(struct http_request *request, const char *why);

/* http.c: needed after each resume, of which its epoll descriptor does not tell. */
void http_run_soon(struct http *http);
/* The sweep timer follows the earliest deadline. */
void http_sweep_schedule(struct http *http);

/* http_answer.c: queue what http_answer…() made. */
enum MHD_Result http_queue(struct http_request *request);
void http_headers_free(struct http_request *request);
/* http_request.c */
void *http_memory(struct http_request *request, size_t size); /* until on_closed */
void http_memory_free(struct http_request *request);
void http_request_learn(struct http_request *request); /* its id */
/* What libmicrohttpd lets pass and must not: two lengths, unknown codings.  0 or a status. */
int http_head_check(struct http_request *request);
