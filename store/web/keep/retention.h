/* retention.h - the rules of retention, looked after once a day or when an administrator asks.
 *
 *   LOOKING (reader) --found--> REMOVING (writer) --> FREEING (reader) --+--> LOOKING … --> told
 *      ^   a slice at a time                          the next find -----+ */
#pragma once
#include "store/web/store.h"

/* `retention` is rules with commas or line ends between.  -ERR_INVALID. */
int retention_new(struct store *store, const char *rules, struct retention **ret, struct err *err);
/* Of one that was never started; NULL is fine. */
void retention_free(struct retention *retention);
/* From now on once a day. */
void retention_start(struct retention *retention);
/* Asynchronous: what is at work ends with its slice; `closed` when it is gone, and
 * store->retention NULL. */
void retention_close(struct retention *retention, void (*closed)(void *ctx), void *ctx);
