/* fsck.h - do the index, the blobs and the journal agree?  Reads only, and the store may run; with
 * `repair` it must not. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

struct fsck_options {
    const char *state_dir;
    bool deep;   /* read and hash every file; replay the journal and compare */
    bool repair; /* what is wrong goes to quarantine, unused rows and orphans go */
    void (*each)(void *ctx, const char *line); /* told every finding */
    void *ctx;
};

struct fsck_result {
    int64_t blobs;   /* rows looked at */
    int64_t holes;   /* rows whose file is not there or has another size or (deep) other bytes */
    int64_t unused;  /* rows that no item has */
    int64_t orphans; /* files without a row: the store's sweep removes them */
    int64_t rowless; /* items whose blob has no row */
    int64_t differences; /* rows that the journal tells otherwise (deep), and damaged records */
};

/* -ERR_CONFLICT: to repair, and the store runs. */
int fsck_run(const struct fsck_options *options, struct fsck_result *ret, struct err *err);
/* Is there anything that the store does not mend by itself? */
bool fsck_is_clean(const struct fsck_result *result);
