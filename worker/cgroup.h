/* cgroup.h - the control groups of the sandboxes, on v1, hybrid and v2 hosts.
 *
 * The OCI runtime makes a group NAME at the root of each hierarchy and puts the
 * sandbox into it; here they are read, emptied and removed.  Names begin with
 * "sos-": nothing else is ever touched.
 *
 * Sources: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

enum { CGROUP_ROOTS_MAX = 24, CGROUP_PATH_MAX = 256, CGROUP_NAME_MAX = 80 };

/* One mounted hierarchy. */
struct cgroup_root {
    char path[CGROUP_PATH_MAX];
    bool unified; /* cgroup2 */
};

struct cgroups {
    struct cgroup_root roots[CGROUP_ROOTS_MAX];
    size_t count;
    const char *kind; /* "v1", "hybrid" or "v2", in static storage */
    bool limits_swap; /* the kernel accounts memory and swap together */
};

/* "<prefix><worker>-<slot>". */
void cgroup_slot_name(const char *prefix, const char *worker, int slot, char ret[CGROUP_NAME_MAX]);

/* Find the hierarchies in a table like /proc/self/mountinfo.  -ERR_NOT_FOUND: none. */
int cgroups_find(const char *mountinfo, struct cgroups *ret, struct err *err);

struct cgroup_usage {
    int64_t oom_kills;    /* processes killed for memory */
    int64_t pids_refused; /* forks that failed for pids.max */
};

/* What is not told counts as zero. */
void cgroup_usage(const struct cgroups *cgroups, const char *name, struct cgroup_usage *ret);

/* Kill whatever is in the group, wait until it is empty, remove it.  A group that is not there is
 * fine.  -ERR_IO when something would not die within ten seconds. */
int cgroup_remove(const struct cgroups *cgroups, const char *name, struct err *err);
/* The same for every group whose name begins with `prefix`. */
int cgroups_remove_all(const struct cgroups *cgroups, const char *prefix, struct err *err);
