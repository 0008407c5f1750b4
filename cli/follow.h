/* follow.h - wait for a build, and show it meanwhile. */
#pragma once
#include "cli/cli.h"
#include "cli/screen.h"

enum follow_end { FOLLOW_FINAL, FOLLOW_INTERRUPTED, FOLLOW_TIMED_OUT };

/* Until the build is final, SIGINT comes or wait_ms (0: no limit) is over.  The last state known is
 * in *build (the caller's, kept current).  A lost connection is tried again for a minute. */
int follow_build(struct cli *cli, struct screen *screen, struct sos_build *build, int64_t wait_ms,
                 enum follow_end *ret_end, struct err *err);
bool build_is_final(const struct sos_build *build);
/* SIGINT and SIGTERM from now on only set a flag. */
void interrupts_catch(void);
bool interrupted(void);
