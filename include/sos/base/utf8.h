/* utf8.h - UTF-8 as RFC 3629 has it: no surrogates, no overlong forms. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts at `s`, at most `len`; 0 when it is none.
 * *ret_code (may be NULL) is its code point. */
size_t utf8_next(const char *s, size_t len, uint32_t *ret_code);
bool utf8_is_valid(const char *s, size_t len);
/* The length, at most `len`, that ends with a whole character of the valid text `s`. */
size_t utf8_cut(const char *s, size_t len);
/* Controls of C0, DEL and C1, and the marks that reorder text: never shown as they are. */
bool utf8_is_unsafe(uint32_t code);
