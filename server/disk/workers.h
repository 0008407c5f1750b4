/* workers.h - the workers that ever registered, so that they are known after a restart: their
 * images, and the session under which their leases go on. */
#pragma once
#include "sos/base/id.h"
#include "sos/serve/db.h"
#include "sos/v1.h"

/* Record a registration; of the message name, slots, images, version, sandbox and times are kept.
 * In one task with what it does to the leases of an earlier session. */
int workers_put(struct db *db, const struct sos_worker *worker, const char *session,
                struct err *err);
/* Keep what changed of a worker; nothing when another session has begun meanwhile. */
int workers_update(struct db *db, const struct sos_worker *worker, const char *session,
                   struct err *err);
/* Each, by name.  `each` may take the message's content; non-zero stops and is returned. */
typedef int (*worker_fn)(void *ctx, struct sos_worker *worker, const char *session);
int workers_load(struct db *db, worker_fn each, void *ctx, struct err *err);
