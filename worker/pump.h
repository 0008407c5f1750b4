/* pump.h - everything that happens while a step runs: its output goes to the
 * log, the lease is renewed, the clocks and limits are watched.
 *
 * When pump_run() returns the process has been waited for; of a sandbox's first
 * process that means that every other one is dead too. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/attempt.h"
#include "worker/cgroup.h"

enum { PUMP_LINE_MAX = 240 };

/* Why it ended. */
enum pump_end {
    PUMP_EXITED, /* by itself */
    PUMP_BUILD_TIMEOUT,
    PUMP_STEP_TIMEOUT,
    PUMP_SILENT,
    PUMP_LOG_LIMIT,
    PUMP_OOM,
    PUMP_PIDS, /* it did not stop asking for processes */
    PUMP_WORD, /* see attempt->word */
};

struct pump {
    struct attempt *attempt;
    pid_t pid;
    int out_fd;                    /* read end of its output */
    int64_t build_until_ms;        /* monotonic */
    int64_t step_until_ms;         /* monotonic; 0: none */
    int64_t silence_ms;            /* 0: none */
    int64_t log_bytes_max;         /* of the whole attempt */
    const struct cgroups *cgroups; /* NULL: not a sandbox */
    const char *cgroup;
    const char *const *disks; /* mount points to watch, NULL-terminated; NULL: none */
    const volatile int *stop; /* the worker's own wish to end */
};

struct pump_result {
    enum pump_end end;
    int status; /* as waitpid() gives it */
    struct cgroup_usage usage;
    bool disk_was_full;       /* seen full, or the output said so */
    char line[PUMP_LINE_MAX]; /* the last one that was not empty, printable */
};

void pump_run(const struct pump *pump, struct pump_result *ret);
