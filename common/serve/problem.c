/* problem.c - the one table from errors to statuses, and the one place that logs
 * them.  An internal error's text names paths and programs of ours: it goes to the
 * log with the request's id, never to the client. */
#include "sos/serve/problem.h"

#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "sos/v1.h"

static const struct {
    int status;
    const char *reason;
} by_code[] = {
    [ERR_NONE] = { 500, "INTERNAL" },       [ERR_INVALID] = { 400, "INVALID" },
    [ERR_NOT_FOUND] = { 404, "NOT_FOUND" }, [ERR_CONFLICT] = { 409, "CONFLICT" },
    [ERR_LIMIT] = { 413, "TOO_LARGE" },     [ERR_DENIED] = { 403, "DENIED" },
    [ERR_IO] = { 500, "INTERNAL" },         [ERR_FULL] = { 507, "STORAGE_FULL" },
};

static const struct {
    int status;
    const char *title;
    const char *reason; /* when the error's code says less than the status */
} by_status[] = {
    { 400, "The request is not understood", "INVALID" },
    { 401, "Who is calling?", "UNAUTHENTICATED" },
    { 403, "Not allowed", "DENIED" },
    { 404, "Not found", "NOT_FOUND" },
    { 405, "The method does not fit the path", "METHOD_NOT_ALLOWED" },
    { 409, "The state forbids it", "CONFLICT" },
    { 412, "A condition does not hold", "PRECONDITION_FAILED" },
    { 413, "Too large", "TOO_LARGE" },
    { 416, "No such part", "RANGE_NOT_SATISFIABLE" },
    { 422, "Understood, but it cannot be done", "UNPROCESSABLE" },
    { 429, "Too many requests", "TOO_MANY_REQUESTS" },
    { 500, "Internal error", "INTERNAL" },
    { 501, "Not implemented", "NOT_IMPLEMENTED" },
    { 502, "A server behind this one failed", "BAD_GATEWAY" },
    { 503, "Not now", "UNAVAILABLE" },
    { 507, "No space left", "STORAGE_FULL" },
};

static const char *status_title(int status)
{
    for (size_t i = 0; i < countof(by_status); i++)
        if (by_status[i].status == status)
            return by_status[i].title;
    return "Error";
}

/* The error's own word, else its code's, else the status's. */
static const char *reason_of(int status, const struct err *err)
{
    if (err->reason)
        return err->reason;
    if (by_code[err->code].status == status)
        return by_code[err->code].reason;
    for (size_t i = 0; i < countof(by_status); i++)
        if (by_status[i].status == status)
            return by_status[i].reason;
    return "ERROR";
}

static void problem_log(struct http_request *request, int status, const struct err *err)
{
    if (status == 500)
        log_error("http", "request failed", "request=%s method=%s path=%s status=%d error=%s",
                  http_request_id(request), http_method(request), http_path(request), status,
                  err->text);
    else
        log_info("http", "request refused", "request=%s method=%s path=%s status=%d error=%s",
                 http_request_id(request), http_method(request), http_path(request), status,
                 err->text);
}

static void problem_send(struct http_request *request, int status, const struct err *err,
                         struct sos_problem *problem)
{
    size_t len;

    problem_log(request, status, err);
    problem->type = xstrdup("about:blank");
    problem->title = xstrdup(status_title(status));
    problem->status = status;
    problem->detail = xstrdup(status == 500 ? NULL : err->text);
    problem->reason = xstrdup(reason_of(status, err));
    problem->hint = xstrdup(err->hint);
    problem->request_id = xstrdup(http_request_id(request));
    if (status == 401)
        http_set_header(request, "WWW-Authenticate", "Bearer");
    if (status == 507)
        http_set_header(request, "Retry-After", HTTP_FULL_RETRY_S);
    char *text = sos_problem_text(problem, &len);
    sos_problem_done(problem);
    http_answer_take(request, status, "application/problem+json", text, len);
}

void problem_answer_status(struct http_request *request, int status, const struct err *err)
{
    problem_send(request, status, err, &(struct sos_problem){ 0 });
}

void problem_answer(struct http_request *request, const struct err *err)
{
    problem_answer_status(request, by_code[err->code].status, err);
}

void problem_answer_fault(struct http_request *request, const struct wire_fault *fault,
                          const char *reason)
{
    struct sos_problem problem = { .errors_count = 1 };
    struct err err = { 0 };

    err_set(&err, ERR_INVALID, "%s: %s", fault->pointer, fault->message);
    err.reason = reason;
    problem.errors = xcalloc(1, sizeof *problem.errors);
    problem.errors[0].pointer = xstrdup(fault->pointer);
    problem.errors[0].message = xstrdup(fault->message);
    problem_send(request, 400, &err, &problem);
}
