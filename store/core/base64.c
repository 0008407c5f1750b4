#include "store/core/base64.h"

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A group is done: its bytes, less those that were padding. */
static size_t group_write(struct base64 *in, unsigned char *ret)
{
    size_t count = (size_t)(3 - in->padding);

    for (size_t i = 0; i < count; i++)
        ret[i] = (unsigned char)(in->bits >> (16 - 8 * i));
    in->bits = 0;
    in->digits = 0;
    return count;
}

static bool digit_take(struct base64 *in, char c)
{
    int value = digit_value(c);

    if (c == '=' && in->digits >= 2)
        in->padding++, value = 0;
    else if (in->padding > 0)
        return false;
    in->bits = in->bits << 6 | (uint32_t)value;
    in->digits++;
    return value >= 0;
}

long base64_feed(struct base64 *in, const char *text, size_t len, unsigned char *ret,
                 struct err *err)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && !in->escaped) {
            in->escaped = true;
            continue;
        }
        bool ok = (!in->escaped || text[i] == '/') && (in->padding == 0 || in->digits > 0);
        in->escaped = false;
        if (!ok || !digit_take(in, text[i]))
            return err_set(err, ERR_INVALID, "not base64");
        if (in->digits == 4)
            out += group_write(in, ret + out);
    }
    return (long)out;
}

bool base64_is_whole(const struct base64 *in)
{
    return in->digits == 0 && !in->escaped;
}
