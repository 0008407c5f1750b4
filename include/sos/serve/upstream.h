/* upstream.h - requests to other servers, on the loop: libcurl's multi interface with its sockets
 * and its timer as handles of libuv.  Everything happens on the loop thread; whoever uses it need
 * not be one of HTTP's servers.
 *
 *   QUEUED --a place is free--> ASKING --200--> RECEIVING --end--> done
 *                                 ^    \           | cut in the middle, may go on
 *                                 |     +--------> RESTING (a moment; a few times only)
 *                                 +-------------------+
 *
 * Redirects are followed to http and https only, never from https back to http, and never with the
 * credentials to another host.  Proxies of the environment are used, but for loopback.  A body
 * whose end cannot be told from a cut (no length, no chunks) is an error.  A transfer that breaks
 * goes on by Range and If-Range where the server named what it sends by a strong ETag or a date;
 * when it says that this has changed, that is an error. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "sos/base/err.h"
#include "sos/serve/reach.h"

enum {
    UPSTREAM_ETAG_MAX = 256,
    UPSTREAM_DATE_MAX = 64,
    UPSTREAM_TYPE_MAX = 128,
    UPSTREAM_TEXT_MAX = 512
};

struct upstreams;
struct upstream;

/* Zero means the built-in value. */
struct upstreams_config {
    const char *ca_file;       /* trusted besides the system's; NULL */
    int64_t connect_ms;        /* 10 s */
    int64_t idle_ms;           /* no byte for so long: 20 s */
    int64_t total_ms;          /* of one transfer with all its tries: 1 h */
    int per_host_max;          /* transfers at once from one host, the others wait: 16 */
    const struct reach *reach; /* for requests with a home; NULL; must outlive the upstreams */
};

/* What the last answer's head said; "" and -1 where nothing was. */
struct upstream_head {
    int status;
    int64_t size_bytes; /* of the body as given to on_data */
    bool folder;        /* redirects led from a path to one with a slash at its end */
    char etag[UPSTREAM_ETAG_MAX];
    char modified[UPSTREAM_DATE_MAX]; /* Last-Modified as it came */
    char type[UPSTREAM_TYPE_MAX];
    char text[UPSTREAM_TEXT_MAX]; /* how the body of an answer that is no 200 begins */
};

/* Text is copied. */
struct upstream_request {
    const char *url; /* http or https */
    /* A URL the operator chose: its host and port may lie anywhere, and what else `url` and
     * redirects name where `reach` allows, asked again for each connection: a name that leads
     * elsewhere a moment later gains nothing.  Of a home on https nothing is asked by http.
     * NULL: the operator chose `url`, and redirects may lead anywhere. */
    const char *home;
    bool head;  /* HEAD: no body comes */
    bool coded; /* gzip is welcome and decoded; else the bytes come as they are kept there */
    const char *accept;      /* NULL */
    const char *header;      /* one more, "Name: value"; NULL */
    const char *credentials; /* "basic USER:PASSWORD" or "bearer TOKEN"; NULL */
    const char *etag;        /* of what one has: 304 when that is still so; NULL or "" */
    const char *modified;
    int64_t bytes_max; /* of the body; 0: 20 GiB */
    /* The body of a 200 begins; not called for another status. */
    void (*on_head)(void *ctx, const struct upstream_head *head);
    void (*on_data)(void *ctx, const char *data, size_t len);
    /* The last call.  rc 0: the answer came whole, whatever its status.  -ERR_IO with the reason
     * UPSTREAM or UPSTREAM_TIMEOUT, -ERR_LIMIT with UPSTREAM: larger than bytes_max, -ERR_DENIED
     * with UPSTREAM: it leads where it must not. */
    void (*on_done)(void *ctx, int rc, const struct upstream_head *head, const struct err *err);
    void *ctx;
};

struct upstreams *upstreams_new(uv_loop_t *loop, const struct upstreams_config *config);
/* Asynchronous; nothing may be under way any more. */
void upstreams_close(struct upstreams *upstreams, void (*closed)(void *ctx), void *ctx);

/* Valid until on_done is called or upstream_cancel().  No callback comes inside. */
struct upstream *upstream_start(struct upstreams *upstreams,
                                const struct upstream_request *request);
/* Keep the bytes back: at most what is on its way already (one call of on_data) still comes. */
void upstream_pause(struct upstream *upstream);
void upstream_resume(struct upstream *upstream); /* may call on_data */
/* No callback comes any more; also from inside one. */
void upstream_cancel(struct upstream *upstream);
