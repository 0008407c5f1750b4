/* strand.h - an ordered queue of blocking tasks beside the loop.
 *
 *   strand_post() --> waiting --> [pool thread: work, work, work | commit] --> done, done, done
 *                    (loop)          one turn; never two at once                (loop)
 *
 * A strand moves between threads of libuv's pool but never runs twice at once,
 * so that what it guards (a database connection, a folder) needs no lock.  A
 * strand with a batch runs up to `max` waiting tasks inside one begin..commit,
 * each inside its own savepoint: a thousand submissions cost a few commits, and
 * a task that fails spoils nobody's.  `done` is called on the loop thread after
 * the commit: nothing is told to anyone before it is on disk. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "sos/base/err.h"
#include "sos/base/list.h"

struct strand;
struct task;
typedef void (*task_fn)(struct task *task);

/* Embedded in its owner (container_of), zeroed before its first use; the owner keeps it alive and
 * unmoved from strand_post() until `done` is called, and does not post it again before (asserted).
 * Nothing to allocate, leak or cancel. */
struct task {
    task_fn work; /* pool thread; sets rc and err */
    task_fn done; /* loop thread; never called inside strand_post() */
    int rc;
    struct err err;
    bool posted; /* and not done */
    struct list link;
};

/* What a batch is made of; all called on the pool thread. */
struct strand_batch {
    size_t max; /* tasks in one batch, e.g. 256 */
    int (*begin)(void *ctx, struct err *err);
    int (*commit)(void *ctx, struct err *err);
    int (*save)(void *ctx, struct err *err); /* before each task */
    int (*release)(void *ctx, int rc,
                   struct err *err); /* after it; rolls back to the save when rc < 0 */
    void *ctx;
};

/* `batch` may be NULL, else it is copied.  `on_broken` is called on the loop thread when begin or
 * commit fails (the tasks of that batch never learn of an outcome): the program must stop, exit
 * non-zero and be started again; a failed fsync is never retried.  Only -ERR_FULL is not that: the
 * batch was rolled back as a whole, each of its tasks is done with rc -ERR_FULL, and the strand
 * goes on.  Without a batch a turn is one task, done as soon as it worked. */
typedef void (*strand_broken_fn)(void *ctx, const struct err *err);
struct strand *strand_new(uv_loop_t *loop, const struct strand_batch *batch,
                          strand_broken_fn on_broken, void *ctx);
void strand_post(struct strand *strand, struct task *task, task_fn work, task_fn done);
size_t strand_waiting(const struct strand *strand);
/* Asynchronous: runs what waits (and what its `done` calls post), then calls `closed` (may be NULL)
 * and is gone. */
void strand_close(struct strand *strand, void (*closed)(void *ctx), void *ctx);
