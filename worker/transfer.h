/* transfer.h - the source from the server, the artifact to it.
 *
 * Both run in a child process of the slot (job_call), may take long, and try
 * again for ever while the server is away: the slot ends them when the lease or
 * the build's time does. */
#pragma once
#include "worker/job.h"

/* Download the source and unpack it, as the build's user, into the folder of the build. */
int transfer_source(struct job *job, struct verdict *ret);
/* Upload the collected files, each by its digest. */
int transfer_artifact(struct job *job, struct verdict *ret);
