/* api_builds.c - submit, look, wait, read the log, cancel. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "server/core/names.h"
#include "server/web/call.h"
#include "sos/base/auto.h"

enum { TEXT_MAX = 512, LABELS_MAX = 64, LABEL_MAX = 255, MESSAGE_MAX = 2000, KEY_MAX = 255 };

/* --- submit --- */

static void on_submitted(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                         const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0) {
            call_problem(call, err);
        } else {
            auto_free char *location = xasprintf("/v1/builds/%s", build->id);
            http_set_header(call->request, "Location", location);
            call_answer_build(call, rc == 0 ? 201 : 200, build, revision);
        }
    }
    call_done(call);
}

static bool too_long(const char *text, size_t max)
{
    return text && strlen(text) > max;
}

/* The first field that is not as it must be; NULL when all are. */
static const char *labels_fault(const struct sos_create_build_request *in)
{
    if (in->labels_count > LABELS_MAX)
        return "at most 64 labels";
    for (size_t i = 0; i < in->labels_count; i++)
        if (too_long(in->labels[i].key, LABEL_MAX) || too_long(in->labels[i].value, LABEL_MAX))
            return "a label has at most 255 bytes on each side";
    return NULL;
}

static bool vcs_is_sane(const struct sos_vcs *vcs)
{
    return !vcs || !(too_long(vcs->url, TEXT_MAX) || too_long(vcs->commit, TEXT_MAX) ||
                     too_long(vcs->branch, TEXT_MAX));
}

static bool submit_check(struct call *call)
{
    const struct sos_create_build_request *in = &call->in.create_build;
    const char *labels = labels_fault(in);

    if (!name_is_project(in->project))
        call_fault(call, "/project",
                   "1 to 64 of a-z, 0-9, '.', '_' and '-', a letter or digit first");
    else if (!name_is_version(in->version))
        call_fault(call, "/version",
                   "1 to 128 letters, digits, '.', '_', '+' and '-', a letter or digit first");
    else if (!in->source)
        call_fault(call, "/source", "this is missing");
    else if (too_long(in->entry, TEXT_MAX))
        call_fault(call, "/entry", "at most 512 bytes");
    else if (too_long(in->message, MESSAGE_MAX))
        call_fault(call, "/message", "at most 2000 bytes");
    else if (!vcs_is_sane(in->vcs))
        call_fault(call, "/vcs", "at most 512 bytes in each field");
    else if (in->timeout_ms < 0)
        call_fault(call, "/timeout", "this must not be negative");
    else if (in->source_date_epoch < 0)
        call_fault(call, "/sourceDateEpoch", "this must not be negative");
    else if (labels)
        call_fault(call, "/labels", labels);
    else
        return true;
    return false;
}

static bool key_check(struct call *call, const char *key)
{
    struct err err = { 0 };

    if (!key || (*key && !too_long(key, KEY_MAX)))
        return true;
    err_set(&err, ERR_INVALID, "Idempotency-Key must have 1 to %d bytes", KEY_MAX);
    call_problem(call, &err);
    return false;
}

void api_create_build(struct call *call)
{
    struct farm_submission submission = {
        .subject = call->caller.subject,
        .idempotency_key = http_header(call->request, "Idempotency-Key"),
        .request_sha256 = call->request_sha256,
        .request = &call->in.create_build,
    };

    if (key_check(call, submission.idempotency_key) && submit_check(call))
        farm_submit(call->farm, &submission, on_submitted, call_wait(call));
}

/* --- look --- */

static void on_list(void *ctx, int rc, const struct sos_list_builds_response *builds,
                    const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_list_builds_response_type, builds);
}

void api_list_builds(struct call *call)
{
    const char *state = http_query(call->request, "state");
    int64_t page_size;
    int number = state ? wire_enum_value(&sos_build_state_enum, state) : 0;

    if (number < 0) {
        call_fault(call, "?state", "no state of a build is called so");
        return;
    }
    if (!call_query_int(call, "pageSize", 0, INT32_MAX, &page_size))
        return;
    struct farm_filter filter = {
        .project = http_query(call->request, "project"),
        .created_by = http_query(call->request, "createdBy"),
        .state = number,
        .page_size = (int)page_size,
        .page_token = http_query(call->request, "pageToken"),
    };
    farm_build_list(call->farm, &filter, on_list, call_wait(call));
}

static void on_build(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                     const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0) {
            call_problem(call, err);
        } else if (revision == call->seen_revision || call->seen_revision == -2) {
            call_etag(call, revision);
            call_answer_empty(call, 304);
        } else {
            call_answer_build(call, 200, build, revision);
        }
    }
    call_done(call);
}

void api_get_build(struct call *call)
{
    call->seen_revision = call_seen_revision(call);
    farm_build_get(call->farm, call->match.params[0], call->seen_revision, call_wait_ms(call),
                   on_build, call_wait(call));
}

/* --- what it depends on --- */

static void on_dependencies(void *ctx, int rc, const struct sos_list_dependencies_response *list,
                            const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_list_dependencies_response_type, list);
}

void api_list_dependencies(struct call *call)
{
    int64_t page_size;

    if (call_query_int(call, "pageSize", 0, INT32_MAX, &page_size))
        farm_dependencies_list(call->farm, call->match.params[0], (int)page_size,
                               http_query(call->request, "pageToken"), on_dependencies,
                               call_wait(call));
}

/* --- cancel --- */

void api_cancel_build(struct call *call)
{
    bool any = auth_role_allows(call->caller.role, SOS_ROLE_MAINTAINER);
    const char *reason = call->in.cancel_build.reason;

    if (too_long(reason, TEXT_MAX)) {
        call_fault(call, "/reason", "at most 512 bytes");
        return;
    }
    call->seen_revision = -1;
    farm_cancel(call->farm, call->match.params[0], any ? NULL : call->caller.subject,
                call->caller.subject, reason, on_build, call_wait(call));
}

/* --- the log --- */

/* Where a range that begins somewhere begins: "bytes=N-" or "bytes=N-M"; 0 for any other. */
static int64_t range_begin(struct call *call)
{
    const char *range = http_header(call->request, "Range");
    int64_t begin = 0;

    if (!range || strncmp(range, "bytes=", 6) != 0)
        return 0;
    for (range += 6; *range >= '0' && *range <= '9' && begin < INT64_MAX / 20; range++)
        begin = begin * 10 + (*range - '0');
    return *range == '-' ? begin : 0;
}

static void log_headers(struct call *call, const struct farm_log *log, int64_t offset, int64_t len)
{
    char text[80];

    snprintf(text, sizeof text, "%d", log->attempt);
    http_set_header(call->request, "Sos-Log-Attempt", text);
    http_set_header(call->request, "Sos-Log-Complete", log->complete ? "1" : "0");
    http_set_header(call->request, "Accept-Ranges", "bytes");
    http_set_header(call->request, "Cache-Control", "no-store");
    http_set_header(call->request, "X-Content-Type-Options", "nosniff");
    if (len <= 0)
        return;
    snprintf(text, sizeof text, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, offset, offset + len - 1,
             log->size);
    http_set_header(call->request, "Content-Range", text);
}

/* A range at the very end is no error: there is nothing more, yet or for ever. */
static void log_answer(struct call *call, const struct farm_log *log)
{
    static const char type[] = "text/plain; charset=utf-8";
    int64_t offset = 0, len = log->size;
    bool at_end = call->offset == log->size;
    int part = at_end ? 0 : http_range(call->request, log->size, &offset, &len);
    struct err err = { 0 };

    log_headers(call, log, offset, part > 0 ? len : 0);
    if (part < 0) {
        char size[40];
        snprintf(size, sizeof size, "bytes */%" PRId64, log->size);
        http_set_header(call->request, "Content-Range", size);
        err_set(&err, ERR_INVALID, "the log has %" PRId64 " bytes", log->size);
        call_problem_status(call, 416, &err);
    } else if (log->size == 0 || (at_end && call->offset > 0)) {
        call_answer_text(call, 200, type, "", 0);
    } else {
        call_answer_file(call, part > 0 ? 206 : 200, type, dup(log->fd), offset, len);
    }
}

static void on_log(void *ctx, int rc, const struct farm_log *log, const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0)
            call_problem(call, err);
        else
            log_answer(call, log);
    }
    call_done(call);
}

void api_get_build_log(struct call *call)
{
    int64_t attempt;

    if (!call_query_int(call, "attempt", 0, 1000, &attempt))
        return;
    call->offset = range_begin(call);
    farm_log_get(call->farm, call->match.params[0], (int)attempt, call->offset, call_wait_ms(call),
                 on_log, call_wait(call));
}
