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
/* A GET, with "Prefer: wait" and the revision known so far when `etag` is given: 1 when it changed
 * (ret_etag, 32 bytes, is replaced), 0 when it did not. */
int api_watch_build(struct cli *cli, const char *id, int wait_s, char etag[32],
                    struct sos_build *ret, struct err *err);
/* More bytes of a build's log from `offset` on; waits for them up to wait_s.  Calls `write` for
 * them.  ret_complete: there will be no more. */
int api_read_log(struct cli *cli, const char *id, int64_t *offset, int *attempt, int wait_s,
                 int (*write)(void *ctx, const void *data, size_t len), void *ctx,
                 bool *ret_complete, struct err *err);
/* Turns an answer that is a problem into err (its detail, hint and code). */
int api_problem(struct client_answer *answer, struct err *err);
/* The connection (opens it, reads the login). */
struct client *api_client(struct cli *cli);
