/* state.h - what the store finds in its folder at its start, and makes there at the first. */
#pragma once
#include "store/web/store.h"

/* The repositories of the settings and of the index, the store's own tokens, index, journal and
 * blobs: fills `store`, whose settings are there.  -ERR_INVALID: the settings say what cannot be;
 * -ERR_CONFLICT: the index cannot be used as it is, the hint says what to do. */
int state_open(struct store *store, struct err *err);
