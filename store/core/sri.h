/* sri.h - digests of the form "sha512-<base64>", as npm's `integrity` and web pages write them
 * (W3C Subresource Integrity): several with spaces between, of which the strongest counts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { SRI_DIGEST_MAX = 64, SRI_TEXT_MAX = 160 };

struct sri {
    const char *algorithm; /* as OpenSSL names it: "sha512" …; static */
    unsigned char digest[SRI_DIGEST_MAX];
    size_t len;
};

/* false: none of a kind that is known (sha512, sha384, sha256, sha1), or not whole. */
bool sri_parse(const char *text, struct sri *ret);
/* The reverse, into `ret`. */
void sri_write(const struct sri *sri, char ret[SRI_TEXT_MAX]);
