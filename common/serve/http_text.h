/* http_text.h - pure parsers of what clients send: ranges, preferences, queries. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 9110, 14.1.2: see http_range(). */
int http_text_range(const char *value, int64_t size, int64_t *ret_offset, int64_t *ret_len);
/* RFC 7240, 4.3: seconds of "wait=N" among the preferences, as milliseconds up to `max_ms`; 0. */
int64_t http_text_wait_ms(const char *value, int64_t max_ms);
/* Percent-decodes `len` bytes into `ret`, which has room for len + 1; false: a bad escape or NUL.
 */
bool http_text_decode(const char *text, size_t len, char *ret);
/* Where the (still encoded) value of `name` is in a query: true and the part. */
bool http_text_query(const char *query, const char *name, const char **ret_value, size_t *ret_len);
/* 1 to 64 letters, digits, '.', '_', '-'. */
bool http_text_is_request_id(const char *value);
