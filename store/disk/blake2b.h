/* blake2b.h - BLAKE2b with 256 bits (RFC 7693), which upload clients of PyPI claim of their files
 * (libgcrypt: OpenSSL 3.0 has only the one of 512 bits). */
#pragma once
#include <stddef.h>

enum { BLAKE2B_256_HEX = 65 };

struct blake2b;
struct blake2b *blake2b_new(void);
void blake2b_add(struct blake2b *blake2b, const void *data, size_t len);
void blake2b_end(struct blake2b *blake2b, char ret_hex[BLAKE2B_256_HEX]); /* once; lower-case */
void blake2b_free(struct blake2b *blake2b);
