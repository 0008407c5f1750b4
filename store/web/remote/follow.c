/* follow.c - an answer that follows a fetch: it reads the file that grows.
 *
 * The last byte asked for is kept back until all are verified: whoever has the whole has what was
 * promised, and of what was not, the connection is cut. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sos/base/log.h"
#include "store/core/mime.h"
#include "store/web/remote/remote_own.h"

/* Up to where this one may read now. */
static int64_t limit_of(const struct remote_ask *ask)
{
    const struct fetch *fetch = ask->fetch;
    int64_t limit = fetch->written_safe;

    if (fetch->state == FETCH_DONE)
        return ask->end_byte >= 0 ? ask->end_byte : fetch->digests.size_bytes;
    if (ask->end_byte >= 0 && limit >= ask->end_byte)
        limit = ask->end_byte - 1;
    return limit;
}

static long pull(void *ctx, char *room, size_t len)
{
    struct remote_ask *ask = ctx;
    const struct fetch *fetch = ask->fetch;

    if (fetch->rc < 0)
        return HTTP_BROKEN;
    int64_t left = limit_of(ask) - ask->at_byte;
    if (left <= 0)
        return fetch->state == FETCH_DONE ? HTTP_END : 0;
    ssize_t got = pread(fetch->fd, room, left < (int64_t)len ? (size_t)left : len, ask->at_byte);
    if (got <= 0) {
        log_error("remote", "the file that grows cannot be read", "path=%s errno=%d",
                  ask->want.at.path, got < 0 ? errno : 0);
        return HTTP_BROKEN;
    }
    ask->at_byte += got;
    return got;
}

static void promises_tell(struct call *call, const struct claim *promised)
{
    if (promised->sha256[0])
        http_set_header(call->request, "X-Checksum-Sha256", promised->sha256);
    if (promised->sha1[0])
        http_set_header(call->request, "X-Checksum-Sha1", promised->sha1);
    if (promised->md5[0])
        http_set_header(call->request, "X-Checksum-Md5", promised->md5);
}

/* What is not whole yet has no validator of ours that If-Range could name. */
static int part_of(struct call *call, int64_t size, int64_t *ret_from, int64_t *ret_len)
{
    *ret_from = 0;
    *ret_len = size;
    if (size < 0 || http_header(call->request, "If-Range"))
        return 0;
    return http_range(call->request, size, ret_from, ret_len);
}

void follow_answer(struct remote_ask *ask)
{
    struct call *call = ask->call;
    int64_t size = ask->fetch->told.size_bytes;
    char range[96];
    int64_t len;
    int part = part_of(call, size, &ask->at_byte, &len);

    if (part < 0) {
        snprintf(range, sizeof range, "bytes */%" PRId64, size);
        http_set_header(call->request, "Content-Range", range);
        call_error(call, 416, "Requested range is not satisfiable");
        return;
    }
    ask->end_byte = size < 0 ? -1 : ask->at_byte + len;
    if (part > 0) {
        snprintf(range, sizeof range, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, ask->at_byte,
                 ask->end_byte - 1, size);
        http_set_header(call->request, "Content-Range", range);
    }
    if (size >= 0)
        http_set_header(call->request, "Accept-Ranges", "bytes");
    promises_tell(call, &ask->want.promised);
    get_set_name(call, item_name(&call->at));
    metric_add(call->store->counts.downloads, 1);
    http_answer_pull(call->request, part > 0 ? 206 : 200, mime_of(item_name(&call->at)),
                     size < 0 ? -1 : len, pull, ask);
}
