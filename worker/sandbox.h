/* sandbox.h - one step of a build in an OCI runtime's sandbox.
 *
 *   sandbox_start() -> runc|crun run --detach -> the step's first process, our child
 *   the caller waits for it, or kills it: the PID namespace dies with it
 *   sandbox_end()   -> its control group is empty and gone
 *
 * The caller is a slot: process 1 of its own PID namespace, with a mount
 * namespace of its own.  So the detached sandbox becomes its child (no runtime
 * process stays beside a build), and whatever kills the slot kills the sandbox,
 * its mounts and its loop devices with it, by the kernel. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "sos/v1.h"
#include "worker/cgroup.h"
#include "worker/settings.h"

enum {
    SANDBOX_UID_BASE = 0x100000,
    SANDBOX_UIDS = 0x10000, /* to a slot */
    SANDBOX_USER = 1000,    /* inside */
};

#define SANDBOX_GATEWAY "/run/sos/gateway.sock"

/* One slot's. */
struct sandbox {
    const struct settings *settings;
    struct cgroups cgroups;
    int slot;
    char cgroup[CGROUP_NAME_MAX];
};

/* What one run is made of; all borrowed.  Paths are the slot's own, and every folder above them
 * can be passed by anyone (the sandbox resolves them with its own, unprivileged, identity). */
struct sandbox_run {
    const char *rootfs;
    const char *work;     /* holds src, out and tmp, to write */
    const char *cache;    /* to write; NULL: the folder stays empty and read-only */
    const char *artifact; /* to read, as /artifact; NULL: as cache */
    bool network;         /* the host's */
    const char *gateway;  /* a unix socket, there as SANDBOX_GATEWAY; NULL: none */
    const char *const *args;
    const char *const *env;
    const struct sos_limits *limits;
};

void sandbox_init(struct sandbox *sandbox, const struct settings *settings,
                  const struct cgroups *cgroups, int slot);
/* The build's user as the host sees it. */
uid_t sandbox_uid(int slot);

/* Start it with `out_fd` as its output.  Gives the process to wait for.  -ERR_IO: the runtime could
 * not. */
int sandbox_start(const struct sandbox *sandbox, const struct sandbox_run *run, int out_fd,
                  pid_t *ret_pid, struct err *err);
/* After the process was waited for: nothing of the sandbox is left when this returns 0. */
int sandbox_end(const struct sandbox *sandbox, struct err *err);

/* The runtime configuration as JSON (gives; free()): config.json of the OCI runtime
 * specification 1.0.2. */
char *sandbox_spec(const struct sandbox *sandbox, const struct sandbox_run *run);

/* Choose the runtime that works on this host, by running a tiny sandbox with each candidate:
 * `wanted` is "auto", "runc" or "crun".  Needs a room.  Fills the name and the version. */
int sandbox_probe(const char *wanted, struct settings *settings, const struct cgroups *cgroups,
                  struct err *err);
