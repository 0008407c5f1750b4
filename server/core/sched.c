#include "server/core/sched.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

void sched_init(struct sched *sched)
{
    list_init(&sched->pools);
    sched->queued = 0;
}

void sched_done(struct sched *sched)
{
    assert(list_empty(&sched->pools) && sched->queued == 0);
    (void)sched;
}

static struct sched_pool *pool_find(const struct sched *sched, const char *image)
{
    list_each (link, &sched->pools) {
        struct sched_pool *pool = list_item(link, struct sched_pool, link);
        if (strcmp(pool->image, image) == 0)
            return pool;
    }
    return NULL;
}

static struct sched_pool *pool_make(struct sched *sched, const char *image)
{
    struct sched_pool *pool = xcalloc(1, sizeof *pool);
    pool->image = xstrdup(image);
    rank_init(&pool->waiting);
    list_append(&sched->pools, &pool->link);
    return pool;
}

/* The highest priority comes first; no word is NORMAL. */
static int64_t priority_rank(const struct build *build)
{
    enum sos_priority priority = build->msg.priority;
    return -(int64_t)(priority ? priority : SOS_PRIORITY_NORMAL);
}

static struct rank_key build_key(const struct build *build)
{
    return (struct rank_key){ .high = priority_rank(build), .low = build->seq };
}

static struct build *build_of(struct rank_node *node)
{
    return node ? container_of(node, struct build, waiting) : NULL;
}

void sched_add(struct sched *sched, struct build *build)
{
    assert(build->msg.state == SOS_BUILD_STATE_QUEUED && !build->pool);
    if (build->msg.hold && *build->msg.hold)
        return;
    struct sched_pool *pool = pool_find(sched, build_image(build));
    if (!pool)
        pool = pool_make(sched, build_image(build));
    rank_add(&pool->waiting, &build->waiting, build_key(build));
    build->pool = pool;
    sched->queued++;
}

void sched_remove(struct sched *sched, struct build *build)
{
    struct sched_pool *pool = build->pool;
    if (!pool)
        return;
    rank_remove(&pool->waiting, &build->waiting);
    build->pool = NULL;
    sched->queued--;
    if (rank_size(&pool->waiting) > 0)
        return;
    list_remove(&pool->link);
    free(pool->image);
    free(pool);
}

static bool goes_before(const struct build *a, const struct build *b)
{
    if (priority_rank(a) != priority_rank(b))
        return priority_rank(a) < priority_rank(b);
    return a->seq < b->seq;
}

struct build *sched_pick(const struct sched *sched, const char *const *images, size_t count)
{
    struct build *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sched_pool *pool = pool_find(sched, images[i]);
        struct build *first = pool ? sched_pool_at(pool, 0) : NULL;
        if (first && (!best || goes_before(first, best)))
            best = first;
    }
    return best;
}

struct sched_place sched_place(const struct build *build)
{
    struct sched_place place = { 0, 0 };
    if (!build->pool)
        return place;
    struct rank_key first_equal = { .high = priority_rank(build), .low = INT64_MIN };
    place.position = (int32_t)rank_before(&build->pool->waiting, build_key(build)) + 1;
    place.higher_ahead = (int32_t)rank_before(&build->pool->waiting, first_equal);
    return place;
}

const struct sched_pool *sched_pool(const struct sched *sched, const char *image)
{
    return pool_find(sched, image);
}

size_t sched_pool_size(const struct sched_pool *pool)
{
    return rank_size(&pool->waiting);
}

struct build *sched_pool_at(const struct sched_pool *pool, size_t index)
{
    return build_of(rank_at(&pool->waiting, index));
}

size_t sched_pool_classes(const struct sched_pool *pool, struct sched_class ret[SCHED_CLASSES_MAX])
{
    size_t classes = 0;
    const struct build *first;
    for (size_t at = 0, next; (first = sched_pool_at(pool, at)); at = next) {
        struct rank_key after = { .high = priority_rank(first) + 1, .low = INT64_MIN };
        next = rank_before(&pool->waiting, after);
        assert(classes < SCHED_CLASSES_MAX);
        ret[classes++] = (struct sched_class){ .first = first, .count = next - at };
    }
    return classes;
}
