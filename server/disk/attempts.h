/* attempts.h - each try of a build: who ran it, when, how it ended, how long its log is. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "server/disk/builds.h"

struct attempt_row {
    int32_t attempt;
    int64_t fence;
    char *worker; /* owned */
    int32_t slot;
    int64_t lease_wall_ms;
    int64_t end_wall_ms;      /* 0: it runs */
    struct sos_result result; /* zero while it runs; owned */
    struct sos_log_info log;  /* of a running one: zero, ask logs.h */
};
void attempt_row_done(struct attempt_row *row);

/* In the task that saves the lease.  `row` up to lease_wall_ms; the text is borrowed. */
int attempts_begin(struct db *db, const char *build, const struct attempt_row *row,
                   struct err *err);
/* In the task that saves its end, however it came.  One that ended already stays as it is. */
int attempts_end(struct db *db, const char *build, int32_t attempt, int64_t wall_ms,
                 const struct sos_result *result, const struct sos_log_info *log, struct err *err);
/* `attempt` 0: the newest.  -ERR_NOT_FOUND. */
int attempts_get(struct db *db, const char *build, int32_t attempt, struct attempt_row *ret,
                 struct err *err);
