/* call.h - one request on its way through the handlers.
 *
 *   head --> route --> role --> query --> body, parsed strictly --> handler --> farm … --> answered
 *
 * A handler hands the call to the farm with call_wait() and its callback ends with call_done().
 * The client may go meanwhile: call_open() tells whether there is anybody to answer.  A call is
 * freed when the request is over and nothing it waits for is out. */
#pragma once
#include <stdbool.h>

#include "server/farm/farm.h"
#include "sos/serve/http.h"
#include "sos/serve/problem.h"
#include "sos/serve/route.h"
#include "sos/v1.h"
#include "sos/v1_routes.h"

struct web {
    struct farm *farm;
    struct http *http;
};

struct call {
    struct web *web;
    struct farm *farm;
    struct http_request *request; /* only while call_open() */
    struct route_match match;
    const struct sos_route *route; /* NULL: no such path */
    struct auth_token caller;      /* role UNSPECIFIED: nobody in particular */
    bool over;
    int waiting;                     /* farm callbacks that will come */
    int status;                      /* answered */
    char request_sha256[SHA256_HEX]; /* of a JSON body */
    union {                          /* the body, of route->request */
        struct sos_create_token_request create_token;
        struct sos_create_build_request create_build;
        struct sos_cancel_build_request cancel_build;
        struct sos_register_worker_request register_worker;
        struct sos_lease_request lease;
        struct sos_update_attempt_request update_attempt;
        struct sos_add_dependencies_request add_dependencies;
        struct sos_finish_attempt_request finish_attempt;
    } in;
    bool has_in;
    struct farm_upload *upload; /* of a streamed body */
    int64_t seen_revision;      /* of If-None-Match; -1: none */
    int64_t offset;             /* of a log's range */
};

typedef void (*api_fn)(struct call *call);

struct call *call_wait(struct call *call);
bool call_open(const struct call *call);
void call_done(struct call *call);

/* --- answers; exactly one --- */
void call_answer(struct call *call, int status, const struct wire_type *type, const void *message);
void call_answer_empty(struct call *call, int status);
void call_answer_text(struct call *call, int status, const char *type, const char *text,
                      size_t len);
/* Takes fd. */
void call_answer_file(struct call *call, int status, const char *type, int fd, int64_t offset,
                      int64_t len);
/* By the error's code and reason: problem.h's table, and the few reasons with a status of their
 * own. */
void call_problem(struct call *call, const struct err *err);
void call_problem_status(struct call *call, int status, const struct err *err);
/* 400 that names a field ("/version") or a query parameter ("?pageSize"). */
void call_fault(struct call *call, const char *pointer, const char *message);
/* With a word for programs; NULL: INVALID. */
void call_fault_reason(struct call *call, const struct wire_fault *fault, const char *reason);
/* The whole end of a farm call's callback: the problem when rc < 0, else the message (type NULL: no
 * body), if there is still anybody to answer; then call_done(). */
void call_end(struct call *call, int rc, const struct err *err, int status,
              const struct wire_type *type, const void *message);
/* A build with its ETag. */
void call_answer_build(struct call *call, int status, const struct sos_build *build,
                       int64_t revision);
void call_etag(struct call *call, int64_t revision);

/* --- what is asked --- */
/* A whole number of the query; `fallback` when it is absent.  False: refused already. */
bool call_query_int(struct call *call, const char *name, int64_t fallback, int64_t max,
                    int64_t *ret);
/* The revision in If-None-Match; -1: none, -2: "*". */
int64_t call_seen_revision(struct call *call);
int64_t
call_wait_ms(struct call *call); /* of Prefer: wait=N, a little less than the server's cap */

/* --- handlers (api_*.c) --- */
void api_health(struct call *call);
void api_ready(struct call *call);
void api_metrics(struct call *call);
void api_get_version(struct call *call);
void api_get_openapi(struct call *call);
void api_get_whoami(struct call *call);
void api_create_token(struct call *call);
void api_list_tokens(struct call *call);
void api_revoke_token(struct call *call);
void api_create_source(struct call *call);
void api_put_blobs(struct call *call);
void api_get_source_archive(struct call *call);
void api_create_build(struct call *call);
void api_list_builds(struct call *call);
void api_get_build(struct call *call);
void api_cancel_build(struct call *call);
void api_get_build_log(struct call *call);
void api_list_dependencies(struct call *call);
void api_get_queue(struct call *call);
void api_list_workers(struct call *call);
void api_list_images(struct call *call);
void api_get_image(struct call *call);
void api_list_artifacts(struct call *call);
void api_get_artifact(struct call *call);
void api_get_artifact_file(struct call *call);
void api_register_worker(struct call *call);
void api_lease_build(struct call *call);
void api_update_attempt(struct call *call);
void api_append_log(struct call *call);
void api_put_artifact_file(struct call *call);
void api_add_dependencies(struct call *call);
void api_finish_attempt(struct call *call);

/* Feed the upload that was opened, chunk by chunk; `end` is called when all was written. */
void call_stream(struct call *call, struct farm_upload *upload, http_end_fn end);
