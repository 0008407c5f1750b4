/* err.h - how an error travels.
 *
 * A function that can fail returns 0 or a negative code, and says why in a
 * `struct err` given by its caller.  The struct owns nothing and is copied by
 * value across threads.  Each level may wrap it with what it was doing.
 *
 *     return err_set(err, ERR_IO, "open %s: %s", path, strerror(errno));
 *
 * Programmer errors are asserts; out of memory aborts.  `err` may be NULL
 * everywhere.
 */
#pragma once
#include <stdarg.h>

enum err_code {
    ERR_NONE,
    ERR_INVALID, /* the caller's input */
    ERR_NOT_FOUND,
    ERR_CONFLICT, /* the state forbids it */
    ERR_LIMIT,    /* a cap was reached */
    ERR_DENIED,
    ERR_IO,   /* disk, network, another program: may pass */
    ERR_FULL, /* no space left */
};

struct err {
    enum err_code code;
    char text[240];     /* what went wrong, for people */
    char hint[120];     /* what to do about it; may be empty */
    const char *reason; /* stable word for programs, in static storage, or NULL */
};

/* These two return -code, so that failing is one line. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set(), with ": <strerror(errno)>" at the end; ENOENT becomes
 * ERR_NOT_FOUND, ENOSPC and EDQUOT ERR_FULL, all else ERR_IO. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* These add to what was said and leave the code: return the one you have.
 * Puts "<text>: " before what is there. */
void err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Its stable word (static storage), and its advice. */
void err_reason(struct err *err, const char *reason);
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
