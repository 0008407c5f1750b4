/* fuzz_store_multipart.c - any bytes as a form.  However they are cut, the same parts come out of
 * them, or none. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/buf.h"
#include "store/core/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_begin(void *ctx, const struct multipart_part *part, struct err *err)
{
    (void)err;
    assert(part->is_file || part->filename[0] == '\0');
    return buf_printf(ctx, "[%s|%s]", part->name, part->filename);
}

static int on_data(void *ctx, const char *data, size_t len, struct err *err)
{
    (void)err;
    assert(len > 0);
    return buf_add(ctx, data, len);
}

static int on_end(void *ctx, struct err *err)
{
    (void)err;
    return buf_add_str(ctx, "]");
}

static int take(const char *data, size_t size, size_t step, struct buf *ret)
{
    static const struct multipart_events events = { on_begin, on_data, on_end };
    struct multipart *multipart;

    buf_init(ret, 1 << 22);
    int rc = multipart_new("multipart/form-data; boundary=B", &events, ret, &multipart, NULL);
    assert(rc == 0);
    for (size_t at = 0; rc == 0 && at < size; at += step)
        rc = multipart_add(multipart, data + at, at + step < size ? step : size - at, NULL);
    if (rc == 0)
        rc = multipart_end(multipart, NULL);
    multipart_free(multipart);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole;
    struct buf cut;

    int rc_whole = take((const char *)data, size, size ? size : 1, &whole);
    int rc_cut = take((const char *)data, size, 1 + size % 3, &cut);
    assert(rc_whole == rc_cut);
    assert(rc_whole < 0 || (whole.len == cut.len && whole.len <= size * 2));
    assert(rc_whole < 0 || whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0);
    buf_done(&whole);
    buf_done(&cut);
    return 0;
}
