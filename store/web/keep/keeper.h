/* keeper.h - what is done beside the calls, in slices on a strand of its own: the journal's
 * snapshots, and the reading of every blob to see that its bytes are still right.
 *
 *   tick --logs grown--> turn (writer) --> slice, slice … (keeper) --> tick
 *   blobs: slice --> wait as long as the rate asks --> slice …; a wrong one goes to quarantine */
#pragma once
#include "store/web/store.h"

/* `store` must outlive it. */
struct keeper *keeper_new(struct store *store);
/* Asynchronous: `closed` when nothing of it is at work, and it is gone. */
void keeper_close(struct keeper *keeper, void (*closed)(void *ctx), void *ctx);
/* Look at these bytes soon, if there is time: they were sent to somebody as they are. */
void keeper_look(struct keeper *keeper, const char *sha256);
