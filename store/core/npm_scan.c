#include "store/core/npm_scan.h"

#include <string.h>

static bool keys_lead_here(const struct npm_scan *scan)
{
    if (scan->depth < 1 || scan->depth > NPM_SCAN_KEYS)
        return false;
    for (int i = 0; i < scan->depth; i++)
        if (!scan->is_object[i])
            return false;
    return true;
}

/* The bytes of a string up to its end or the next escape: how many are plain. */
static size_t plain_len(const char *data, size_t len)
{
    const char *quote = memchr(data, '"', len);
    size_t end = quote ? (size_t)(quote - data) : len;
    const char *backslash = memchr(data, '\\', end);

    return backslash ? (size_t)(backslash - data) : end;
}

static void key_add(struct npm_scan *scan, const char *data, size_t len)
{
    char *key;

    if (scan->depth > NPM_SCAN_KEYS)
        return;
    key = scan->keys[scan->depth - 1];
    if (scan->key_len + len <= NPM_SCAN_KEY_MAX)
        memcpy(key + scan->key_len, data, len);
    scan->key_len += len;
    key[scan->key_len <= NPM_SCAN_KEY_MAX ? scan->key_len : 0] = '\0';
}

static int span_give(struct npm_scan *scan, const char *data, size_t len, struct err *err)
{
    if (len == 0)
        return 0;
    if (scan->in_key)
        key_add(scan, data, len);
    return (scan->in_wanted ? scan->taken : scan->text)(scan->ctx, data, len, err);
}

/* --- strings --- */

static void string_begin(struct npm_scan *scan)
{
    scan->in_string = true;
    scan->in_key = scan->key_next;
    scan->key_next = false;
    if (scan->in_key) {
        scan->key_len = 0;
        key_add(scan, "", 0);
    }
}

static int string_end(struct npm_scan *scan, struct err *err)
{
    bool wanted = scan->in_wanted;

    scan->in_string = scan->in_key = scan->in_wanted = false;
    return wanted ? scan->end(scan->ctx, scan, err) : 0;
}

/* Inside a string: up to its end at most; *ret_used tells how far. */
static int string_feed(struct npm_scan *scan, const char *data, size_t len, size_t *ret_used,
                       struct err *err)
{
    size_t used = scan->escaped ? 1 : plain_len(data, len);
    int rc = span_give(scan, data, used, err);

    scan->escaped = false;
    if (rc == 0 && used < len && data[used] == '\\') {
        scan->escaped = true;
        rc = span_give(scan, data + used, 1, err);
        used++;
    } else if (rc == 0 && used < len && data[used] == '"') {
        rc = string_end(scan, err);
        if (rc == 0)
            rc = scan->text(scan->ctx, "\"", 1, err);
        used++;
    }
    *ret_used = used;
    return rc;
}

/* --- the rest --- */

static int open_one(struct npm_scan *scan, bool object, struct err *err)
{
    if (scan->depth == NPM_SCAN_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "JSON deeper than %d levels", NPM_SCAN_DEPTH_MAX);
    scan->is_object[scan->depth++] = object;
    scan->key_next = object;
    if (scan->depth <= NPM_SCAN_KEYS)
        scan->keys[scan->depth - 1][0] = '\0';
    return 0;
}

static int mark_take(struct npm_scan *scan, char mark, struct err *err)
{
    switch (mark) {
    case '{':
    case '[':
        return open_one(scan, mark == '{', err);
    case '}':
    case ']':
        if (scan->depth == 0)
            return err_set(err, ERR_INVALID, "JSON closes more than it opens");
        scan->depth--;
        scan->key_next = false;
        return 0;
    case ',':
        scan->key_next = scan->depth > 0 && scan->is_object[scan->depth - 1];
        return 0;
    default:
        string_begin(scan);
        return 0;
    }
}

static bool is_mark(char c)
{
    return c == '"' || c == ',' || c == '{' || c == '}' || c == '[' || c == ']';
}

/* Outside a string: through the next mark. */
static int marks_feed(struct npm_scan *scan, const char *data, size_t len, size_t *ret_used,
                      struct err *err)
{
    size_t used = 0;

    while (used < len && !is_mark(data[used]))
        used++;
    int rc = used < len ? mark_take(scan, data[used], err) : 0;
    bool value = scan->in_string && !scan->in_key;
    used += used < len;
    if (rc == 0)
        rc = scan->text(scan->ctx, data, used, err);
    if (rc == 0 && value)
        scan->in_wanted = keys_lead_here(scan) && scan->wants(scan->ctx, scan);
    *ret_used = used;
    return rc;
}

int npm_scan_feed(struct npm_scan *scan, const char *data, size_t len, struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t used;
        rc = (scan->in_string ? string_feed : marks_feed)(scan, data, len, &used, err);
        data += used;
        len -= used;
    }
    return rc;
}

bool npm_scan_is_whole(const struct npm_scan *scan)
{
    return scan->depth == 0 && !scan->in_string;
}
