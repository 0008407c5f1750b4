/* tar_maker.h - tars as nobody's tool would make them: every field by hand.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format". */
#pragma once
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <zstd.h>

#include "sos/base/buf.h"
#include "tests/unit/unit.h"

struct tar_head {
    const char *name;
    char type; /* '0' file, '2' link, '5' folder, 'x' pax … */
    const char *link;
    const char *data;
    size_t len;         /* of data; what the header says unless `size` is set */
    const char *size;   /* the raw 12 bytes, or NULL */
    const char *mode;   /* octal; NULL: 0000644 */
    const char *sparse; /* GNU's map of a sparse file, at byte 386; NULL: none */
    bool bad_sum;
};

static inline void tar_sum(char head[512])
{
    unsigned sum = 0;
    memset(head + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
}

static inline void tar_add(struct buf *tar, const struct tar_head *h)
{
    char head[512] = { 0 };
    static const char zeros[512];
    strncpy(head, h->name, 100);
    strcpy(head + 100, h->mode ? h->mode : "0000644");
    strcpy(head + 108, "0000000");
    strcpy(head + 116, "0000000");
    if (h->size)
        memcpy(head + 124, h->size, 12);
    else
        snprintf(head + 124, 12, "%011zo", h->len);
    strcpy(head + 136, "00000000000");
    head[156] = h->type;
    if (h->link)
        strncpy(head + 157, h->link, 100);
    memcpy(head + 257, "ustar\00000", 8);
    if (h->sparse) {
        memcpy(head + 257, "ustar  ", 8);
        memcpy(head + 386, h->sparse, strlen(h->sparse));
    }
    tar_sum(head);
    if (h->bad_sum)
        head[148] ^= 1;
    assert_int_equal(buf_add(tar, head, 512), 0);
    assert_int_equal(buf_add(tar, h->data ? h->data : "", h->len), 0);
    assert_int_equal(buf_add(tar, zeros, (512 - h->len % 512) % 512), 0);
}

static inline void tar_file(struct buf *tar, const char *name, const char *text)
{
    tar_add(tar,
            &(struct tar_head){ .name = name, .type = '0', .data = text, .len = strlen(text) });
}
static inline void tar_link(struct buf *tar, const char *name, const char *target)
{
    tar_add(tar, &(struct tar_head){ .name = name, .type = '2', .link = target });
}
static inline void tar_folder(struct buf *tar, const char *name)
{
    tar_add(tar, &(struct tar_head){ .name = name, .type = '5' });
}
/* A pax record for the entry that follows. */
static inline void tar_pax(struct buf *tar, const char *key, const char *value)
{
    size_t body = strlen(key) + strlen(value) + 3, len = body + 1;
    while (len != body + (size_t)snprintf(NULL, 0, "%zu", len))
        len++;
    auto_free char *record = xasprintf("%zu %s=%s\n", len, key, value);
    tar_add(tar, &(struct tar_head){ .name = "pax", .type = 'x', .data = record, .len = len });
}
static inline void tar_end(struct buf *tar)
{
    static const char zeros[1024];
    assert_int_equal(buf_add(tar, zeros, sizeof(zeros)), 0);
}

/* A file with these bytes, at its start. */
static inline int bytes_fd(const void *data, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    lseek(fd, 0, SEEK_SET);
    return fd;
}
static inline int zstd_fd(const struct buf *plain)
{
    size_t room = ZSTD_compressBound(plain->len);
    auto_free char *packed = xmalloc(room);
    size_t len = ZSTD_compress(packed, room, plain->len ? plain->data : "", plain->len, 3);
    assert_false(ZSTD_isError(len));
    return bytes_fd(packed, len);
}
