/* counter.h - counts files sent, in memory, and has them written a second later: a download costs
 * no commit.  What was counted in the second before a crash is lost.  Loop thread. */
#pragma once
#include "store/web/store.h"

struct counter;

struct counter *counter_new(struct store *store);
/* A file was sent to `user`. */
void counter_add(struct counter *counter, const struct item *item, const char *user,
                 int64_t now_ms);
/* Post what is counted to the writer: what is posted there after it sees it. */
void counter_write(struct counter *counter);
/* Asynchronous: writes, then frees, then `closed`.  Before the writer is closed. */
void counter_close(struct counter *counter, void (*closed)(void *ctx), void *ctx);
