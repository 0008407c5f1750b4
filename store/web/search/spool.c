#include "store/web/search/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

void spool_init(struct spool *spool, const char *dir, int64_t max)
{
    *spool = (struct spool){ .dir = dir, .fd = -1, .max = max };
    buf_init(&spool->text, 2 * SPOOL_MEMORY_MAX);
}

void spool_done(struct spool *spool)
{
    buf_done(&spool->text);
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}

/* What is in memory goes to the file. */
static void spool_flush(struct spool *spool)
{
    if (spool->err.code != ERR_NONE)
        return;
    if (spool->written + (int64_t)spool->text.len > spool->max) {
        err_set(&spool->err, ERR_LIMIT, "the answer is longer than %" PRId64 " bytes", spool->max);
        return;
    }
    if (spool->fd < 0)
        spool->fd = open(spool->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0)
        err_errno(&spool->err, "make a file for an answer in %s", spool->dir);
    else if (fs_write_all(spool->fd, spool->text.data, spool->text.len) < 0)
        err_errno(&spool->err, "write an answer");
    spool->written += (int64_t)spool->text.len;
    buf_clear(&spool->text);
}

static void spool_add_bytes(struct spool *spool, const char *data, size_t len)
{
    if (spool->err.code != ERR_NONE)
        return;
    buf_add(&spool->text, data, len);
    if (spool->text.len >= SPOOL_MEMORY_MAX)
        spool_flush(spool);
}

void spool_add(struct spool *spool, const char *text)
{
    spool_add_bytes(spool, text, strlen(text));
}

void spool_add_json(struct spool *spool, const char *text)
{
    spool_add(spool, "\"");
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= ' ' && text[plain] != '"' && text[plain] != '\\')
            plain++;
        spool_add_bytes(spool, text, plain);
        text += plain;
        if (*text) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*text++);
            spool_add(spool, escape);
        }
    }
    spool_add(spool, "\"");
}

int spool_end(struct spool *spool, struct err *err)
{
    if (spool->fd >= 0)
        spool_flush(spool);
    if (spool->err.code == ERR_NONE)
        return 0;
    if (err)
        *err = spool->err;
    return -(int)spool->err.code;
}
