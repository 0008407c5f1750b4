/* page.h - pages of a list that is told newest first: the token is the number of the last one. */
#pragma once
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/err.h"

enum { PAGE_SIZE = 50, PAGE_SIZE_MAX = 500 };

struct page {
    int64_t size;
    int64_t before; /* only numbers lower than this */
};

/* Sizes out of range are coerced (AIP-158); a token that is none of ours is -ERR_INVALID. */
static inline int page_parse(int32_t size, const char *token, struct page *ret, struct err *err)
{
    int64_t before = INT64_MAX;
    if (token && *token) {
        size_t len = strlen(token);
        if (len > 18 || strspn(token, "0123456789") != len)
            return err_set(err, ERR_INVALID, "this page token is not one of this server's");
        before = strtoll(token, NULL, 10);
    }
    ret->size = size <= 0 ? PAGE_SIZE : size > PAGE_SIZE_MAX ? PAGE_SIZE_MAX : size;
    ret->before = before;
    return 0;
}

/* Gives; free(). */
static inline char *page_token(int64_t number)
{
    return xasprintf("%" PRId64, number);
}
