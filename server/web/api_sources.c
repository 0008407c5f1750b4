/* api_sources.c - the manifest, the blobs that lack, the archive. */
#include "server/web/call.h"

enum { MANIFEST_JSON_MAX = 48 << 20 }; /* 200,000 files of ordinary paths */

static void on_source(void *ctx, int rc, const struct sos_source *source, const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_source_type, source);
}

static void on_manifest(void *ctx, int rc, const struct sos_source *source,
                        const struct wire_fault *fault, const struct err *err)
{
    struct call *call = ctx;

    if (call_open(call)) {
        if (fault)
            call_fault_reason(call, fault, err->reason);
        else if (rc < 0)
            call_problem(call, err);
        else
            call_answer(call, 200, &sos_source_type, source);
    }
    call_done(call);
}

static void on_manifest_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    farm_source_create(call->farm, body, len, on_manifest, call_wait(call));
}

/* Too large to be parsed on the loop: the farm does it. */
void api_create_source(struct call *call)
{
    http_collect(call->request, MANIFEST_JSON_MAX, on_manifest_body);
}

static void on_blobs_end(struct http_request *request)
{
    struct call *call = http_state(request);
    struct farm_upload *upload = call->upload;

    call->upload = NULL;
    farm_blobs_end(upload, on_source, call_wait(call));
}

static void on_blobs_open(void *ctx, int rc, struct farm_upload *upload, const struct err *err)
{
    struct call *call = ctx;

    if (!call_open(call)) {
        if (rc == 0)
            farm_upload_abort(upload);
    } else if (rc < 0) {
        call_problem(call, err);
    } else {
        call_stream(call, upload, on_blobs_end);
    }
    call_done(call);
}

void api_put_blobs(struct call *call)
{
    farm_blobs_open(call->farm, call->match.params[0], on_blobs_open, call_wait(call));
}

static void on_archive(void *ctx, int rc, int fd, int64_t size, const struct err *err)
{
    struct call *call = ctx;

    if (!call_open(call)) {
        if (rc == 0)
            close(fd);
    } else if (rc < 0) {
        call_problem(call, err);
    } else {
        call_answer_file(call, 200, "application/zstd", fd, 0, size);
    }
    call_done(call);
}

void api_get_source_archive(struct call *call)
{
    farm_source_archive(call->farm, call->match.params[0], on_archive, call_wait(call));
}
