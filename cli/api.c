#include "cli/api.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/interrupt.h"
#include "cli/login.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"

enum { AGAIN_MAX_MS = 60000, AGAIN_PAUSE_MS = 500, LOG_PART_BYTES = 4 << 20 };

struct client *api_client(struct cli *cli)
{
    if (!cli->client) {
        auto_free char *token = login_token(cli);
        cli->client = client_new(token, NULL);
    }
    return cli->client;
}

/* Keep a problem document's words.  An answer of somebody else (a proxy, say) keeps its status. */
int api_problem(struct client_answer *answer, struct err *err)
{
    static const struct {
        int status;
        enum err_code code;
    } codes[] = { { 400, ERR_INVALID },   { 401, ERR_DENIED },   { 403, ERR_DENIED },
                  { 404, ERR_NOT_FOUND }, { 409, ERR_CONFLICT }, { 412, ERR_CONFLICT },
                  { 413, ERR_LIMIT },     { 422, ERR_INVALID },  { 507, ERR_FULL } };
    enum err_code code = ERR_IO;
    for (size_t i = 0; i < countof(codes); i++)
        if (codes[i].status == answer->status)
            code = codes[i].code;

    struct sos_problem problem = { 0 };
    if (!answer->body.data ||
        sos_problem_read(answer->body.data, answer->body.len, &problem, NULL) < 0 ||
        !problem.status) {
        sos_problem_done(&problem);
        err_set(err, code, "the server answered %d", answer->status);
        if (answer->status >= 502 && answer->status <= 504)
            err_reason(err, "UNREACHABLE");
        return -(int)code;
    }
    err_set(err, code, "%s", problem.detail ? problem.detail : problem.title);
    if (problem.errors_count > 0)
        err_set(err, code, "%s: %s", problem.errors[0].pointer ? problem.errors[0].pointer : "/",
                problem.errors[0].message);
    if (problem.hint)
        err_hint(err, "%s", problem.hint);
    else if (answer->status == 401)
        err_hint(err, "sos login");
    sos_problem_done(&problem);
    return -(int)code;
}

static int on_cancelled(void *ctx)
{
    (void)ctx;
    return interrupted();
}

int api_do(struct cli *cli, const struct client_request *request, struct client_answer *ret,
           struct err *err)
{
    int rc = client_do(api_client(cli), request, ret, err);
    if (rc == -ERR_IO)
        err_reason(err, "UNREACHABLE");
    return rc;
}

static int api_send(struct cli *cli, const char *method, const char *path,
                    const char *const *headers, const char *body, struct client_answer *ret,
                    struct err *err)
{
    auto_free char *url = xasprintf("%s%s", cli->server, path);
    struct client_request request = CLIENT_REQUEST(method, url);
    request.headers = headers;
    request.body = body;
    request.body_len = body ? strlen(body) : 0;
    request.idle_ms = 60000;
    if (strcmp(method, "GET") == 0) /* what changes something must be known to have done so */
        request.cancelled = on_cancelled;
    return api_do(cli, &request, ret, err);
}

bool api_again(struct api_patience *patience, int rc)
{
    if (rc >= 0)
        patience->since_ms = 0;
    if (rc != -ERR_IO || interrupted())
        return false;
    int64_t now = clock_mono_ms();
    patience->since_ms = patience->since_ms ? patience->since_ms : now;
    if (now - patience->since_ms > AGAIN_MAX_MS)
        return false;
    const struct timespec pause = { .tv_nsec = AGAIN_PAUSE_MS * 1000000L };
    nanosleep(&pause, NULL); /* a server that is away says nothing when it is back */
    return true;
}

int api_call(struct cli *cli, const char *method, const char *path, const char *const *headers,
             const struct wire_type *request_type, const void *request,
             const struct wire_type *answer_type, void *ret_answer, int *ret_status,
             struct err *err)
{
    auto_free char *body = request_type ? wire_text(request_type, request, NULL) : NULL;
    struct client_answer answer;
    if (ret_status)
        *ret_status = 0;
    int rc = api_send(cli, method, path, headers, body, &answer, err);
    if (rc < 0)
        return rc;
    if (ret_status)
        *ret_status = answer.status;
    if (answer.status < 200 || answer.status > 299)
        rc = api_problem(&answer, err);
    else if (answer_type) {
        rc = wire_parse(answer_type, answer.body.data, answer.body.len, WIRE_LENIENT, ret_answer,
                        NULL, err);
        if (rc < 0)
            rc = err_set(err, ERR_CONFLICT, "%s %s: unexpected answer", cli->server, path);
    }
    client_answer_done(&answer);
    return rc;
}

int api_watch_build(struct cli *cli, const char *id, int wait_s, char etag[32],
                    struct sos_build *ret, struct err *err)
{
    auto_free char *path = xasprintf("/v1/builds/%s", id);
    auto_free char *match = xasprintf("If-None-Match: %s", etag);
    auto_free char *prefer = xasprintf("Prefer: wait=%d", wait_s);
    const char *headers[] = { match, prefer, NULL };
    struct client_answer answer;
    int rc = api_send(cli, "GET", path, etag[0] ? headers : NULL, NULL, &answer, err);
    if (rc < 0)
        return rc;
    if (answer.status == 200) {
        const char *tag = client_header(&answer, "ETag");
        rc = wire_parse(&sos_build_type, answer.body.data, answer.body.len, WIRE_LENIENT, ret, NULL,
                        err);
        if (rc == 0)
            snprintf(etag, 32, "%s", tag ? tag : "");
        rc = rc < 0 ? err_set(err, ERR_CONFLICT, "%s: unexpected answer", path) : 1;
    } else if (answer.status == 304) {
        rc = 0;
    } else {
        rc = api_problem(&answer, err);
    }
    client_answer_done(&answer);
    return rc;
}

/* Size of the whole, behind the slash of Content-Range (RFC 9110 14.4); -1: not told. */
static int64_t range_total(const struct client_answer *answer)
{
    const char *range = client_header(answer, "Content-Range");
    const char *slash = range ? strrchr(range, '/') : NULL;
    return slash ? strtoll(slash + 1, NULL, 10) : -1;
}

static int log_take(const struct client_answer *answer, int64_t *offset, int *attempt,
                    int (*write)(void *ctx, const void *data, size_t len), void *ctx,
                    bool *ret_complete)
{
    const char *complete = client_header(answer, "Sos-Log-Complete");
    const char *of = client_header(answer, "Sos-Log-Attempt");
    int64_t total = range_total(answer);
    if (*attempt == 0 && of)
        *attempt = atoi(of);
    *offset += (int64_t)answer->body.len;
    *ret_complete = complete && strcmp(complete, "1") == 0 && (total < 0 || *offset >= total);
    return answer->body.len > 0 ? write(ctx, answer->body.data, answer->body.len) : 0;
}

int api_read_log(struct cli *cli, const char *id, int64_t *offset, int *attempt, int wait_s,
                 int (*write)(void *ctx, const void *data, size_t len), void *ctx,
                 bool *ret_complete, struct err *err)
{
    auto_free char *path = *attempt > 0 ? xasprintf("/v1/builds/%s/log?attempt=%d", id, *attempt)
                                        : xasprintf("/v1/builds/%s/log", id);
    auto_free char *range = xasprintf("Range: bytes=%lld-%lld", (long long)*offset,
                                      (long long)*offset + LOG_PART_BYTES - 1);
    auto_free char *prefer = xasprintf("Prefer: wait=%d", wait_s);
    const char *headers[] = { range, wait_s > 0 ? prefer : NULL, NULL };
    struct client_answer answer;
    int rc = api_send(cli, "GET", path, headers, NULL, &answer, err);
    if (rc < 0)
        return rc;
    if (answer.status >= 200 && answer.status <= 299) {
        rc = log_take(&answer, offset, attempt, write, ctx, ret_complete);
    } else if (answer.status == 416 && range_total(&answer) >= 0) {
        *offset = range_total(&answer);
    } else {
        rc = api_problem(&answer, err);
    }
    client_answer_done(&answer);
    return rc;
}
