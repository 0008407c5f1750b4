/* follow.h - wait for a build, and show it meanwhile.
 *
 * The verdict comes from the build's record alone: a log that cannot be read is a note, and a
 * server that is away for less than a minute is waited for. */
#pragma once
#include "cli/cli.h"
#include "cli/screen.h"

enum follow_end { FOLLOW_FINAL, FOLLOW_INTERRUPTED, FOLLOW_TIMED_OUT };

/* Until the build is final, a signal comes or wait_ms (0: no limit) is over.  The last state known
 * is in *build (the caller's, kept current).  Below zero: err says why nothing more is known. */
int follow_build(struct cli *cli, struct screen *screen, struct sos_build *build, int64_t wait_ms,
                 enum follow_end *ret_end, struct err *err);
/* A build's log as it grows, through its attempts unless `attempt` is not 0, from `offset` of the
 * first one on, until there will be no more of it or a signal comes. */
int follow_log(struct cli *cli, const char *id, int attempt, int64_t offset,
               int (*write)(void *ctx, const void *data, size_t len), void *ctx, struct err *err);
bool build_is_final(const struct sos_build *build);
