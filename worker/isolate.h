/* isolate.h - a child process that is process 1 of its own PID namespace and has
 * its own mount namespace.
 *
 *   main -- keeper -- child (PID 1 inside) -- sandboxes, helpers
 *
 * Each dies with the one before it (PR_SET_PDEATHSIG), and with the child the
 * kernel ends everything below it: processes, then mounts, then loop devices.
 * The keeper is needed because only a later child enters a PID namespace that
 * its parent made; it passes SIGTERM on and ends as the child ends. */
#pragma once
#include <sys/types.h>

#include "sos/base/err.h"

/* In the child; what it gives is the exit status.  *stop becomes 1 when SIGTERM or SIGINT came,
 * from its first moment on; it is to end then. */
typedef int (*isolate_fn)(void *ctx, const volatile int *stop);

/* Exit statuses of the keeper besides the child's own. */
enum { ISOLATE_FAILED = 120, ISOLATE_KILLED = 121 };

/* Start it; *ret_pid is the keeper, to wait for. */
int isolate_start(isolate_fn fn, void *ctx, pid_t *ret_pid, struct err *err);
/* In the child: kill every other process of the namespace and wait for them.  Nothing that must
 * live may run beside it. */
void isolate_kill_rest(void);
