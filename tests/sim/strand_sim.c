/* strand_sim.c - strands without threads, for simulations. */
#include "tests/sim/strand_sim.h"

#include <assert.h>

#include "common/serve/strand_turn.h"
#include "sos/base/auto.h"

struct strand {
    struct list link;
    struct turn turn;
    struct list waiting;
    size_t waiting_count;
    bool stepping;
    bool broken;
    strand_broken_fn on_broken;
    void *ctx;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct list strands = { &strands, &strands };

struct strand *strand_new(uv_loop_t *loop, const struct strand_batch *batch,
                          strand_broken_fn on_broken, void *ctx)
{
    struct strand *strand = xcalloc(1, sizeof *strand);

    (void)loop;
    strand->on_broken = on_broken;
    strand->ctx = ctx;
    list_init(&strand->waiting);
    turn_init(&strand->turn, batch);
    list_append(&strands, &strand->link);
    return strand;
}

void strand_post(struct strand *strand, struct task *task, task_fn work, task_fn done)
{
    *task = (struct task){ .work = work, .done = done };
    list_append(&strand->waiting, &task->link);
    strand->waiting_count++;
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
}

static void strand_turn(struct strand *strand)
{
    struct list finished;

    list_init(&finished);
    strand->stepping = true;
    strand->waiting_count -= turn_fill(&strand->turn, &strand->waiting);
    turn_run(&strand->turn);
    if (strand->turn.rc < 0) {
        strand->broken = true;
        if (strand->on_broken)
            strand->on_broken(strand->ctx, &strand->turn.err);
    }
    turn_finish(&strand->turn, &finished);
    for (struct list *link; (link = list_pop(&finished));) {
        struct task *task = list_item(link, struct task, link);
        task->done(task);
    }
    strand->stepping = false;
}

bool strand_sim_step(struct strand *strand)
{
    assert(!strand->stepping);
    if (!strand->broken && !list_empty(&strand->waiting)) {
        strand_turn(strand);
        return true;
    }
    if (strand->closing) {
        list_remove(&strand->link);
        if (strand->closed)
            strand->closed(strand->closed_ctx);
        free(strand);
    }
    return false;
}

static bool strand_is_due(const struct strand *strand)
{
    return strand->closing || (!strand->broken && !list_empty(&strand->waiting));
}

bool strand_sim_step_any(void)
{
    list_each (link, &strands) {
        struct strand *strand = list_item(link, struct strand, link);
        if (strand_is_due(strand)) {
            strand_sim_step(strand);
            return true;
        }
    }
    return false;
}
