/* strand_turn.h - one turn of a strand: the tasks it takes, run between begin and
 * commit.  Shared by strand.c and the simulation, so that both commit alike. */
#pragma once
#include <stdbool.h>

#include "sos/serve/strand.h"

struct turn {
    struct strand_batch batch;
    bool batched;
    struct list tasks;
    int rc; /* < 0: begin or commit failed; no task knows its outcome */
    struct err err;
};

void turn_init(struct turn *turn, const struct strand_batch *batch);
/* Moves what one turn takes out of `waiting`: a batch, or one task where there is nothing to share.
 * Returns how many. */
size_t turn_fill(struct turn *turn, struct list *waiting);
/* Blocks: works, and commits. */
void turn_run(struct turn *turn);
/* Moves the tasks whose outcome is known to `finished` and is empty again. */
void turn_finish(struct turn *turn, struct list *finished);
