#include "server/core/why.h"

#include <assert.h>

#include "sos/base/auto.h"

enum { REASONS_MAX = 4 };

static void reason_add(struct sos_queue_place *place, const char *code, char *detail,
                       const char *hint, const char *fixable_by)
{
    assert(place->reasons_count < REASONS_MAX);
    place->reasons[place->reasons_count++] = (struct sos_wait_reason){
        .code = xstrdup(code),
        .detail = detail,
        .hint = xstrdup(hint),
        .fixable_by = xstrdup(fixable_by),
    };
}

/* Exactly one of three things is wrong with a pool, or nothing. */
static void pool_reason(struct sos_queue_place *place, const struct why_pool *pool)
{
    const char *name = place->pool;
    if (pool->workers == 0)
        reason_add(place, "NO_WORKER_FOR_IMAGE", xasprintf("no worker has the image %s", name),
                   "start a worker that has this image, or choose another one", "ADMIN");
    else if (pool->workers_online == 0)
        reason_add(place, "ALL_WORKERS_OFFLINE",
                   xasprintf("%d of %d workers with the image %s are offline", pool->workers,
                             pool->workers, name),
                   "start the workers again", "ADMIN");
    else if (pool->slots_busy >= pool->slots)
        reason_add(place, "WORKERS_BUSY",
                   xasprintf("%d/%d slots with the image %s are busy", pool->slots_busy,
                             pool->slots, name),
                   NULL, "NOBODY");
}

void why_fill(const struct build *build, const struct why_pool *pool, struct sos_queue_place *ret)
{
    assert(build->msg.state == SOS_BUILD_STATE_QUEUED);
    const struct sos_image_ref *image = build->msg.image;
    struct sched_place place = sched_place(build);

    *ret = (struct sos_queue_place){
        .pool = xstrdup(image && image->name ? image->name : ""),
        .position = place.position,
        .reasons = xcalloc(REASONS_MAX, sizeof *ret->reasons),
    };
    if (build->msg.hold && *build->msg.hold)
        reason_add(ret, "HELD", xasprintf("it is held: %s", build->msg.hold), "release it",
                   "ADMIN");
    pool_reason(ret, pool);
    if (place.higher_ahead > 0)
        reason_add(ret, "HIGHER_PRIORITY_AHEAD",
                   xasprintf("%d of higher priority before it", place.higher_ahead), NULL,
                   "NOBODY");
}
