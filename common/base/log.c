#include "sos/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/clock.h"
#include "sos/base/utf8.h"

/* A line that is longer ends with "...": it goes out in one write(2), so that
 * lines of threads and processes never mix. */
enum { LINE_MAX_BYTES = 4096, TAIL = 4 };

static _Atomic int least_level = LOG_INFO;

void log_level_set(enum log_level least)
{
    atomic_store(&least_level, (int)least);
}

/* How the next bytes of `s` are shown, in `ret`; *ret_used is how many they are. */
static size_t escape_next(const char *s, size_t len, char ret[16], size_t *ret_used)
{
    uint32_t code = 0;
    size_t size = utf8_next(s, len, &code);
    *ret_used = size > 0 ? size : 1;
    if (size == 0)
        return (size_t)snprintf(ret, 16, "\\x%02x", (unsigned char)s[0]);
    if (code == '\n')
        return (size_t)snprintf(ret, 16, "\\n");
    if (code == '\\')
        return (size_t)snprintf(ret, 16, "\\\\");
    if (utf8_is_unsafe(code))
        return (size_t)snprintf(ret, 16, size == 1 ? "\\x%02x" : "\\u%04x", code);
    memcpy(ret, s, size);
    return size;
}

/* `text` made harmless, and the end of line; gives the length. */
static size_t line_make(const char *text, size_t len, char ret[LINE_MAX_BYTES])
{
    size_t at = 0;
    while (len > 0) {
        char shown[16];
        size_t used = 0;
        size_t size = escape_next(text, len, shown, &used);
        if (at + size > LINE_MAX_BYTES - TAIL) {
            for (int dots = 0; dots < 3; dots++)
                ret[at++] = '.';
            break;
        }
        memcpy(ret + at, shown, size);
        at += size;
        text += used;
        len -= used;
    }
    ret[at++] = '\n';
    return at;
}

void log_line(enum log_level level, const char *area, const char *event, const char *fmt, ...)
{
    static const char *const names[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };
    if ((int)level < atomic_load(&least_level))
        return;

    char text[LINE_MAX_BYTES + 1];
    char time[CLOCK_TEXT_MAX];
    clock_format(clock_wall_ms(), time);
    int start = snprintf(text, sizeof(text), "%s %s %s %s", time, names[level], area, event);
    size_t len = start < (int)sizeof(text) ? (size_t)start : sizeof(text) - 1;
    if (fmt[0] != '\0' && len + 1 < sizeof(text)) {
        text[len++] = ' ';
        va_list args;
        va_start(args, fmt);
        vsnprintf(text + len, sizeof(text) - len, fmt, args);
        va_end(args);
        len += strlen(text + len);
    }

    char line[LINE_MAX_BYTES];
    size_t size = line_make(text, len, line);
    ssize_t written;
    do
        written = write(STDERR_FILENO, line, size);
    while (written < 0 && errno == EINTR);
}
