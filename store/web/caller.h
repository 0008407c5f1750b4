/* caller.h - who asks: for dispatch.c alone; what he may is asked by call_may() and its like. */
#pragma once
#include "store/web/call.h"

/* Who he is, what he may and until when, from his token.  false: he was answered that he is nobody
 * we know. */
bool call_identify(struct call *call);
/* call->base, when it is known who he is. */
void call_find_base(struct call *call);
