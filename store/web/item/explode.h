/* explode.h - PUT of an archive of which each entry becomes an item (X-Explode-Archive).
 *
 *   upload.c receives it --> UNPACKING --all is durable--> RECORDING --> answered
 *                             |    ^ some MiB at a time     |    ^ some hundred items at a time, or
 *                             |                             |      all in one commit (-Atomic)
 *                             +---- bad, client gone -------+--> GIVING_UP --> answered
 *
 * Nothing is recorded before all of it was read and may be put where it goes. */
#pragma once
#include "store/web/call.h"

/* The entries go below the folder of call->at (or that itself, if it is one), with the properties
 * of the request; `asked` is the repository that the request names.  `atomic`: all or none. */
void explode_call(struct call *call, const struct repository *asked, bool atomic);
