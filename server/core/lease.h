/* lease.h - who may speak for a build, and until when.
 *
 *   lease --renew--> --renew--> … --> finish
 *     |                 |
 *     +--- ttl over ----+---> lost: retried, or ERRORED after the last attempt
 *
 * Time is the monotonic clock's, handed in.  The fence grows with each lease, so that a worker
 * which was taken for dead and comes back is told STALE_LEASE instead of being believed.  The
 * deadline is not on disk: after a restart each lease gets one full ttl of grace. */
#pragma once
#include <stdbool.h>

#include "server/core/build.h"
#include "sos/base/err.h"

struct lease_rules {
    int64_t ttl_ms;   /* 60 s */
    int64_t renew_ms; /* 15 s; how often the worker renews */
};

enum { ATTEMPT_ID_MAX = ID_MAX + 8 };

/* Start, renew, or (after a restart) start again: one full ttl from now. */
void lease_extend(struct build *build, const struct lease_rules *rules, int64_t now_mono_ms);
/* True when the time of a leased build is over.  A build without a lease never is. */
bool lease_is_over(const struct build *build, int64_t now_mono_ms);
/* Does a registration as `session` of the worker `name` end this build's lease?  Yes when an
 * earlier session of that worker holds it. */
bool lease_is_orphaned(const struct build *build, const char *worker, const char *session);

/* May a worker that says `attempt` and `fence` speak?  0, or -ERR_CONFLICT with the reason
 * STALE_LEASE. */
int lease_check(const struct build *build, int32_t attempt, int64_t fence, struct err *err);

/* "<build id>.<attempt>", and back: -ERR_INVALID when it is no such id. */
void attempt_id_format(const struct build *build, char ret_id[ATTEMPT_ID_MAX]);
int attempt_id_parse(const char *id, char ret_build[ID_MAX], int32_t *ret_attempt, struct err *err);
