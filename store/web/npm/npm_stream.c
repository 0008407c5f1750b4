/* npm_stream.c - a document kept from an upstream, its addresses replaced as it is sent.
 *
 *   file --64 KiB--> scan --text--> out --> client
 *                       \--versions.*.dist.tarball--> ours instead
 *
 * It is kept as it came, since the address we are called by is another for each client; nothing
 * of it is held but one block. */
#include <errno.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/npm_scan.h"
#include "store/web/npm/npm_read.h"

enum { BLOCK_BYTES = 64 << 10, OUT_MAX = 32 << 20, ADDRESS_MAX = 64 << 10 };

struct npm_stream {
    int fd; /* borrowed */
    off_t offset;
    const char *package_url; /* borrowed */
    const char *name;
    struct npm_scan scan;
    struct buf out;
    size_t sent;  /* of `out` */
    size_t taken; /* of the address that is being replaced */
};

static bool stream_wants(void *ctx, const struct npm_scan *scan)
{
    (void)ctx;
    return scan->depth == 4 && strcmp(scan->keys[0], "versions") == 0 &&
           strcmp(scan->keys[2], "dist") == 0 && strcmp(scan->keys[3], "tarball") == 0;
}

static int stream_text(void *ctx, const char *text, size_t len, struct err *err)
{
    struct npm_stream *stream = ctx;

    if (buf_add(&stream->out, text, len) == 0)
        return 0;
    return err_set(err, ERR_LIMIT, "a block of the document grows beyond %d bytes", OUT_MAX);
}

/* Nothing comes out meanwhile: without an end to it, the loop would read on and on. */
static int stream_taken(void *ctx, const char *text, size_t len, struct err *err)
{
    struct npm_stream *stream = ctx;

    (void)text;
    stream->taken += len;
    if (stream->taken <= ADDRESS_MAX)
        return 0;
    return err_set(err, ERR_LIMIT, "an address of more than %d bytes", ADDRESS_MAX);
}

static int stream_url(void *ctx, const struct npm_scan *scan, struct err *err)
{
    struct npm_stream *stream = ctx;
    stream->taken = 0;
    auto_free char *url = npm_tarball_url(stream->package_url, stream->name, scan->keys[1]);

    return stream_text(stream, url, strlen(url), err);
}

/* The next block into `out`; 0 at the end of the file, -1 when it cannot be read. */
static int stream_fill(struct npm_stream *stream)
{
    auto_free char *block = xmalloc(BLOCK_BYTES);
    ssize_t got;

    buf_clear(&stream->out);
    stream->sent = 0;
    do
        got = pread(stream->fd, block, BLOCK_BYTES, stream->offset);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return (int)got;
    stream->offset += got;
    return npm_scan_feed(&stream->scan, block, (size_t)got, NULL) < 0 ? -1 : 1;
}

static long on_pull(void *ctx, char *room, size_t len)
{
    struct npm_stream *stream = ctx;

    while (stream->sent == stream->out.len) {
        int rc = stream_fill(stream);
        if (rc <= 0)
            return rc < 0 ? HTTP_BROKEN : HTTP_END;
    }
    if (len > stream->out.len - stream->sent)
        len = stream->out.len - stream->sent;
    memcpy(room, stream->out.data + stream->sent, len);
    stream->sent += len;
    return (long)len;
}

static struct npm_stream *stream_new(const struct npm_call *npm, int fd)
{
    struct npm_stream *stream = xcalloc(1, sizeof *stream);

    stream->fd = fd;
    stream->package_url = npm->package_url;
    stream->name = npm->path.name;
    stream->scan = (struct npm_scan){ .wants = stream_wants,
                                      .text = stream_text,
                                      .taken = stream_taken,
                                      .end = stream_url,
                                      .ctx = stream };
    buf_init(&stream->out, OUT_MAX);
    return stream;
}

/* It is another document wherever it is asked for by another address. */
static void etag_make(struct npm_call *npm, const struct npm_source *source)
{
    auto_free char *text = xasprintf("%s %s", source->sha256, npm->package_url);
    char sha256[SHA256_HEX];

    sha256_hex(text, strlen(text), sha256);
    snprintf(npm->etag, sizeof npm->etag, "\"%.40s\"", sha256);
}

void npm_stream_answer(struct call *call)
{
    struct npm_call *npm = call->own;
    struct npm_source *source = &npm->read->sources[0];

    etag_make(npm, source);
    http_set_header(call->request, "ETag", npm->etag);
    http_set_header(call->request, "Vary", "Accept");
    if (npm_is_known(npm, npm->etag)) {
        http_answer_unchanged(call->request, -1);
        return;
    }
    npm->read->stream = stream_new(npm, source->fd);
    http_answer_pull(call->request, 200,
                     npm->abbreviated ? NPM_ABBREVIATED_TYPE : "application/json", -1, on_pull,
                     npm->read->stream);
}

void npm_stream_free(struct npm_stream *stream)
{
    if (!stream)
        return;
    buf_done(&stream->out);
    free(stream);
}
