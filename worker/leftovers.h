/* leftovers.h - what an earlier life of this worker, or of one slot, left behind.
 *
 * Everything that a build makes carries this worker's prefix or lies in its
 * state: control groups, loop devices, folders.  Processes and mounts die with
 * their slot by themselves (isolate.h). */
#pragma once
#include "sos/base/err.h"
#include "worker/cgroup.h"
#include "worker/settings.h"

/* Before anything starts. */
int leftovers_remove(const struct settings *settings, const struct cgroups *cgroups,
                     struct err *err);
/* After the process of one slot has ended. */
int leftovers_remove_slot(const struct settings *settings, const struct cgroups *cgroups, int slot,
                          struct err *err);
