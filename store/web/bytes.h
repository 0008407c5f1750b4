/* bytes.h - opening what is stored, so that wrong bytes are told and not sent.
 *
 * A small file is hashed each time before it is sent; of a large one the size is compared, and what
 * was sent whole is looked at soon after by the keeper (keeper.h), as its rate allows: the kernel
 * sends it without its passing through us (docs/decisions/0003). */
#pragma once
#include "store/web/store.h"

enum { BYTES_HASHED_MAX = 64 << 10 }; /* a file of this size at most is hashed each time */

/* On a pool thread: open the blob of these digests.  The caller owns *ret_fd.  -ERR_IO with the
 * reason BYTES_LOST: its file is not there; BYTES_WRONG: it was not right, and was put aside. */
int bytes_open(struct store *store, const struct digests *digests, int *ret_fd, struct err *err);
/* Was this error one of those? */
bool bytes_are_lost(const struct err *err);
/* The same on the loop: it is logged and counted then. */
bool bytes_failed(struct store *store, const struct err *err);
