#include "store/core/text.h"

#include <string.h>

#include "sos/base/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One byte of the decoded text, and how many raw bytes it took; -1: a bad escape. */
static int decode_next(const char *raw, size_t len, bool plus, size_t *ret_taken)
{
    *ret_taken = 1;
    if (raw[0] == '+' && plus)
        return ' ';
    if (raw[0] != '%')
        return (unsigned char)raw[0];
    if (len < 3 || hex_value(raw[1]) < 0 || hex_value(raw[2]) < 0)
        return -1;
    *ret_taken = 3;
    return hex_value(raw[1]) << 4 | hex_value(raw[2]);
}

int text_decode(const char *raw, size_t len, bool plus, char *ret, size_t room, struct err *err)
{
    size_t out = 0;

    while (len > 0) {
        size_t taken;
        int byte = decode_next(raw, len, plus, &taken);
        if (byte < 0)
            return err_set(err, ERR_INVALID, "bad percent escape");
        if (byte < 0x20 || byte == 0x7f)
            return err_set(err, ERR_INVALID, "control byte 0x%02x", (unsigned)byte);
        if (out + 1 >= room)
            return err_set(err, ERR_LIMIT, "longer than %zu bytes", room - 1);
        ret[out++] = (char)byte;
        raw += taken;
        len -= taken;
    }
    if (room == 0)
        return err_set(err, ERR_LIMIT, "no room");
    ret[out] = '\0';
    if (!utf8_is_valid(ret, out))
        return err_set(err, ERR_INVALID, "not UTF-8");
    return 0;
}

static bool byte_is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~/+@,=:!$&'()*", c) != NULL;
}

void text_encode_path(struct buf *ret, const char *path)
{
    for (const unsigned char *at = (const unsigned char *)path; *at; at++) {
        if (byte_is_plain(*at))
            buf_add(ret, at, 1);
        else
            buf_printf(ret, "%%%02X", *at);
    }
}

void text_escape_html(struct buf *ret, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            buf_printf(ret, "&#%d;", *text);
        else
            buf_add(ret, text, 1);
    }
}

const char *text_query(const char *query, const char *name, size_t *ret_len)
{
    size_t name_len = strlen(name);

    while (*query) {
        size_t len = strcspn(query, "&");
        size_t key_len = strcspn(query, "=&");
        if (key_len == name_len && memcmp(query, name, name_len) == 0) {
            *ret_len = key_len < len ? len - key_len - 1 : 0;
            return query + len - *ret_len;
        }
        query += len;
        if (*query == '&')
            query++;
    }
    return NULL;
}
