#include "store/disk/archive_in.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "store/disk/zip.h"

enum { PART_BYTES = 128 << 10 };

/* The next packed bytes; 1: it is over. */
static int refill(struct archive_in *in)
{
    ssize_t got = read(in->fd, in->packed, PART_BYTES);

    if (got < 0)
        return err_errno(&in->err, "read an archive");
    in->in = (ZSTD_inBuffer){ in->packed, (size_t)got, 0 };
    if (got > 0)
        return 0;
    return in->zstd.ended ? 1 : err_set(&in->err, ERR_INVALID, "The archive is cut short");
}

static la_ssize_t on_read(struct archive *archive, void *ctx, const void **ret_block)
{
    struct archive_in *in = ctx;
    ZSTD_outBuffer out = { in->block, PART_BYTES, 0 };
    int rc = 0;

    while (rc == 0 && out.pos == 0) {
        if (in->in.pos == in->in.size)
            rc = refill(in);
        if (rc == 0)
            rc = zstd_in_step(&in->zstd, &in->in, &out, &in->err);
    }
    *ret_block = in->block;
    if (rc >= 0)
        return (la_ssize_t)out.pos;
    archive_set_error(archive, EIO, "unreadable");
    return -1;
}

static int open_zstd(struct archive_in *in, int64_t ratio_max)
{
    zstd_in_init(&in->zstd, 0, ratio_max);
    in->packed = xmalloc(PART_BYTES);
    in->block = xmalloc(PART_BYTES);
    archive_read_support_format_tar(in->archive);
    return archive_read_open(in->archive, in, NULL, on_read, NULL);
}

static int open_zip(struct archive_in *in)
{
    archive_read_support_format_zip_seekable(in->archive);
    return archive_read_open_fd(in->archive, in->fd, PART_BYTES);
}

static int open_tar(struct archive_in *in)
{
    archive_read_support_filter_gzip(in->archive);
    archive_read_support_filter_bzip2(in->archive);
    archive_read_support_format_tar(in->archive);
    return archive_read_open_fd(in->archive, in->fd, PART_BYTES);
}

static bool is_zip(const char magic[4])
{
    return memcmp(magic, "PK\3\4", 4) == 0 || memcmp(magic, "PK\5\6", 4) == 0;
}

int archive_in_open(struct archive_in *in, int fd, int64_t ratio_max, struct err *err)
{
    char magic[4] = "";
    struct stat st;
    int rc;

    in->fd = fd;
    in->archive = archive_read_new();
    if (!in->archive)
        abort(); /* out of memory */
    if (fstat(fd, &st) < 0 || pread(fd, magic, sizeof magic, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, "look at an archive");
    in->size_bytes = st.st_size;
    rc = is_zip(magic) ? zip_list_check(fd, err) : 0;
    if (rc < 0)
        return rc;
    if (memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0)
        rc = open_zstd(in, ratio_max);
    else
        rc = (is_zip(magic) ? open_zip : open_tar)(in);
    return rc == ARCHIVE_OK ? 0 : archive_in_fault(in, err);
}

void archive_in_done(struct archive_in *in)
{
    archive_read_free(in->archive);
    zstd_in_done(&in->zstd);
    free(in->packed);
    free(in->block);
}

int archive_in_fault(const struct archive_in *in, struct err *err)
{
    const char *why = archive_error_string(in->archive);

    if (in->err.code == ERR_NONE)
        return err_set(err, ERR_INVALID, "The archive cannot be read: %.120s",
                       why ? why : "it is none");
    *err = in->err;
    return -(int)in->err.code;
}
