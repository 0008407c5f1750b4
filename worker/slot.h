/* slot.h - one slot: a process that leases one build at a time and runs it.
 *
 *   WAITING --lease--> RUNNING --done--> WAITING      (until SIGTERM, or the session is over) */
#pragma once
#include "worker/cgroup.h"
#include "worker/settings.h"

struct slot {
    const struct settings *settings; /* borrowed */
    const struct cgroups *cgroups;   /* borrowed */
    int number;
};

enum { SLOT_STOPPED = 0, SLOT_BROKEN = 1, SLOT_SESSION_OVER = 75 };

/* The slot's process, from isolate_start(); ctx is a struct slot.  Gives one of the above. */
int slot_main(void *ctx, const volatile int *stop);
