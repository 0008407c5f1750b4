/* api.h - calls of sos-server as the commands need them. */
#pragma once
#include "cli/cli.h"
#include "sos/base/wire.h"

/* One call with a JSON answer.  `request_type` may be NULL (no body).  On 2xx `*ret_answer` is
 * filled and owned by the caller (wire_done()).  Otherwise err holds the problem's detail, hint and
 * reason-code, and ret_status (may be NULL) the status; 0 when there was no answer. */
int api_call(struct cli *cli, const char *method, const char *path, const char *const *headers,
             const struct wire_type *request_type, const void *request,
             const struct wire_type *answer_type, void *ret_answer, int *ret_status,
             struct err *err);
/* Calls that fail for want of an answer may be made again: within a minute from the first failure.
 * Zeroed at first. */
struct api_patience {
    int64_t since_ms; /* 0: the last call went well */
};
/* Is the call that gave `rc` worth another try?  Pauses when it is. */
bool api_again(struct api_patience *patience, int rc);
/* A GET, with "Prefer: wait" and the revision known so far when `etag` is given: 1 when it changed
 * (ret_etag, 32 bytes, is replaced), 0 when it did not. */
int api_watch_build(struct cli *cli, const char *id, int wait_s, char etag[32],
                    struct sos_build *ret, struct err *err);
/* More bytes of a build's log from `offset` on, some MiB at most; waits for them up to wait_s.
 * Calls `write` for them: what it returns below zero is returned.  `*attempt` 0 is the newest, and
 * is set to it.  ret_complete: there will be no more.  When the log became shorter than `offset`
 * (a machine that lost power), `offset` is moved to its end. */
int api_read_log(struct cli *cli, const char *id, int64_t *offset, int *attempt, int wait_s,
                 int (*write)(void *ctx, const void *data, size_t len), void *ctx,
                 bool *ret_complete, struct err *err);
/* Turns an answer that is a problem into err (its detail, hint and code).  No answer at all, or one
 * of a proxy that did not get any, has the reason UNREACHABLE. */
int api_problem(struct client_answer *answer, struct err *err);
/* client_do() on the connection of `cli`. */
int api_do(struct cli *cli, const struct client_request *request, struct client_answer *ret,
           struct err *err);
/* The connection (opens it, reads the login). */
struct client *api_client(struct cli *cli);
