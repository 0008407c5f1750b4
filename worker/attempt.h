/* attempt.h - one attempt of one build, as the server sees it: its lease, its
 * log, how far it is.
 *
 * The lease is renewed and the log sent by attempt_tick(), which the pump calls
 * between reads; nothing here waits for long.  When the server is away the log
 * piles up to ATTEMPT_LOG_MAX, then the pump stops reading and the build waits. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/buf.h"
#include "sos/base/client.h"
#include "sos/v1.h"
#include "worker/collect.h"
#include "worker/downloads.h"
#include "worker/settings.h"
#include "worker/verdict.h"

enum {
    ATTEMPT_LOG_MAX = 1024 * 1024, /* not yet sent */
    ATTEMPT_FLUSH_MS = 100,
    ATTEMPT_RENEW_MS = 2000, /* so that a cancel is quick */
    ATTEMPT_STEPS_MAX = 8,
};

/* What the worker has to do about the build. */
enum attempt_word {
    ATTEMPT_GO,
    ATTEMPT_CANCEL, /* stop, and say so */
    ATTEMPT_LOST,   /* stop; the lease is another's or was not renewed in time */
    ATTEMPT_STOP,   /* the worker itself is told to end */
};

struct attempt {
    const struct settings *settings; /* borrowed */
    struct client *client;           /* borrowed */
    const struct sos_lease *lease;   /* borrowed */
    enum attempt_word word;
    enum sos_build_state state;
    struct sos_step steps[ATTEMPT_STEPS_MAX];
    size_t steps_count;
    struct buf log;       /* not yet acknowledged */
    int64_t log_sent;     /* acknowledged bytes */
    size_t told;          /* acknowledged dependencies */
    int64_t output_bytes; /* what the build wrote, without our own lines */
    bool log_truncated;
    char last_byte;
    int64_t lease_until_ms; /* monotonic: stop by yourself then */
    int64_t ttl_ms;
    int64_t renew_at_ms;
    int64_t flush_at_ms;
};

/* `ids` (borrowed) are the steps to be told, all pending. */
void attempt_init(struct attempt *attempt, const struct settings *settings, struct client *client,
                  const struct sos_lease *lease, const char *const *ids, size_t ids_count);
void attempt_done(struct attempt *attempt);

void attempt_step_begin(struct attempt *attempt, size_t step);
void attempt_step_end(struct attempt *attempt, size_t step, bool ok, int exit_code);

/* A line of the worker's own: "[sos] …". */
void attempt_say(struct attempt *attempt, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The build's output, as it is. */
void attempt_output(struct attempt *attempt, const void *data, size_t len);
/* There is no room for more output now. */
bool attempt_log_is_full(const struct attempt *attempt);

/* Renew and send whatever is due; gives what to do.  `stop` is the worker's own wish to end. */
enum attempt_word attempt_tick(struct attempt *attempt, bool stop);
/* What the last word is made of; all borrowed. */
struct attempt_end {
    const struct verdict *verdict;
    const char *step; /* that it ended in; NULL: none failed */
    const struct collected *collected;
    const struct downloads *downloads;
};
/* The last word, retried while the lease lasts: the whole log, the dependencies, then the result.
 * 0 when the server took it. */
int attempt_finish(struct attempt *attempt, const struct attempt_end *end, struct err *err);
