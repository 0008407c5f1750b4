/* job.h - one attempt from its lease to its last word, as straight-line code.
 *
 *   source -> image -> inspect -> fetch -> build -> check -> collect     (steps.c)
 *
 * Whatever happens, when job_run() returns nothing of the build is left but the
 * project's cache.  Steps of our own that may take long (download, unpack, copy,
 * upload) run in a child process, so that the lease is renewed meanwhile. */
#pragma once
#include "worker/attempt.h"
#include "worker/cache.h"
#include "worker/downloads.h"
#include "worker/pump.h"
#include "worker/sandbox.h"
#include "worker/settings.h"

/* What a child process of the slot leaves to it: shared memory, plain bytes. */
struct job_shared {
    struct verdict verdict;
    struct collected collected;
};

struct job {
    const struct settings *settings; /* borrowed */
    const struct sandbox *sandbox;   /* borrowed */
    const struct sos_lease *lease;   /* borrowed */
    const volatile int *stop;        /* borrowed: the worker is told to end */
    const char *slot_dir;            /* borrowed */
    struct attempt attempt;
    struct job_shared *shared;
    struct cache cache;
    struct downloads downloads; /* what came by the gateway, and what the cache held */
    bool scratch_mounted;
    int64_t build_until_ms; /* monotonic */
};

/* Run the attempt of a lease; `client` is the slot's own connection.  False: the sandbox failed,
 * and the slot had better begin afresh. */
bool job_run(const struct settings *settings, const struct sandbox *sandbox, struct client *client,
             const char *slot_dir, const volatile int *stop, const struct sos_lease *lease);

/* A function in a child process.  Gives 0, or -1 and the verdict; the child's own verdict is what
 * it left in job->shared. */
typedef int (*job_fn)(struct job *job, struct verdict *ret);
int job_call(struct job *job, job_fn fn, struct verdict *ret);
/* Why the attempt must stop (job->attempt.word); -1. */
int job_word(const struct job *job, struct verdict *ret);
