#include "worker/attempt.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"

enum {
    CALL_TIMEOUT_MIN_MS = 100,
    CALL_TIMEOUT_MS = 4000, /* a silent server must not hold the pump for long */
    PART_MAX = 256 * 1024,  /* log bytes in one call */
    TELL_MAX = 400,         /* dependencies in one call: less than HTTP_JSON_MAX */
    RETRY_MS = 500,
    STOP_MS = 3000,    /* to say good-bye in, when the worker ends */
    SAFETY_MS = 10000, /* stop that long before the lease ends */
};

/* The worker stops before the server may give the build to another. */
static int64_t lease_until_ms(int64_t from_ms, int64_t ttl_ms)
{
    return from_ms + (ttl_ms > 5 * SAFETY_MS ? ttl_ms - SAFETY_MS : ttl_ms * 4 / 5);
}

void attempt_init(struct attempt *attempt, const struct settings *settings, struct client *client,
                  const struct sos_lease *lease, const char *const *ids, size_t ids_count)
{
    *attempt = (struct attempt){
        .settings = settings,
        .client = client,
        .lease = lease,
        .state = SOS_BUILD_STATE_PREPARING,
        .ttl_ms = lease->ttl_ms,
        .lease_until_ms = lease_until_ms(clock_mono_ms(), lease->ttl_ms),
        .last_byte = '\n',
        .steps_count = ids_count,
    };
    buf_init(&attempt->log, ATTEMPT_LOG_MAX + PART_MAX);
    for (size_t i = 0; i < ids_count; i++)
        attempt->steps[i] =
            (struct sos_step){ .id = xstrdup(ids[i]), .state = SOS_STEP_STATE_PENDING };
}

void attempt_done(struct attempt *attempt)
{
    buf_done(&attempt->log);
    for (size_t i = 0; i < attempt->steps_count; i++)
        sos_step_done(&attempt->steps[i]);
}

/* --- what is told --- */

static int64_t log_end(const struct attempt *attempt)
{
    return attempt->log_sent + (int64_t)attempt->log.len;
}

void attempt_step_begin(struct attempt *attempt, size_t step)
{
    attempt_say(attempt, "%s", attempt->steps[step].id);
    attempt->steps[step].state = SOS_STEP_STATE_RUNNING;
    attempt->steps[step].start_time_ms = clock_wall_ms();
    attempt->steps[step].log_offset = log_end(attempt);
    attempt->renew_at_ms = 0;
}

void attempt_step_end(struct attempt *attempt, size_t step, bool ok, int exit_code)
{
    attempt->steps[step].state = ok ? SOS_STEP_STATE_SUCCEEDED : SOS_STEP_STATE_FAILED;
    attempt->steps[step].finish_time_ms = clock_wall_ms();
    attempt->steps[step].exit_code = exit_code;
}

static void log_add(struct attempt *attempt, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (buf_add(&attempt->log, data, len) < 0)
        attempt->log_truncated = true;
    else
        attempt->last_byte = ((const char *)data)[len - 1];
}

void attempt_say(struct attempt *attempt, const char *fmt, ...)
{
    char text[VERDICT_MESSAGE_MAX + VERDICT_HINT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    auto_free char *line = xasprintf("%s[sos] %s\n", attempt->last_byte == '\n' ? "" : "\n", text);
    log_add(attempt, line, strlen(line));
}

void attempt_output(struct attempt *attempt, const void *data, size_t len)
{
    attempt->output_bytes += (int64_t)len;
    log_add(attempt, data, len);
}

bool attempt_log_is_full(const struct attempt *attempt)
{
    return attempt->log.len >= ATTEMPT_LOG_MAX;
}

/* --- calls --- */

/* Nobody waits for an answer beyond the lease: the build must be stopped then. */
static int64_t call_timeout_ms(const struct attempt *attempt)
{
    int64_t left_ms = attempt->lease_until_ms - clock_mono_ms();
    if (left_ms < CALL_TIMEOUT_MIN_MS)
        return CALL_TIMEOUT_MIN_MS;
    return left_ms < CALL_TIMEOUT_MS ? left_ms : CALL_TIMEOUT_MS;
}

/* One call of this attempt.  Gives the HTTP status, or -1 when there was no answer. */
static int call(struct attempt *attempt, const char *method, const char *url, const char *type,
                const void *body, size_t body_len, struct client_answer *ret)
{
    auto_free char *header = xasprintf("Content-Type: %s", type);
    const char *headers[] = { header, NULL };
    struct client_request request = CLIENT_REQUEST(method, url);
    request.headers = headers;
    request.body = body;
    request.body_len = body_len;
    request.timeout_ms = call_timeout_ms(attempt);
    struct err err = { 0 };
    if (client_do(attempt->client, &request, ret, &err) < 0) {
        log_warn("attempt", "server does not answer, trying again", "attempt=%s error=\"%s\"",
                 attempt->lease->attempt_id, err.text);
        return -1;
    }
    /* The fence is not current, or the attempt is gone: nothing of ours counts any more. */
    if (ret->status == 409 || ret->status == 404)
        attempt->word = ATTEMPT_LOST;
    return ret->status;
}

static char *attempt_url(const struct attempt *attempt, const char *rest)
{
    auto_free char *id = client_escape(attempt->lease->attempt_id);
    return xasprintf("%s/v1/agent/attempts/%s%s", attempt->settings->server_url, id, rest);
}

static void on_renewed(struct attempt *attempt, int64_t asked_ms,
                       const struct client_answer *answer)
{
    struct sos_update_attempt_response said = { 0 };
    const char *text = answer->body.data ? answer->body.data : "";
    if (sos_update_attempt_response_read(text, answer->body.len, &said, NULL) < 0)
        return;
    if (said.ttl_ms > 0)
        attempt->ttl_ms = said.ttl_ms;
    attempt->lease_until_ms = lease_until_ms(asked_ms, attempt->ttl_ms);
    if (said.cancel)
        attempt->word = ATTEMPT_CANCEL;
    sos_update_attempt_response_done(&said);
}

static void renew(struct attempt *attempt)
{
    struct sos_update_attempt_request request = { .fence = attempt->lease->fence,
                                                  .state = attempt->state,
                                                  .steps = attempt->steps,
                                                  .steps_count = attempt->steps_count };
    size_t len;
    auto_free char *text = sos_update_attempt_request_text(&request, &len);
    auto_free char *url = attempt_url(attempt, "");
    struct client_answer answer = { 0 };
    int64_t asked_ms = clock_mono_ms();
    int status = call(attempt, "PATCH", url, "application/json", text, len, &answer);
    if (status == 200)
        on_renewed(attempt, asked_ms, &answer);
    if (status >= 0)
        client_answer_done(&answer);
    int64_t pause_ms =
        attempt->ttl_ms / 5 < ATTEMPT_RENEW_MS ? attempt->ttl_ms / 5 : ATTEMPT_RENEW_MS;
    attempt->renew_at_ms = clock_mono_ms() + (status == 200 ? pause_ms : RETRY_MS);
}

/* One part of the log.  False: it has to be tried again. */
static bool send_log(struct attempt *attempt)
{
    size_t len = attempt->log.len < PART_MAX ? attempt->log.len : PART_MAX;
    auto_free char *rest = xasprintf("/log?offset=%" PRId64 "&fence=%" PRId64, attempt->log_sent,
                                     attempt->lease->fence);
    auto_free char *url = attempt_url(attempt, rest);
    struct client_answer answer = { 0 };
    int status = call(attempt, "POST", url, "text/plain", attempt->log.data, len, &answer);
    if (status >= 0)
        client_answer_done(&answer);
    if (status == 413) {
        /* The server keeps no more: the build goes on, its log ends here. */
        attempt->log_truncated = true;
        buf_clear(&attempt->log);
        return true;
    }
    if (status < 200 || status > 299)
        return false;
    attempt->log_sent += (int64_t)len;
    buf_eat(&attempt->log, len);
    return true;
}

static void flush(struct attempt *attempt)
{
    bool sent = send_log(attempt);
    attempt->flush_at_ms = clock_mono_ms() + (sent ? ATTEMPT_FLUSH_MS : RETRY_MS);
}

enum attempt_word attempt_tick(struct attempt *attempt, bool stop)
{
    int64_t now_ms = clock_mono_ms();
    if (attempt->word == ATTEMPT_GO && now_ms >= attempt->lease_until_ms)
        attempt->word = ATTEMPT_LOST;
    if (attempt->word == ATTEMPT_GO && stop) {
        attempt->word = ATTEMPT_STOP;
        if (attempt->lease_until_ms > now_ms + STOP_MS)
            attempt->lease_until_ms = now_ms + STOP_MS;
    }
    if (attempt->word != ATTEMPT_GO)
        return attempt->word;
    if (attempt->log.len > 0 && now_ms >= attempt->flush_at_ms)
        flush(attempt);
    if (attempt->word == ATTEMPT_GO && now_ms >= attempt->renew_at_ms)
        renew(attempt);
    return attempt->word;
}

/* --- the end --- */

static void result_fill(struct sos_finish_attempt_request *request, const struct attempt *attempt,
                        const struct attempt_end *end)
{
    const struct verdict *verdict = end->verdict;
    const struct collected *collected = end->collected;
    bool ok = verdict->outcome == SOS_RESULT_OUTCOME_SUCCESS;
    request->fence = attempt->lease->fence;
    request->result = xcalloc(1, sizeof *request->result);
    *request->result = (struct sos_result){
        .outcome = verdict->outcome,
        .reason = verdict->reason,
        .step = xstrdup(ok ? NULL : end->step),
        .exit_code = verdict->exit_code,
        .message = xstrdup(verdict->message[0] ? verdict->message : NULL),
        .hint = xstrdup(verdict->hint[0] ? verdict->hint : NULL),
        .retryable = verdict->outcome == SOS_RESULT_OUTCOME_ERROR,
    };
    request->log = xcalloc(1, sizeof *request->log);
    *request->log = (struct sos_log_info){ .size_bytes = attempt->log_sent,
                                           .complete = true,
                                           .truncated = attempt->log_truncated };
    request->steps = xcalloc(attempt->steps_count, sizeof *request->steps);
    request->steps_count = attempt->steps_count;
    for (size_t i = 0; i < attempt->steps_count; i++)
        sos_step_copy(&request->steps[i], &attempt->steps[i]);
    if (!ok)
        return;
    request->artifacts = xcalloc(collected->count, sizeof *request->artifacts);
    request->artifacts_count = collected->count;
    for (size_t i = 0; i < collected->count; i++) {
        const struct digests *digests = &collected->files[i].digests;
        request->artifacts[i] = (struct sos_artifact_file){
            .path = xstrdup(collected->files[i].name),
            .size_bytes = digests->size_bytes,
            .sha256 = xstrdup(digests->sha256),
            .sha1 = xstrdup(digests->sha1),
            .md5 = xstrdup(digests->md5),
        };
    }
}

static void dependency_fill(struct sos_dependency *ret, const struct attempt *attempt,
                            const struct download *download)
{
    *ret = (struct sos_dependency){
        .repository = xstrdup(download->repository),
        .path = xstrdup(download_path(download)),
        .url = xasprintf("%s%s", attempt->settings->store_url, download->url),
        .sha256 = xstrdup(download->sha256[0] ? download->sha256 : NULL),
        .size_bytes = download->size_bytes,
        .metadata = download->metadata,
        .cached = download->cached,
    };
}

/* The next part of the dependencies.  Gives the HTTP status, -1 when there was no answer. */
static int tell_once(struct attempt *attempt, const struct downloads *all, struct err *err)
{
    struct sos_add_dependencies_request request = { .fence = attempt->lease->fence,
                                                    .first = (int32_t)attempt->told };
    size_t count = all->count - attempt->told;
    size_t len;
    request.dependencies_count = count < TELL_MAX ? count : TELL_MAX;
    request.dependencies = xcalloc(request.dependencies_count, sizeof *request.dependencies);
    for (size_t i = 0; i < request.dependencies_count; i++)
        dependency_fill(&request.dependencies[i], attempt, &all->all[attempt->told + i]);
    auto_free char *text = sos_add_dependencies_request_text(&request, &len);
    auto_free char *url = attempt_url(attempt, "/dependencies");
    struct client_answer answer = { 0 };
    int status = call(attempt, "POST", url, "application/json", text, len, &answer);
    if (status / 100 == 2)
        attempt->told += request.dependencies_count;
    else if (status >= 0)
        err_set(err, ERR_CONFLICT, "the server refused the dependencies with status %d: %.120s",
                status, answer.body.data ? answer.body.data : "");
    if (status >= 0)
        client_answer_done(&answer);
    sos_add_dependencies_request_done(&request);
    return status;
}

/* Gives the HTTP status, -1 when there was no answer. */
static int finish_once(struct attempt *attempt, const struct attempt_end *end, struct err *err)
{
    struct sos_finish_attempt_request request = { 0 };
    result_fill(&request, attempt, end);
    size_t len;
    auto_free char *text = sos_finish_attempt_request_text(&request, &len);
    sos_finish_attempt_request_done(&request);
    auto_free char *url = attempt_url(attempt, ":finish");
    struct client_answer answer = { 0 };
    int status = call(attempt, "POST", url, "application/json", text, len, &answer);
    if (status >= 0) {
        if (status / 100 != 2)
            err_set(err, ERR_CONFLICT, "the server refused the result with status %d: %.120s",
                    status, answer.body.data ? answer.body.data : "");
        client_answer_done(&answer);
    }
    return status;
}

/* The next thing that is left to say: 1 when it was said, 2 when it was the last, 0 when it has to
 * be tried again, or an error. */
static int finish_next(struct attempt *attempt, const struct attempt_end *end, struct err *err)
{
    if (attempt->log.len > 0)
        return send_log(attempt) ? 1 : 0;
    bool tells = attempt->told < end->downloads->count;
    int status = tells ? tell_once(attempt, end->downloads, err) : finish_once(attempt, end, err);
    if (status / 100 == 2)
        return tells ? 1 : 2;
    return status / 100 == 4 ? -ERR_CONFLICT : 0;
}

int attempt_finish(struct attempt *attempt, const struct attempt_end *end, struct err *err)
{
    for (size_t i = 0; i < attempt->steps_count; i++)
        if (attempt->steps[i].state == SOS_STEP_STATE_PENDING)
            attempt->steps[i].state = SOS_STEP_STATE_SKIPPED;

    while (clock_mono_ms() < attempt->lease_until_ms) {
        /* A server that cannot keep the result now (its disk is full) keeps the lease. */
        if (attempt->word == ATTEMPT_GO && clock_mono_ms() >= attempt->renew_at_ms)
            renew(attempt);
        int rc = finish_next(attempt, end, err);
        if (rc == 2)
            return 0;
        if (rc < 0)
            return rc;
        if (rc == 0)
            usleep(RETRY_MS * 1000);
        if (attempt->word == ATTEMPT_LOST)
            return err_set(err, ERR_CONFLICT, "the lease is another's");
    }
    return err_set(err, ERR_IO, "the lease ended before the server took the result");
}
