#include "sos/base/blobstream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/zstd_in.h"
#include "sos/base/auto.h"

enum { PART = 262144, HEAD_MAX = 96, LEVEL = 3 };

/* --- writing --- */

struct blobstream_writer {
    ZSTD_CCtx *ctx;
    pack_write_fn write;
    void *write_ctx;
    char out[PART];
};

struct blobstream_writer *blobstream_writer_new(pack_write_fn write, void *ctx)
{
    struct blobstream_writer *w = xcalloc(1, sizeof(*w));
    w->ctx = ZSTD_createCCtx();
    if (!w->ctx)
        abort();
    ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 1);
    w->write = write;
    w->write_ctx = ctx;
    return w;
}

void blobstream_writer_free(struct blobstream_writer *w)
{
    if (!w)
        return;
    ZSTD_freeCCtx(w->ctx);
    free(w);
}

static int put(struct blobstream_writer *w, const void *data, size_t len, ZSTD_EndDirective how,
               struct err *err)
{
    ZSTD_inBuffer in = { data, len, 0 };
    size_t left = 0;
    do {
        ZSTD_outBuffer out = { w->out, sizeof(w->out), 0 };
        left = ZSTD_compressStream2(w->ctx, &out, &in, how);
        if (ZSTD_isError(left))
            return err_set(err, ERR_IO, "zstd: %s", ZSTD_getErrorName(left));
        int rc = out.pos > 0 ? w->write(w->write_ctx, w->out, out.pos) : 0;
        if (rc != 0)
            return err_set(err, rc < 0 && rc >= -ERR_FULL ? (enum err_code) - rc : ERR_IO,
                           "the stream was not taken");
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return 0;
}

static int put_head(struct blobstream_writer *w, const char *sha256, int64_t size, struct err *err)
{
    char head[HEAD_MAX];
    int len = snprintf(head, sizeof(head), "%s %ld\n", sha256, size);
    return put(w, head, (size_t)len, ZSTD_e_continue, err);
}

static int changed(const char *path, struct err *err)
{
    err_set(err, ERR_CONFLICT, "%s changed while it was being sent", path);
    err_reason(err, "SOURCE_CHANGED");
    return -ERR_CONFLICT;
}

/* `size` bytes of the file and its end, hashed. */
static int put_bytes(struct blobstream_writer *w, int fd, const char *path, int64_t size,
                     struct hasher *hasher, struct err *err)
{
    auto_free char *part = xmalloc(PART);
    int64_t left = size;
    for (;;) {
        ssize_t got = read(fd, part, PART);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read %s", path);
        if (got > left || (got == 0 && left > 0))
            return changed(path, err);
        if (got == 0)
            return 0;
        hasher_add(hasher, part, (size_t)got);
        int rc = put(w, part, (size_t)got, ZSTD_e_continue, err);
        if (rc < 0)
            return rc;
        left -= got;
    }
}

int blobstream_add_file(struct blobstream_writer *w, const char *path, const char *sha256,
                        int64_t size, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, "open %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size != size)
        return changed(path, err);
    int rc = put_head(w, sha256, size, err);
    if (rc < 0)
        return rc;

    struct hasher *hasher = hasher_new_sha256();
    struct digests digests;
    rc = put_bytes(w, fd, path, size, hasher, err);
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    if (rc == 0 && strcmp(digests.sha256, sha256) != 0)
        rc = changed(path, err);
    return rc;
}

int blobstream_add_bytes(struct blobstream_writer *w, const void *data, size_t len,
                         const char *sha256, struct err *err)
{
    int rc = put_head(w, sha256, (int64_t)len, err);
    return rc < 0 ? rc : put(w, data, len, ZSTD_e_continue, err);
}

int blobstream_end(struct blobstream_writer *w, struct err *err)
{
    return put(w, NULL, 0, ZSTD_e_end, err);
}

/* --- reading ---
 *
 *   HEAD --a whole line--> BODY --its last byte, verified--> HEAD
 *
 * A verified blob waits to be committed together with others.  What has come whole is
 * committed whatever comes next: it need not be sent again.
 */

enum { PENDING_MAX = 64 }; /* each holds a descriptor */

struct blobstream_reader {
    struct blobs *blobs;
    blobstream_wanted_fn wanted;
    void *ctx;
    int64_t bytes_left;
    struct zstd_in zstd;
    bool failed; /* nothing can be made of what follows */
    char head[HEAD_MAX];
    size_t head_len;
    char sha256[SHA256_HEX]; /* of the blob under way */
    int64_t blob_left;
    struct blob_writer *writer; /* NULL: in HEAD */
    size_t blobs_left;
    struct blob_writer *pending[PENDING_MAX];
    size_t pending_count;
    char out[PART];
};

struct blobstream_reader *blobstream_reader_new(struct blobs *blobs, blobstream_wanted_fn wanted,
                                                void *ctx, size_t blobs_max, int64_t bytes_max)
{
    struct blobstream_reader *r = xcalloc(1, sizeof(*r));
    r->blobs = blobs;
    r->wanted = wanted;
    r->ctx = ctx;
    r->bytes_left = bytes_max;
    r->blobs_left = blobs_max;
    zstd_in_init(&r->zstd, 0, 0); /* what comes out is bounded blob by blob */
    return r;
}

static int commit_pending(struct blobstream_reader *r, struct err *err)
{
    size_t count = r->pending_count;
    r->pending_count = 0;
    return blob_commit_all(r->pending, count, err);
}

void blobstream_reader_free(struct blobstream_reader *r)
{
    if (!r)
        return;
    (void)commit_pending(r, NULL);
    blob_abort(r->writer);
    zstd_in_done(&r->zstd);
    free(r);
}

static int bad_stream(struct err *err, const char *what)
{
    err_set(err, ERR_INVALID, "the blob stream is damaged: %s", what);
    err_reason(err, "ARCHIVE_DAMAGED");
    return -ERR_INVALID;
}

/* "<sha256> <size>" in r->head. */
static int parse_head(struct blobstream_reader *r, int64_t *ret_size, struct err *err)
{
    char *space = memchr(r->head, ' ', r->head_len);
    if (space != r->head + SHA256_HEX - 1)
        return bad_stream(err, "not '<sha256> <size>'");
    *space = '\0';
    const char *digits = space + 1;
    size_t len = strspn(digits, "0123456789");
    if (!sha256_hex_is_valid(r->head) || len == 0 || len > 15 || digits[len] != '\0' ||
        digits + len != r->head + r->head_len || (len > 1 && digits[0] == '0'))
        return bad_stream(err, "not '<sha256> <size>'");
    memcpy(r->sha256, r->head, SHA256_HEX);
    *ret_size = strtoll(digits, NULL, 10);
    return 0;
}

static int end_blob(struct blobstream_reader *r, struct err *err)
{
    struct digests digests;
    int rc = blob_check(r->writer, r->sha256, &digests, err);
    if (rc < 0) {
        err_wrap(err, "blob %.12s", r->sha256);
        return rc;
    }
    r->pending[r->pending_count++] = take_ptr(r->writer);
    return r->pending_count == PENDING_MAX ? commit_pending(r, err) : 0;
}

static int begin_blob(struct blobstream_reader *r, struct err *err)
{
    int64_t size = 0;
    r->head[r->head_len] = '\0';
    int rc = parse_head(r, &size, err);
    r->head_len = 0;
    if (rc < 0)
        return rc;
    if (!r->wanted(r->ctx, r->sha256, size))
        return err_set(err, ERR_INVALID, "blob %s of %ld bytes was not asked for", r->sha256, size);
    if (size > r->bytes_left || r->blobs_left == 0)
        return err_set(err, ERR_LIMIT, "the blobs are larger or more than allowed");
    r->bytes_left -= size;
    r->blobs_left--;
    r->blob_left = size;
    rc = blob_begin(r->blobs, &r->writer, err);
    return rc == 0 && size == 0 ? end_blob(r, err) : rc;
}

/* Takes what belongs to the head; how much that was, or a negative code. */
static long take_head(struct blobstream_reader *r, const char *data, size_t len, struct err *err)
{
    const char *end = memchr(data, '\n', len);
    size_t part = end ? (size_t)(end - data) : len;
    if (r->head_len + part >= HEAD_MAX)
        return bad_stream(err, "a head that does not end");
    memcpy(r->head + r->head_len, data, part);
    r->head_len += part;
    if (!end)
        return (long)len;
    int rc = begin_blob(r, err);
    return rc < 0 ? rc : (long)part + 1;
}

static long take_body(struct blobstream_reader *r, const char *data, size_t len, struct err *err)
{
    size_t part = (int64_t)len < r->blob_left ? len : (size_t)r->blob_left;
    int rc = blob_write(r->writer, data, part, err);
    r->blob_left -= (int64_t)part;
    if (rc == 0 && r->blob_left == 0)
        rc = end_blob(r, err);
    return rc < 0 ? rc : (long)part;
}

static int take(struct blobstream_reader *r, const char *data, size_t len, struct err *err)
{
    while (len > 0) {
        long used = r->writer ? take_body(r, data, len, err) : take_head(r, data, len, err);
        if (used < 0)
            return (int)used;
        data += used;
        len -= (size_t)used;
    }
    return 0;
}

int blobstream_feed(struct blobstream_reader *r, const void *data, size_t len, struct err *err)
{
    if (r->failed)
        return bad_stream(err, "it went wrong before");
    ZSTD_inBuffer in = { data, len, 0 };
    ZSTD_outBuffer out;
    int rc = 0;
    do { /* a full buffer may mean that more waits inside */
        out = (ZSTD_outBuffer){ r->out, sizeof(r->out), 0 };
        rc = zstd_in_step(&r->zstd, &in, &out, err);
        if (rc == 0)
            rc = take(r, r->out, out.pos, err);
    } while (rc == 0 && (in.pos < in.size || out.pos == out.size));
    r->failed = rc < 0;
    if (r->failed)
        (void)commit_pending(r, NULL);
    return rc;
}

int blobstream_finish(struct blobstream_reader *r, struct err *err)
{
    int rc = commit_pending(r, err);
    if (rc == 0 && (r->failed || !r->zstd.ended || r->writer || r->head_len > 0))
        return bad_stream(err, "it is cut short");
    return rc;
}
