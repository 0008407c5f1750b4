/* gateway.h - the sos-gateway of one step: the only thing that its sandbox reaches.
 *
 *   gateway_start() -> sos-gateway, our child with a user of its own -> "ready"
 *   the sandbox runs; its socket is a mount inside
 *   gateway_end()   -> was it there to the end?  what passed is in its record
 *
 * It dies with whatever else the slot's step leaves (isolate_kill_rest()). */
#pragma once
#include <sys/types.h>

#include "sos/v1.h"
#include "worker/room.h"
#include "worker/settings.h"

#define GATEWAY_SOCKET ROOM "/gateway/socket"
#define GATEWAY_PORT   "8624" /* of the sandbox's loopback */
#define GATEWAY_RECORD ROOM "/gateway/record"

/* For a build with these limits.  Gives the process. */
int gateway_start(const struct settings *settings, int slot, const struct sos_limits *limits,
                  pid_t *ret_pid, struct err *err);
/* Before it is killed.  -ERR_IO when it has ended by itself: what the build met was our fault. */
int gateway_end(pid_t pid, struct err *err);
/* What tells the clients of a build where its gateway is: "NAME=value", at most `max`, added at
 * env[n]; gives the new n.  The texts are given (free()). */
size_t gateway_env(const struct settings *settings, char **env, size_t n, size_t max);
