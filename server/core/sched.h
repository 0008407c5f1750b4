/* sched.h - which waiting build a free slot gets.
 *
 *   pool: sha256:1f… (go-1.25)      [high #7] [normal #3] [normal #5] [low #1]
 *   pool: sha256:8c… (python-3.13)  [normal #4]
 *   held: [normal #2]
 *
 * A pool is the queue of one build image; a slot that has several images draws from several
 * pools.  Order within all of them: priority, then order of submission.  A requeued build keeps
 * its place.  Held builds are in no pool.  sched_pick() is the one place that decides: shares
 * between users will be weighed there.
 *
 * Every call is O(log n) in the waiting builds and linear in the pools (a handful). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "server/core/build.h"

struct sched {
    struct list pools; /* of struct sched_pool; only those in which something waits */
    size_t queued;     /* in all pools, without those held */
};

struct sched_pool {
    struct list link;
    struct rank waiting; /* of struct build, by priority and seq */
    char *image;         /* digest of the build image, owned */
};

void sched_init(struct sched *sched);
/* Everything must have been removed. */
void sched_done(struct sched *sched);

/* Let a QUEUED build wait in the pool of its image, or in none while it is held.  The queue borrows
 * it until sched_remove().  Nothing that orders it (priority, hold, image) may change between. */
void sched_add(struct sched *sched, struct build *build);
/* Harmless on a build that waits in no pool. */
void sched_remove(struct sched *sched, struct build *build);

/* The build that a slot with these images (build digests) gets next; it stays in its queue until
 * sched_remove().  NULL: none waits for it. */
struct build *sched_pick(const struct sched *sched, const char *const *images, size_t count);

/* Where a build stands in its pool; both 0 when it waits in none. */
struct sched_place {
    int32_t position;     /* 1 is next */
    int32_t higher_ahead; /* those before it that have a higher priority */
};
struct sched_place sched_place(const struct build *build);

/* The pool of an image, NULL when nothing waits for it; its length; its `index`-th build (NULL past
 * the end): what lists walk. */
const struct sched_pool *sched_pool(const struct sched *sched, const char *image);
size_t sched_pool_size(const struct sched_pool *pool);
struct build *sched_pool_at(const struct sched_pool *pool, size_t index);

/* The priorities that wait in a pool, highest first, each with its first build and their number. */
enum { SCHED_CLASSES_MAX = 8 };
struct sched_class {
    const struct build *first;
    size_t count;
};
size_t sched_pool_classes(const struct sched_pool *pool, struct sched_class ret[SCHED_CLASSES_MAX]);
