/* claim.h - the checksums a client says its bytes have, and the overwrite rule.
 *
 * Headers: X-Checksum-Sha1, -Sha256, -Md5, and X-Checksum, whose length tells
 * which it is (32 MD5, 40 SHA-1, 64 SHA-256). */
#pragma once
#include <stdbool.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"

enum claim_kind { CLAIM_SHA1 = 1, CLAIM_MD5 = 2, CLAIM_SHA256 = 4 };

/* Zeroed to start with; lower-case hex, "" where nothing was claimed. */
struct claim {
    char sha256[SHA256_HEX];
    char sha1[SHA1_HEX];
    char md5[MD5_HEX];
};

/* Take the value of one header; NULL and "" say nothing.  -ERR_INVALID: it is no such checksum, or
 * two headers say different things. */
int claim_add(struct claim *claim, enum claim_kind kind, const char *value, struct err *err);
/* The value of X-Checksum; a length that tells no kind says nothing. */
int claim_add_by_length(struct claim *claim, const char *value, struct err *err);
bool claim_is_empty(const struct claim *claim);
int claim_bits(const struct claim *claim); /* sum of enum claim_kind */
/* -ERR_CONFLICT when the bytes are others; the text names header, both values and the size. */
int claim_check(const struct claim *claim, const struct digests *digests, struct err *err);

/* What to do with bytes for a path. */
enum deploy {
    DEPLOY_CREATE, /* nothing was there */
    DEPLOY_SAME,   /* the same bytes are there: done already */
    DEPLOY_REPLACE,
    DEPLOY_REFUSE, /* others are there and may not be replaced */
};
/* `stored` is the SHA-256 that is there, NULL for none; `locked`: the repository is immutable
 * or the caller may not delete, and the file is not metadata. */
enum deploy deploy_decide(const char *stored, const char *sha256, bool locked);
