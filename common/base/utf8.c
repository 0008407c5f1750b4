#include "sos/base/utf8.h"

size_t utf8_next(const char *s, size_t len, uint32_t *ret_code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (len == 0)
        return 0;

    unsigned char lead = (unsigned char)s[0];
    size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    if (size == 0 || size > len || lead > 0xf4)
        return 0;

    uint32_t code = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        unsigned char next = (unsigned char)s[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    if (ret_code)
        *ret_code = code;
    return size;
}

bool utf8_is_valid(const char *s, size_t len)
{
    while (len > 0) {
        size_t size = (unsigned char)*s < 0x80 ? 1 : utf8_next(s, len, NULL);
        if (size == 0)
            return false;
        s += size;
        len -= size;
    }
    return true;
}

size_t utf8_cut(const char *s, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4) {
        start--;
        if (((unsigned char)s[start] & 0xc0) != 0x80)
            return utf8_next(s + start, len - start, NULL) > 0 ? len : start;
    }
    return len;
}

bool utf8_is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}
