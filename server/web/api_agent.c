/* api_agent.c - the workers' side. */
#include <string.h>

#include "server/web/call.h"

static void on_session(void *ctx, int rc, const char *session, const struct err *err)
{
    struct call *call = ctx;
    struct sos_register_worker_response answer = { .session = (char *)(uintptr_t)session };

    call_end(call, rc, err, 200, &sos_register_worker_response_type, &answer);
}

void api_register_worker(struct call *call)
{
    farm_register(call->farm, &call->in.register_worker, on_session, call_wait(call));
}

static void on_lease(void *ctx, int rc, const struct sos_lease *lease, const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0)
            call_problem(call, err);
        else if (!lease)
            call_answer_empty(call, 204);
        else
            call_answer(call, 200, &sos_lease_type, lease);
    }
    call_done(call);
}

void api_lease_build(struct call *call)
{
    farm_lease(call->farm, &call->in.lease, call_wait_ms(call), on_lease, call_wait(call));
}

static void on_updated(void *ctx, int rc, const struct sos_update_attempt_response *answer,
                       const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_update_attempt_response_type, answer);
}

void api_update_attempt(struct call *call)
{
    farm_update(call->farm, call->match.params[0], &call->in.update_attempt, on_updated,
                call_wait(call));
}

static void on_finished(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                        const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (rc < 0)
            call_problem(call, err);
        else
            call_answer_build(call, 200, build, revision);
    }
    call_done(call);
}

void api_finish_attempt(struct call *call)
{
    farm_finish(call->farm, call->match.params[0], &call->in.finish_attempt, on_finished,
                call_wait(call));
}

/* --- dependencies --- */

enum { DEPENDENCIES_MAX = 1000, PLACE_MAX = 1000000, URL_MAX = 2048, PATH_LONGEST = 1024 };

static void on_told(void *ctx, int rc, const struct err *err)
{
    call_end(ctx, rc, err, 204, NULL, NULL);
}

static bool text_fits(const char *text, size_t max)
{
    return text && strlen(text) <= max;
}

static const char *dependency_fault(const struct sos_dependency *file)
{
    if (!text_fits(file->repository, PATH_LONGEST) || !text_fits(file->path, PATH_LONGEST) ||
        !text_fits(file->url, URL_MAX))
        return "repository, path and url must be there, and not that long";
    if (file->sha256 && !sha256_hex_is_valid(file->sha256))
        return "this sha256 is none";
    return file->size_bytes < 0 ? "a negative size" : NULL;
}

void api_add_dependencies(struct call *call)
{
    const struct sos_add_dependencies_request *in = &call->in.add_dependencies;
    const char *fault = NULL;

    if (in->dependencies_count > DEPENDENCIES_MAX || in->first < 0 || in->first > PLACE_MAX)
        fault = "at most 1000 at once, from a place below 1000000 on";
    for (size_t i = 0; !fault && i < in->dependencies_count; i++)
        fault = dependency_fault(&in->dependencies[i]);
    if (fault)
        call_fault(call, "/dependencies", fault);
    else
        farm_dependencies_add(call->farm, call->match.params[0], in, on_told, call_wait(call));
}

/* --- the log --- */

static void on_appended(void *ctx, int rc, const struct err *err)
{
    call_end(ctx, rc, err, 204, NULL, NULL);
}

static bool query_needs(struct call *call, const char *name, int64_t *ret)
{
    char pointer[32];

    if (!call_query_int(call, name, -1, INT64_MAX, ret))
        return false;
    if (*ret >= 0)
        return true;
    snprintf(pointer, sizeof pointer, "?%s", name);
    call_fault(call, pointer, "this is missing");
    return false;
}

static void on_log_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    int64_t fence;

    call_wait(call);
    if (query_needs(call, "fence", &fence) && query_needs(call, "offset", &call->offset))
        farm_log_append(call->farm, call->match.params[0], fence, call->offset, body, len,
                        on_appended, call_wait(call));
    call_done(call);
}

void api_append_log(struct call *call)
{
    http_collect(call->request, HTTP_JSON_MAX, on_log_body);
}

/* --- artifacts --- */

static void on_artifact(void *ctx, int rc, const struct sos_artifact_file *file,
                        const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_artifact_file_type, file);
}

static void on_artifact_end(struct http_request *request)
{
    struct call *call = http_state(request);
    struct farm_upload *upload = call->upload;

    call->upload = NULL;
    farm_artifact_end(upload, on_artifact, call_wait(call));
}

static void on_artifact_open(void *ctx, int rc, struct farm_upload *upload, const struct err *err)
{
    struct call *call = ctx;

    if (!call_open(call)) {
        if (rc == 0)
            farm_upload_abort(upload);
    } else if (rc < 0) {
        call_problem(call, err);
    } else {
        call_stream(call, upload, on_artifact_end);
    }
    call_done(call);
}

void api_put_artifact_file(struct call *call)
{
    int64_t fence;

    if (query_needs(call, "fence", &fence))
        farm_artifact_open(call->farm, call->match.params[0], fence, call->match.params[1],
                           on_artifact_open, call_wait(call));
}
