#include "server/core/names.h"

#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool name_is(const char *name, const char *first, const char *rest, size_t len_max)
{
    size_t len = name ? strlen(name) : 0;

    return len > 0 && len <= len_max && strchr(first, name[0]) && strspn(name, rest) == len;
}

bool name_is_project(const char *name)
{
    return name_is(name, LOWER DIGITS, LOWER DIGITS "._-", 64);
}

bool name_is_version(const char *name)
{
    return name_is(name, UPPER LOWER DIGITS, UPPER LOWER DIGITS "._+-", 128);
}

bool name_is_file(const char *name)
{
    return name_is(name, UPPER LOWER DIGITS, UPPER LOWER DIGITS "._+-", 200);
}
