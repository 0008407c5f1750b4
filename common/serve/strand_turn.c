/* strand_turn.c - one turn of a strand. */
#include "common/serve/strand_turn.h"

#include <assert.h>

void turn_init(struct turn *turn, const struct strand_batch *batch)
{
    *turn = (struct turn){ .batched = batch != NULL };
    if (batch)
        turn->batch = *batch;
    assert(!batch || batch->max > 0);
    list_init(&turn->tasks);
}

size_t turn_fill(struct turn *turn, struct list *waiting)
{
    size_t max = turn->batched ? turn->batch.max : 1;
    size_t count = 0;

    assert(list_empty(&turn->tasks));
    for (struct list *link; count < max && (link = list_pop(waiting)); count++)
        list_append(&turn->tasks, link);
    return count;
}

static int task_run(const struct strand_batch *batch, struct task *task, struct err *err)
{
    int rc = batch->save(batch->ctx, err);
    if (rc < 0)
        return rc;
    task->work(task);
    return batch->release(batch->ctx, task->rc, err);
}

static int batch_run(struct turn *turn)
{
    const struct strand_batch *batch = &turn->batch;

    int rc = batch->begin(batch->ctx, &turn->err);
    list_each (link, &turn->tasks) {
        if (rc < 0)
            return rc;
        rc = task_run(batch, list_item(link, struct task, link), &turn->err);
    }
    return rc < 0 ? rc : batch->commit(batch->ctx, &turn->err);
}

/* A full disk takes the batch back as a whole, and each of its tasks is told. */
static void batch_refuse(struct turn *turn)
{
    list_each (link, &turn->tasks) {
        struct task *task = list_item(link, struct task, link);
        task->rc = turn->rc;
        task->err = turn->err;
    }
    turn->rc = 0;
}

void turn_run(struct turn *turn)
{
    turn->rc = 0;
    if (list_empty(&turn->tasks))
        return;
    if (!turn->batched) {
        struct task *task = list_item(turn->tasks.next, struct task, link);
        task->work(task);
        return;
    }
    turn->rc = batch_run(turn);
    if (turn->rc == -ERR_FULL)
        batch_refuse(turn);
}

void turn_finish(struct turn *turn, struct list *finished)
{
    for (struct list *link; (link = list_pop(&turn->tasks));)
        if (turn->rc == 0)
            list_append(finished, link);
    turn->rc = 0;
}
