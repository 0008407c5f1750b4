/* strand_sim.h - strands without threads: linked instead of common/serve/strand.c.
 *
 * Nothing runs until the test says so, and then at once, on its own stack: the
 * test owns the order of everything. */
#pragma once
#include <stdbool.h>

#include "sos/serve/strand.h"

/* One turn of this strand: its work, its commit, its `done` calls.  False when nothing waits (a
 * closing strand is closed then). */
bool strand_sim_step(struct strand *strand);
/* One turn of the strand that was made first and has something to do; false when none has. */
bool strand_sim_step_any(void);
