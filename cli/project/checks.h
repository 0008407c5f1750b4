/* checks.h - the integrity checks that need no toolchain, run before anything is
 * sent. Each has a stable id and a switch (--skip-check ID). */
#pragma once
#include "cli/project/project.h"

/* May this id be skipped? */
bool check_is_known(const char *id);
/* Fills project->findings. */
void checks_run(struct project *project, const struct project_wish *wish);
