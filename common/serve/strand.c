/* strand.c - strands on uv_queue_work(): see strand.h for the drawing. */
#include "sos/serve/strand.h"

#include <assert.h>

#include "common/serve/strand_turn.h"
#include "sos/base/auto.h"

struct strand {
    uv_loop_t *loop;
    uv_work_t request;
    struct turn turn; /* the pool thread's while `running` */
    struct list waiting;
    size_t waiting_count;
    bool running;
    bool broken;
    strand_broken_fn on_broken;
    void *ctx;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void turn_start(struct strand *strand);

struct strand *strand_new(uv_loop_t *loop, const struct strand_batch *batch,
                          strand_broken_fn on_broken, void *ctx)
{
    struct strand *strand = xcalloc(1, sizeof *strand);

    strand->loop = loop;
    strand->on_broken = on_broken;
    strand->ctx = ctx;
    list_init(&strand->waiting);
    turn_init(&strand->turn, batch);
    return strand;
}

void strand_post(struct strand *strand, struct task *task, task_fn work, task_fn done)
{
    assert(!task->posted); /* its link is in a list */
    *task = (struct task){ .work = work, .done = done, .posted = true };
    list_append(&strand->waiting, &task->link);
    strand->waiting_count++;
    turn_start(strand);
}

size_t strand_waiting(const struct strand *strand)
{
    return strand->waiting_count;
}

void strand_close(struct strand *strand, void (*closed)(void *ctx), void *ctx)
{
    assert(!strand->closing);
    strand->closing = true;
    strand->closed = closed;
    strand->closed_ctx = ctx;
    turn_start(strand);
}

/* --- blocking work (a pool thread) --- */
static void turn_work(uv_work_t *request)
{
    struct strand *strand = container_of(request, struct strand, request);
    turn_run(&strand->turn);
}

/* --- events (the loop thread) --- */
static void strand_break(struct strand *strand, const struct err *err)
{
    strand->broken = true;
    if (strand->on_broken)
        strand->on_broken(strand->ctx, err);
}

/* The next turn starts before the last one's `done` calls, so that the pool works while the loop
 * answers. */
static void on_turn(uv_work_t *request, int status)
{
    struct strand *strand = container_of(request, struct strand, request);
    assert(status == 0); /* we never cancel */
    struct list finished;
    struct err err = strand->turn.err;
    int rc = strand->turn.rc;

    list_init(&finished);
    turn_finish(&strand->turn, &finished);
    strand->running = false;
    if (rc < 0)
        strand_break(strand, &err);
    if (!strand->broken && !list_empty(&strand->waiting))
        turn_start(strand);
    for (struct list *link; (link = list_pop(&finished));) {
        struct task *task = list_item(link, struct task, link);
        task->posted = false;
        task->done(task);
    }
    if (strand->closing && !strand->running) {
        if (strand->closed)
            strand->closed(strand->closed_ctx);
        free(strand);
    }
}

/* Also with nothing to do when closing: `closed` is never called inside strand_close(). */
static void turn_start(struct strand *strand)
{
    if (strand->running || (strand->broken && !strand->closing))
        return;
    strand->running = true;
    if (!strand->broken)
        strand->waiting_count -= turn_fill(&strand->turn, &strand->waiting);
    int rc = uv_queue_work(strand->loop, &strand->request, turn_work, on_turn);
    assert(rc == 0);
}
