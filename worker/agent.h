/* agent.h - the two calls of a worker that belong to no attempt. */
#pragma once
#include "sos/base/client.h"
#include "sos/base/err.h"
#include "sos/v1.h"
#include "worker/cgroup.h"
#include "worker/settings.h"

/* Tell the server who we are and what we have; fills settings->session.  -ERR_DENIED: the token is
 * refused; -ERR_IO: try again. */
int agent_register(struct client *client, struct settings *settings, const struct cgroups *cgroups,
                   struct err *err);

/* Ask for a build, telling what images there are, and wait for one, at most half a minute.  1: *ret
 * is owned by the caller (sos_lease_done()); 0: there is none.  -ERR_CONFLICT: the session is over,
 * register again; -ERR_IO: try again.  `cancelled` (with ctx) may end the wait: 0 then. */
int agent_lease(struct client *client, const struct settings *settings, int slot,
                int (*cancelled)(void *ctx), void *ctx, struct sos_lease *ret, struct err *err);
