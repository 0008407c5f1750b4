/* api_queue.c - the queue, workers, images, artifacts: what anybody may look at. */
#include <string.h>
#include <unistd.h>

#include "server/web/call.h"

void api_get_queue(struct call *call)
{
    struct sos_queue queue;
    int64_t seen = call_seen_revision(call);
    int64_t revision = farm_queue(call->farm, &queue);

    call_etag(call, revision);
    if (seen == revision || seen == -2)
        call_answer_empty(call, 304);
    else
        call_answer(call, 200, &sos_queue_type, &queue);
    sos_queue_done(&queue);
}

void api_list_workers(struct call *call)
{
    struct sos_list_workers_response workers;

    farm_workers(call->farm, &workers);
    call_answer(call, 200, &sos_list_workers_response_type, &workers);
    sos_list_workers_response_done(&workers);
}

void api_list_images(struct call *call)
{
    struct sos_list_images_response images;

    farm_images(call->farm, &images);
    call_answer(call, 200, &sos_list_images_response_type, &images);
    sos_list_images_response_done(&images);
}

void api_get_image(struct call *call)
{
    struct sos_image image;
    struct err err = { 0 };

    if (farm_image(call->farm, call->match.params[0], &image, &err) < 0) {
        call_problem(call, &err);
        return;
    }
    call_answer(call, 200, &sos_image_type, &image);
    sos_image_done(&image);
}

/* --- artifacts --- */

static void on_artifacts(void *ctx, int rc, const struct sos_list_artifacts_response *list,
                         const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_list_artifacts_response_type, list);
}

void api_list_artifacts(struct call *call)
{
    int64_t page_size;

    if (!call_query_int(call, "pageSize", 0, INT32_MAX, &page_size))
        return;
    struct farm_filter filter = {
        .project = http_query(call->request, "name"),
        .page_size = (int)page_size,
        .page_token = http_query(call->request, "pageToken"),
    };
    farm_artifact_list(call->farm, &filter, on_artifacts, call_wait(call));
}

static void on_artifact(void *ctx, int rc, const struct sos_artifact *artifact,
                        const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_artifact_type, artifact);
}

void api_get_artifact(struct call *call)
{
    farm_artifact_get(call->farm, call->match.params[0], call->match.params[1], on_artifact,
                      call_wait(call));
}

/* A published file never changes: whoever has it may keep it. */
static void on_file(void *ctx, int rc, int fd, int64_t size, const struct err *err)
{
    struct call *call = ctx;
    int64_t offset = 0, len = size;
    char text[64];

    if (!call_open(call)) {
        if (rc == 0)
            close(fd);
        call_done(call);
        return;
    }
    if (rc < 0) {
        call_problem(call, err);
        call_done(call);
        return;
    }
    int part = http_range(call->request, size, &offset, &len);
    http_set_header(call->request, "Accept-Ranges", "bytes");
    http_set_header(call->request, "Cache-Control", "private, immutable, max-age=31536000");
    if (part < 0) {
        struct err unsatisfiable = { 0 };
        close(fd);
        err_set(&unsatisfiable, ERR_INVALID, "the file has %lld bytes", (long long)size);
        call_problem_status(call, 416, &unsatisfiable);
    } else {
        if (part > 0) {
            snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)offset,
                     (long long)(offset + len - 1), (long long)size);
            http_set_header(call->request, "Content-Range", text);
        }
        call_answer_file(call, part > 0 ? 206 : 200, "application/octet-stream", fd, offset,
                         part > 0 ? len : size);
    }
    call_done(call);
}

void api_get_artifact_file(struct call *call)
{
    farm_artifact_file(call->farm, call->match.params[0], call->match.params[1],
                       call->match.params[2], on_file, call_wait(call));
}
