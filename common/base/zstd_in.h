/* zstd_in.h - exactly one zstd frame from somebody else, with caps.
 *
 * Its window may be 8 MiB at most (what RFC 8878 asks every reader to take and
 * level 19 still makes), so that is what a hostile frame can cost in memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <zstd.h>

#include "sos/base/err.h"

enum { RATIO_FREE_BYTES = 16 << 20 }; /* no ratio is held against the first bytes */

struct zstd_in {
    ZSTD_DCtx *ctx;
    int64_t in; /* bytes so far */
    int64_t out;
    int64_t out_max;   /* 0: none */
    int64_t ratio_max; /* out to in, once RATIO_FREE_BYTES came out; 0: none */
    bool ended;        /* the frame is complete; nothing may follow */
};

void zstd_in_init(struct zstd_in *z, int64_t out_max, int64_t ratio_max);
void zstd_in_done(struct zstd_in *z);
/* Moves `in` and `out` on by what could be done.  -ERR_INVALID (reason ARCHIVE_DAMAGED) when it is
 * not zstd or something follows the frame, -ERR_LIMIT (ARCHIVE_TOO_BIG) when a cap is passed. */
int zstd_in_step(struct zstd_in *z, ZSTD_inBuffer *in, ZSTD_outBuffer *out, struct err *err);
