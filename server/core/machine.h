/* machine.h - the life of a build: one total table of states and events.
 *
 *            retry (infrastructure only, at most 3 attempts)
 *    +------------------+--------------+-------------+
 *    v                  |              |             |
 *  QUEUED --lease--> ASSIGNED --> PREPARING --> RUNNING --finish_ok--> STORING --> SUCCEEDED
 *    |   |              |   prepare    |    run      |                    |
 *    |   |              +--------------+-------------+                    +--> FAILED (conflict)
 *    |   |              |              |                                  +--> ERRORED
 *    |   |              |              +--> FAILED, TIMED_OUT, ERRORED
 *    |   +--expire-->   |
 *    |      EXPIRED     +--cancel--> CANCELING --any end--> CANCELED
 *    +--cancel--------------------------------------------> CANCELED
 *
 * build_apply() alone writes msg.state.  It is pure: time is handed in. */
#pragma once
#include <stdbool.h>

#include "server/core/build.h"
#include "sos/base/err.h"

enum { BUILD_ATTEMPTS_MAX = 3, BUILD_STATES = SOS_BUILD_STATE_EXPIRED + 1 };

enum build_event {
    BUILD_LEASE,   /* a slot took it */
    BUILD_PREPARE, /* the worker's first word */
    BUILD_RUN,     /* its steps begin */
    BUILD_FINISH_OK,
    BUILD_FINISH_FAIL, /* the user's code */
    BUILD_FINISH_TIMEOUT,
    BUILD_FINISH_RETRY, /* the farm's fault, attempts are left */
    BUILD_FINISH_ERROR, /* the farm's fault, none is left */
    BUILD_LOST_RETRY,   /* the lease ended without a word, attempts are left */
    BUILD_LOST,         /* the same, none is left */
    BUILD_CANCEL,       /* somebody asked for it */
    BUILD_CANCELED,     /* the worker stopped as it was told */
    BUILD_PUBLISHED,
    BUILD_PUBLISH_CONFLICT, /* the store holds other bytes under this name and version */
    BUILD_PUBLISH_ERROR,    /* it can never be published (its bytes are gone) */
    BUILD_EXPIRE,           /* it waited longer than the farm allows */
    BUILD_EVENTS,
};

/* What happened, with all the event needs. */
struct build_move {
    enum build_event event;
    int64_t now_wall_ms;
    const struct sos_result *result; /* told by somebody; NULL: what the event itself says */
    const char *worker;              /* of BUILD_LEASE */
    const char *session;             /* of BUILD_LEASE */
    const char *reason;              /* of BUILD_CANCEL, may be NULL */
};

/* Apply one event: the new state, revision + 1, times, attempt, fence; steps and log start anew
 * with a lease, whose deadline lease_extend() sets; the result is there when the state is final,
 * and while CANCELING (what it will be).  -ERR_CONFLICT (reason BUILD_STATE) when the state forbids
 * it: nothing is changed then. */
int build_apply(struct build *build, const struct build_move *move, struct err *err);

/* The event that the worker's result is, by its outcome, its reason and the attempts left.
 * CANCELLATION that nobody asked for is a worker that gave the build back. */
enum build_event build_finish_event(const struct build *build, const struct sos_result *result);
/* The event that the end of a lease is. */
enum build_event build_lost_event(const struct build *build);
/* True and the event when `state` (PREPARING or RUNNING, told by the worker) is news; false when
 * the build is there already or past it, or is being canceled. */
bool build_progress_event(const struct build *build, enum sos_build_state state,
                          enum build_event *ret);

bool build_is_final(enum sos_build_state state);
/* A worker has it: ASSIGNED … RUNNING, CANCELING. */
bool build_is_leased(enum sos_build_state state);
const char *build_state_name(enum sos_build_state state); /* "QUEUED" */
const char *build_event_name(enum build_event event);     /* "lease", for history and log */
