/* dependencies.c - what attempts depend on: told by their workers, read by whoever asks. */
#include <string.h>

#include "server/farm/state.h"

/* --- told --- */

struct adding {
    struct task task;
    struct farm *farm;
    char build[ID_MAX];
    int32_t attempt;
    struct sos_add_dependencies_request request;
    farm_done_fn done;
    void *ctx;
};

static void add_work(struct task *task)
{
    struct adding *adding = container_of(task, struct adding, task);

    task->rc = dependencies_add(adding->farm->db, adding->build, adding->attempt,
                                adding->request.first, adding->request.dependencies,
                                adding->request.dependencies_count, &task->err);
}

static void on_added(struct task *task)
{
    struct adding *adding = container_of(task, struct adding, task);

    adding->done(adding->ctx, task->rc, &task->err);
    sos_add_dependencies_request_done(&adding->request);
    free(adding);
}

void farm_dependencies_add(struct farm *farm, const char *attempt,
                           const struct sos_add_dependencies_request *request, farm_done_fn done,
                           void *ctx)
{
    struct err err = { 0 };
    struct live *live = attempt_live(farm, attempt, request->fence, &err);

    if (!live) {
        done(ctx, -(int)err.code, &err);
        return;
    }
    struct adding *adding = xcalloc(1, sizeof *adding);
    *adding = (struct adding){
        .farm = farm, .attempt = live->build->msg.attempt, .done = done, .ctx = ctx
    };
    snprintf(adding->build, sizeof adding->build, "%s", live->build->msg.id);
    sos_add_dependencies_request_copy(&adding->request, request);
    worker_seen(farm, live->build->msg.worker);
    strand_post(farm->writer, &adding->task, add_work, on_added);
}

/* --- read --- */

struct listing {
    struct task task;
    struct farm *farm;
    char *build, *page_token;
    int page_size;
    struct sos_list_dependencies_response list;
    farm_dependencies_fn done;
    void *ctx;
};

static void list_work(struct task *task)
{
    struct listing *listing = container_of(task, struct listing, task);

    task->rc = dependencies_list(listing->farm->read_db, listing->build, listing->page_size,
                                 listing->page_token, &listing->list, &task->err);
}

static void on_listed(struct task *task)
{
    struct listing *listing = container_of(task, struct listing, task);

    listing->done(listing->ctx, task->rc, &listing->list, &task->err);
    sos_list_dependencies_response_done(&listing->list);
    free(listing->build);
    free(listing->page_token);
    free(listing);
}

void farm_dependencies_list(struct farm *farm, const char *build, int page_size,
                            const char *page_token, farm_dependencies_fn done, void *ctx)
{
    struct listing *listing = xcalloc(1, sizeof *listing);

    *listing = (struct listing){ .farm = farm, .page_size = page_size, .done = done, .ctx = ctx };
    listing->build = xstrdup(build);
    listing->page_token = xstrdup(page_token);
    strand_post(farm->reader, &listing->task, list_work, on_listed);
}
