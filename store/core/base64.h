/* base64.h - base64 (RFC 4648, 4) read in pieces, as a JSON string holds it ("\/" is a slash). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

/* Zeroed to start with. */
struct base64 {
    uint32_t bits;
    int digits;  /* of the group of four that is begun */
    int padding; /* '=' seen */
    bool escaped;
};

/* Decodes into `ret`, which must have room for len * 3 / 4 + 3 bytes; gives how many there are.
 * -ERR_INVALID: a byte that is none of base64's, or more behind the padding. */
long base64_feed(struct base64 *in, const char *text, size_t len, unsigned char *ret,
                 struct err *err);
/* Was that a whole one? */
bool base64_is_whole(const struct base64 *in);
