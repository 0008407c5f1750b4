/* client.h - blocking HTTP for the worker, the command line and the strands
 * (libcurl).  One client is one connection cache, used by one thread at a time.
 *
 * Verified TLS by the host's CA bundle, or that of SSL_CERT_FILE; redirects are not followed;
 * proxies of the environment are not used for this machine's own addresses. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

struct client;

struct client_request {
    const char *method;         /* "GET" … */
    const char *url;            /* absolute */
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const void *body;           /* bytes to send … */
    size_t body_len;
    int body_fd;         /* … or a file from its start, when body_len_fd >= 0 … */
    int64_t body_fd_len; /* -1: no file */
    /* … or what this gives, chunk by chunk: bytes put into `room`, 0 at the end, < 0 stops. */
    long (*body_read)(void *ctx, void *room, size_t room_len);
    /* Called for each part of a 2xx answer's body instead of collecting it; non-zero stops, and
     * a negative code becomes that of client_do(). */
    int (*answer_write)(void *ctx, const void *data, size_t len);
    void *ctx;                   /* of both */
    size_t answer_max;           /* cap of a collected body; 0: 16 MiB */
    int64_t timeout_ms;          /* of the whole; 0: none */
    int64_t idle_ms;             /* without a byte; 0: 30 s */
    int (*cancelled)(void *ctx); /* asked now and then; non-zero gives up */
};

struct client_answer {
    int status;
    struct buf body;
    struct buf headers; /* lines, each with a NUL at its end; use client_header() */
};

/* `unix_socket` may be NULL.  `token` (may be NULL) goes as a bearer token with every request. */
struct client *client_new(const char *token, const char *unix_socket);
void client_free(struct client *client);
/* 0 when there was an answer, whatever its status; the caller then owns *ret and calls
 * client_answer_done().  The body of any status but 2xx is collected, its first 64 KiB.
 * -ERR_IO when there was none (reason UNREACHABLE when it could not even connect, TIMEOUT,
 * TLS_UNTRUSTED), -ERR_LIMIT when the body passed its cap, -ERR_CONFLICT with the reason CANCELLED,
 * or what the caller's own function stopped with.  Neither a token, a password nor a query is ever
 * in the text of an error. */
int client_do(struct client *client, const struct client_request *request,
              struct client_answer *ret, struct err *err);
void client_answer_done(struct client_answer *answer);
/* Value of a header (the first of that name, case ignored), borrowed from the answer; NULL when
 * absent. */
const char *client_header(const struct client_answer *answer, const char *name);
/* Percent-encode one path element or query value (gives; free()). */
char *client_escape(const char *text);
/* The request with all fields at rest (no body). */
#define CLIENT_REQUEST(m, u)                                                                       \
    {                                                                                              \
        .method = (m), .url = (u), .body_fd = -1, .body_fd_len = -1                                \
    }

/* --- what every user of libcurl here shares --- */
/* CURLOPT_NOPROXY: no_proxy of the environment, and always this machine's own addresses.  The
 * caller frees it. */
char *client_no_proxy(void);
/* A URL as errors may name it: without a password, without its query; cut to fit. */
void client_show_url(const char *url, char *ret, size_t room);
