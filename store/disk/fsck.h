/* fsck.h - do the index and the blobs agree?  Reads only; the store may run. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

struct fsck_result {
    int64_t blobs;   /* rows looked at */
    int64_t holes;   /* rows whose file is not there or has another size or (deep) other bytes */
    int64_t unused;  /* rows that no item has */
    int64_t orphans; /* files without a row: the store's sweep removes them */
};

/* `each` is told every finding as a line of text.  `deep` reads and hashes every file. */
int fsck_run(const char *index_path, const char *blobs_dir, bool deep,
             void (*each)(void *ctx, const char *line), void *ctx, struct fsck_result *ret,
             struct err *err);
