/* http_text.c - pure parsers of what clients send. */
#include "common/serve/http_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Digits to a number; false when there is none or it is past int64_t. */
static bool number_take(const char **at, int64_t *ret)
{
    int64_t value = 0;
    const char *s = *at;

    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*s - '0');
    }
    *at = s;
    *ret = value;
    return true;
}

static const char *blanks_skip(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

static int range_of_suffix(int64_t count, int64_t size, int64_t *ret_offset, int64_t *ret_len)
{
    if (count == 0 || size == 0)
        return -1;
    *ret_len = count < size ? count : size;
    *ret_offset = size - *ret_len;
    return 1;
}

int http_text_range(const char *value, int64_t size, int64_t *ret_offset, int64_t *ret_len)
{
    int64_t first = 0;
    int64_t last = INT64_MAX;

    if (strncasecmp(value, "bytes=", 6) != 0)
        return 0;
    const char *at = blanks_skip(value + 6);
    bool suffix = *at == '-';
    if (!suffix && !number_take(&at, &first))
        return 0;
    if (*at++ != '-')
        return 0;
    bool has_last = number_take(&at, &last);
    if (*blanks_skip(at) != '\0' || (suffix && !has_last) || last < first)
        return 0; /* several ranges too: the whole is a fine answer to them */
    if (suffix)
        return range_of_suffix(last, size, ret_offset, ret_len);
    if (first >= size)
        return -1;
    *ret_offset = first;
    *ret_len = (last < size - 1 ? last : size - 1) - first + 1;
    return 1;
}

int64_t http_text_wait_ms(const char *value, int64_t max_ms)
{
    for (const char *at = value; *at; at += *at != '\0') {
        int64_t seconds;

        at = blanks_skip(at);
        if (strncasecmp(at, "wait=", 5) == 0) {
            at += 5;
            if (number_take(&at, &seconds))
                return seconds < max_ms / 1000 ? seconds * 1000 : max_ms;
        }
        at += strcspn(at, ",;");
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool http_text_decode(const char *text, size_t len, char *ret)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return false;
        ret[at++] = c;
    }
    ret[at] = '\0';
    return true;
}

bool http_text_query(const char *query, const char *name, const char **ret_value, size_t *ret_len)
{
    size_t name_len = strlen(name);

    while (*query) {
        size_t len = strcspn(query, "&");
        size_t key_len = strcspn(query, "=&");

        if (key_len == name_len && memcmp(query, name, name_len) == 0) {
            const char *value = query + key_len + (key_len < len);
            *ret_value = value;
            *ret_len = len - (size_t)(value - query);
            return true;
        }
        query += len + (query[len] == '&');
    }
    return false;
}

bool http_text_is_request_id(const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len > 64)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)value[i]) && !strchr("._-", value[i]))
            return false;
    return true;
}
