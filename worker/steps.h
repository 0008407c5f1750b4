/* steps.h - the steps of an attempt, in order. */
#pragma once
#include "worker/job.h"

enum { STEPS = 7 };

struct step {
    const char *id; /* also the recipe's verb, for those that run it */
    /* 0, or -1 and why. */
    int (*run)(struct job *job, const struct step *step, struct verdict *ret);
    enum sos_result_reason reason; /* of a failure that nothing else explains */
    int64_t timeout_ms;            /* of this step; 0: the build's */
    bool network;
};

extern const struct step steps[STEPS];

/* What the end of a sandboxed step means, but for what the recipe itself wrote about it.  0: it
 * succeeded. */
int step_judge(const struct step *step, const struct pump_result *result,
               const struct sos_limits *limits, struct verdict *ret);
