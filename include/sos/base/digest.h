/* digest.h - SHA-256, SHA-1 and MD5 of the same bytes in one pass (OpenSSL EVP). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

enum { SHA256_HEX = 65, SHA1_HEX = 41, MD5_HEX = 33 };

/* Lower-case hex, NUL-terminated. */
struct digests {
    char sha256[SHA256_HEX];
    char sha1[SHA1_HEX];
    char md5[MD5_HEX];
    int64_t size_bytes;
};

struct hasher;
struct hasher *hasher_new(void);        /* all three */
struct hasher *hasher_new_sha256(void); /* only SHA-256; the others come out "" */
void hasher_add(struct hasher *hasher, const void *data, size_t len);
void hasher_end(struct hasher *hasher, struct digests *ret); /* once, until … */
void hasher_again(struct hasher *hasher); /* … it begins anew: cheaper than a new one */
void hasher_free(struct hasher *hasher);

void sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX]);
bool sha256_hex_is_valid(const char *hex); /* 64 lower-case hex digits */
/* Digests of a regular file, read once. */
int digest_file(const char *path, struct digests *ret, struct err *err);
