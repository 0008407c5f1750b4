/* deployed.h - how a deployment ends: 201 and what is stored, or why not. */
#pragma once
#include "store/web/call.h"

/* After a deployment's task: removes the bytes it freed, then answers. */
void deployed_done(struct call *call);
/* 201 for call->item. */
void deployed_answer(struct call *call);
/* By task.err, with Artifactory's texts. */
void deployed_fail(struct call *call);
