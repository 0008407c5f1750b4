/* fuzz_upstream_head.c - any bytes as the head of an upstream's answer, a line at a time. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/serve/upstream_own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text_is_plain(const char *text, size_t room)
{
    size_t len = strnlen(text, room);

    assert(len < room);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct upstream_lines lines = { .head.size_bytes = -1 };
    const char *at = (const char *)data;
    const char *end = at + size;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = stop ? (size_t)(stop + 1 - at) : (size_t)(end - at);
        upstream_line(&lines, at, len);
        at += len;
    }
    assert(lines.head.status == 0 || (lines.head.status >= 100 && lines.head.status <= 599));
    assert(lines.head.size_bytes >= -1 && (!lines.has_length || lines.head.size_bytes >= 0));
    text_is_plain(lines.head.etag, sizeof lines.head.etag);
    text_is_plain(lines.head.modified, sizeof lines.head.modified);
    text_is_plain(lines.head.type, sizeof lines.head.type);
    assert(upstream_same(&lines.head, &lines.head) == (upstream_validator(&lines.head) != NULL));
    return 0;
}
