#include "common/base/zstd_in.h"

#include <stdlib.h>

enum { WINDOW_LOG_MAX = 23 };

void zstd_in_init(struct zstd_in *z, int64_t out_max, int64_t ratio_max)
{
    *z = (struct zstd_in){ .ctx = ZSTD_createDCtx(), .out_max = out_max, .ratio_max = ratio_max };
    if (!z->ctx)
        abort();
    ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
}

void zstd_in_done(struct zstd_in *z)
{
    ZSTD_freeDCtx(z->ctx);
    z->ctx = NULL;
}

static int damaged(struct err *err, const char *what)
{
    err_set(err, ERR_INVALID, "the zstd stream is damaged: %s", what);
    err_reason(err, "ARCHIVE_DAMAGED");
    return -ERR_INVALID;
}

static int check_caps(const struct zstd_in *z, struct err *err)
{
    bool dense = z->ratio_max > 0 && z->out > RATIO_FREE_BYTES && z->out / z->ratio_max > z->in;
    if (!dense && (z->out_max == 0 || z->out <= z->out_max))
        return 0;
    err_set(err, ERR_LIMIT, "%ld bytes unpack to more than %s allowed", z->in,
            dense ? "the ratio" : "is");
    err_reason(err, "ARCHIVE_TOO_BIG");
    return -ERR_LIMIT;
}

int zstd_in_step(struct zstd_in *z, ZSTD_inBuffer *in, ZSTD_outBuffer *out, struct err *err)
{
    size_t in_before = in->pos, out_before = out->pos;
    if (z->ended)
        return in->pos < in->size ? damaged(err, "something follows its end") : 0;
    size_t rc = ZSTD_decompressStream(z->ctx, out, in);
    z->in += (int64_t)(in->pos - in_before);
    z->out += (int64_t)(out->pos - out_before);
    if (ZSTD_isError(rc))
        return damaged(err, ZSTD_getErrorName(rc));
    z->ended = rc == 0;
    if (z->ended && in->pos < in->size)
        return damaged(err, "something follows its end");
    return check_caps(z, err);
}
