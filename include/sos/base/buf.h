/* buf.h - bytes that grow up to a limit given at the start. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* always NUL-terminated once anything was added */
    size_t len;
    size_t cap;
    size_t max; /* never holds more than this */
    bool over;  /* something did not fit and was left out; sticky */
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);  /* frees; the struct may be inited again */
void buf_clear(struct buf *buf); /* keeps the memory */
/* 0, or -ERR_LIMIT when it would pass `max`: nothing is added then. */
int buf_add(struct buf *buf, const void *data, size_t len);
int buf_add_str(struct buf *buf, const char *s);
int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `len` bytes. */
void buf_eat(struct buf *buf, size_t len);
/* Gives the bytes (free with free(); never NULL) and leaves the buf empty. */
char *buf_take(struct buf *buf);
