/* upstream_own.h - what the files of the client on the loop share.
 *
 *   upstream.c       a transfer's machine
 *   upstream_settings.c   what libcurl is told of it
 *   upstream_loop.c  libcurl's sockets and timer as handles of libuv; the queues
 *   upstream_home.c  whether it may go where a stranger sends it
 *   upstream_head.c  pure parsers of what an answer's head says */
#pragma once
#include <curl/curl.h>

#include "sos/base/list.h"
#include "sos/serve/upstream.h"

/* Transfers under way to one scheme://host:port, and those that wait for it. */
struct upstream_host {
    struct list link;
    struct list waiting;
    int active;
    char name[];
};

struct upstreams {
    uv_loop_t *loop;
    CURLM *multi;
    struct upstreams_config config;
    char *ca_file;
    char *no_proxy;
    uv_timer_t timer; /* libcurl's */
    uv_timer_t kick;  /* ours: what rests, and what could not be done inside a callback */
    struct list hosts;
    struct list resting; /* by due time, nearly */
    struct list doomed;  /* cancelled inside a callback */
    int inside;          /* libcurl's callbacks: its functions must not be called */
    int open;            /* transfers there are */
    int closing;         /* handles still open */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* The head of one answer, while its lines come. */
struct upstream_lines {
    struct upstream_head head;
    bool has_length;
    bool chunked;
    bool encoded;       /* a Content-Encoding but identity */
    bool ranges;        /* Content-Range was there: */
    int64_t from;       /* where it begins … */
    int64_t size_whole; /* … and of how many; -1: not told */
    bool whole;         /* the empty line came */
};

struct upstream {
    struct upstreams *upstreams;
    struct upstream_host *host; /* whose `active` we count in, or whose queue we are in */
    struct list link;           /* waiting, resting or doomed */
    bool queued;
    bool running; /* libcurl has it */
    bool cancelled;
    CURL *easy;
    struct curl_slist *headers;

    char *url;
    char shown[128]; /* as errors name it */
    char *home;
    char refusal[160]; /* why it must not go on; "" */
    bool is_head;
    bool coded;
    char *accept;
    char *header;
    char *credentials;
    char *etag;
    char *modified;
    int64_t bytes_max;
    void (*on_head)(void *ctx, const struct upstream_head *head);
    void (*on_data)(void *ctx, const char *data, size_t len);
    void (*on_done)(void *ctx, int rc, const struct upstream_head *head, const struct err *err);
    void *ctx;

    struct upstream_lines lines; /* of this try */
    struct upstream_head told;   /* on_head was called with it */
    bool has_told;
    int64_t got;     /* bytes given to on_data by all tries */
    int64_t skip;    /* of this try: had already */
    int64_t dropped; /* of a body that nobody asked for */
    int tries;
    bool paused;
    bool over;         /* past bytes_max */
    const char *fault; /* ours: why this try was stopped; NULL */
    int64_t start_ms;
    int64_t due_ms; /* resting until */
    char curl_fault[CURL_ERROR_SIZE];
};

/* upstream.c */
void upstream_begin(struct upstream *upstream); /* a place is free: libcurl gets it */
void upstream_ended(struct upstream *upstream, CURLcode result);
void upstream_free(struct upstream *upstream); /* out of libcurl and of its host's count */

/* upstream_settings.c: of the transfer, once; of a try: its headers. */
void upstream_settings(struct upstream *upstream);
void upstream_headers(struct upstream *upstream);

/* upstream_home.c: libcurl asks before it connects, and before each request on a connection. */
void upstream_stay_home(struct upstream *upstream);

/* upstream_loop.c */
void upstream_queue(struct upstream *upstream); /* until its host has a place */
void upstream_leave_host(struct upstream *upstream);
void upstream_rest(struct upstream *upstream, int64_t wait_ms);
void upstream_doom(struct upstream *upstream);

/* upstream_head.c: one line as libcurl gives it, with or without its line break. */
void upstream_line(struct upstream_lines *lines, const char *line, size_t len);
/* Does the second answer go on with what the first began? */
bool upstream_same(const struct upstream_head *first, const struct upstream_head *second);
/* May a transfer of this be gone on with?  Only a strong ETag or a date names bytes. */
const char *upstream_validator(const struct upstream_head *head);
