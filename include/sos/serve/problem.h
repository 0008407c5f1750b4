/* problem.h - every error's way to the client: application/problem+json (RFC
 * 9457).  The one table from ERR_* to a status; the one place that logs them. */
#pragma once
#include "sos/base/err.h"
#include "sos/base/wire.h"
#include "sos/serve/http.h"

/* Answer with what `err` says.  INVALID 400, DENIED 403, NOT_FOUND 404, CONFLICT 409, LIMIT 413,
 * FULL 507, IO 500 (its text stays in the log). */
void problem_answer(struct http_request *request, const struct err *err);
/* With a status of one's own (401, 422, 429, 503 …). */
void problem_answer_status(struct http_request *request, int status, const struct err *err);
/* A request body that was not what it must be: 400 and the pointer.  `reason` NULL: INVALID. */
void problem_answer_fault(struct http_request *request, const struct wire_fault *fault,
                          const char *reason);
