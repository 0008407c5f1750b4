#include "worker/slot.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "worker/agent.h"
#include "worker/image.h"
#include "worker/job.h"
#include "worker/room.h"

enum { RETRY_FIRST_US = 200000, RETRY_MAX_US = 5000000 };

/* While a lease is waited for: when images were made, they are told in a new call at once. */
struct watch {
    const char *images;
    uint64_t stamp;
    const volatile int *stop;
};

static int is_over(void *ctx)
{
    const struct watch *watch = ctx;
    return *watch->stop || images_stamp(watch->images) != watch->stamp;
}

/* Lease and run until something ends the loop. */
static int slot_loop(const struct slot *slot, const struct sandbox *sandbox, struct client *client,
                     const volatile int *stop)
{
    auto_free char *dir = xasprintf("%s/slots/%d", slot->settings->state, slot->number);
    useconds_t pause_us = RETRY_FIRST_US;
    while (!*stop) {
        struct sos_lease lease = { 0 };
        struct err err = { 0 };
        struct watch watch = { .images = slot->settings->images, .stop = stop };
        watch.stamp = images_stamp(watch.images);
        int rc = agent_lease(client, slot->settings, slot->number, is_over, &watch, &lease, &err);
        if (rc == -ERR_CONFLICT)
            return SLOT_SESSION_OVER;
        if (rc == 1) {
            bool sound = job_run(slot->settings, sandbox, client, dir, stop, &lease);
            sos_lease_done(&lease);
            if (!sound)
                return SLOT_BROKEN;
        }
        /* Whatever was orphaned to us on the way. */
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (rc >= 0) {
            pause_us = RETRY_FIRST_US;
            continue;
        }
        if (*stop)
            break;
        if (pause_us == RETRY_FIRST_US)
            log_warn("slot", "no lease, trying again", "slot=%d error=\"%s\"", slot->number,
                     err.text);
        usleep(pause_us);
        pause_us = pause_us * 2 < RETRY_MAX_US ? pause_us * 2 : RETRY_MAX_US;
    }
    return SLOT_STOPPED;
}

int slot_main(void *ctx, const volatile int *stop)
{
    const struct slot *slot = ctx;
    struct err err = { 0 };
    if (room_make(slot->settings, &err) < 0) {
        log_error("slot", "no room", "slot=%d error=\"%s\"", slot->number, err.text);
        return SLOT_BROKEN;
    }
    struct sandbox sandbox;
    sandbox_init(&sandbox, slot->settings, slot->cgroups, slot->number);
    struct client *client = client_new(slot->settings->token, NULL);
    int rc = slot_loop(slot, &sandbox, client, stop);
    client_free(client);
    return rc;
}
