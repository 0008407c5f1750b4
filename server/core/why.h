/* why.h - "why is my build waiting?": every reason that applies, most blocking first.
 *
 *   HELD                    somebody held it
 *   NO_WORKER_FOR_IMAGE     no worker ever registered that has its image
 *   ALL_WORKERS_OFFLINE     those that have it are away
 *   WORKERS_BUSY            n of m slots work
 *   HIGHER_PRIORITY_AHEAD   n builds of higher priority wait for the same slots
 */
#pragma once
#include "server/core/sched.h"
#include "sos/v1.h"

/* What the farm knows about the slots that have the build's image. */
struct why_pool {
    int32_t workers; /* that ever registered with it */
    int32_t workers_online;
    int32_t slots;      /* of those online */
    int32_t slots_busy; /* … with whatever build */
};

/* Fill *ret with pool name, place and reasons; the caller owns it (sos_queue_place_done()).  The
 * build must be QUEUED. */
void why_fill(const struct build *build, const struct why_pool *pool, struct sos_queue_place *ret);
