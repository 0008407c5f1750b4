/* headroom.h - a file that only takes room, so that on a full disk there is some to delete with.
 *
 *   HELD --a change met the full disk--> SPENT: what adds is refused, what removes goes on
 *     ^                                    |
 *     +------- room enough again ----------+ */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

struct headroom;

/* Of `bytes` at `path`.  On a disk that is full already it begins spent, so that what follows can
 * start. */
struct headroom *headroom_new(const char *path, int64_t bytes);
void headroom_free(struct headroom *headroom); /* the file stays; NULL is fine */

/* All from any thread. */
bool headroom_is_held(const struct headroom *headroom);
/* Give the room away; it may be gone already. */
void headroom_spend(struct headroom *headroom);
/* Blocks: hold it again if that leaves as much as it takes.  true: it is held now. */
bool headroom_take(struct headroom *headroom);
/* 0, or -ERR_FULL while it is spent. */
int headroom_check(const struct headroom *headroom, struct err *err);
