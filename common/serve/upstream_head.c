/* upstream_head.c - what the head of an answer says; foreign bytes, pure. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/serve/upstream_own.h"

/* Digits and nothing else; -1: it is no such number. */
static int64_t number_parse(const char *text, size_t len)
{
    int64_t value = 0;

    if (len == 0 || len > 18)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static void status_line(struct upstream_lines *lines, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);

    *lines = (struct upstream_lines){ .head.size_bytes = -1, .size_whole = -1 };
    size_t left = space ? len - (size_t)(space + 1 - line) : 0;
    int64_t status = left >= 3 ? number_parse(space + 1, 3) : -1;
    lines->head.status = status >= 100 && status <= 599 ? (int)status : 0;
}

/* A value that does not fit, or holds a control byte, was not told. */
static void text_take(char *ret, size_t room, const char *value, size_t len)
{
    ret[0] = '\0';
    if (len >= room)
        return;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return;
    memcpy(ret, value, len);
    ret[len] = '\0';
}

/* "bytes 100-199/200", or "…/\*" */
static void content_range(struct upstream_lines *lines, const char *value, size_t len)
{
    const char *end = value + len;

    lines->ranges = true;
    lines->from = -1;
    if (len < 6 || strncasecmp(value, "bytes ", 6) != 0)
        return;
    value += 6;
    const char *dash = memchr(value, '-', (size_t)(end - value));
    const char *slash = memchr(value, '/', (size_t)(end - value));
    if (!dash || !slash || slash < dash)
        return;
    lines->from = number_parse(value, (size_t)(dash - value));
    lines->size_whole = number_parse(slash + 1, (size_t)(end - slash - 1));
}

static bool is_named(const char *line, size_t name_len, const char *name)
{
    return name_len == strlen(name) && strncasecmp(line, name, name_len) == 0;
}

static void header_line(struct upstream_lines *lines, const char *line, size_t len)
{
    struct upstream_head *head = &lines->head;
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    size_t name = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t left = len - name - 1;
    while (left > 0 && (*value == ' ' || *value == '\t'))
        value++, left--;
    while (left > 0 && (value[left - 1] == ' ' || value[left - 1] == '\t'))
        left--;

    if (is_named(line, name, "Content-Length")) {
        head->size_bytes = number_parse(value, left);
        lines->has_length = head->size_bytes >= 0;
    } else if (is_named(line, name, "Transfer-Encoding")) {
        lines->chunked = true;
    } else if (is_named(line, name, "Content-Encoding")) {
        lines->encoded = !(left == 8 && strncasecmp(value, "identity", 8) == 0);
    } else if (is_named(line, name, "Content-Range")) {
        content_range(lines, value, left);
    } else if (is_named(line, name, "ETag")) {
        text_take(head->etag, sizeof head->etag, value, left);
    } else if (is_named(line, name, "Last-Modified")) {
        text_take(head->modified, sizeof head->modified, value, left);
    } else if (is_named(line, name, "Content-Type")) {
        text_take(head->type, sizeof head->type, value, left);
    }
}

void upstream_line(struct upstream_lines *lines, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        status_line(lines, line, len);
    else if (len == 0)
        lines->whole = true;
    else if (!lines->whole) /* what comes behind the body is no head */
        header_line(lines, line, len);
}

const char *upstream_validator(const struct upstream_head *head)
{
    if (head->etag[0] == '"')
        return head->etag;
    return head->modified[0] ? head->modified : NULL;
}

bool upstream_same(const struct upstream_head *first, const struct upstream_head *second)
{
    const char *had = upstream_validator(first);
    const char *has = upstream_validator(second);

    return had && has && strcmp(had, has) == 0;
}
