#include "sos/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/utf8.h"

enum { WHAT_MAX = 256, TEXT_MAX = 512 }; /* more than is kept */

/* What did not fit is left out, never half a character. */
static void text_copy(char *ret, size_t room, const char *text)
{
    size_t len = strlen(text);
    if (len >= room)
        len = utf8_cut(text, room - 1);
    memcpy(ret, text, len);
    ret[len] = '\0';
}

/* The arguments may point into `err`, so the new text is made beside it. */
static int set_text(struct err *err, enum err_code code, const char *text)
{
    err->code = code;
    err->hint[0] = '\0';
    err->reason = NULL;
    text_copy(err->text, sizeof(err->text), text);
    return -(int)code;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (!err)
        return -(int)code;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return set_text(err, code, text);
}

static enum err_code code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    default:
        return ERR_IO;
    }
}

int err_errno(struct err *err, const char *fmt, ...)
{
    int number = errno;
    enum err_code code = code_of_errno(number);
    if (!err)
        return -(int)code;
    char what[WHAT_MAX];
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(text, sizeof(text), "%s: %s", what, strerrordesc_np(number));
    return set_text(err, code, text);
}

void err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char what[WHAT_MAX];
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(text, sizeof(text), "%s: %s", what, err->text);
    text_copy(err->text, sizeof(err->text), text);
}

void err_reason(struct err *err, const char *reason)
{
    if (!err)
        return;
    err->reason = reason;
}

void err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text_copy(err->hint, sizeof(err->hint), text);
}
