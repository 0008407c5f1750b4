#include "store/core/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct claim_name {
    enum claim_kind kind;
    size_t hex_len;
    const char *name;
} names[] = {
    { CLAIM_SHA256, SHA256_HEX - 1, "sha256" },
    { CLAIM_SHA1, SHA1_HEX - 1, "sha1" },
    { CLAIM_MD5, MD5_HEX - 1, "md5" },
};

static const struct claim_name *name_of(enum claim_kind kind)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].kind == kind)
            return &names[i];
    return NULL;
}

static char *claim_place(struct claim *claim, enum claim_kind kind)
{
    return kind == CLAIM_SHA256 ? claim->sha256 : kind == CLAIM_SHA1 ? claim->sha1 : claim->md5;
}

/* Lower-case copy of exactly `len` hex digits. */
static bool hex_copy(const char *value, size_t len, char *ret)
{
    if (strlen(value) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        ret[i] = c;
    }
    ret[len] = '\0';
    return true;
}

int claim_add(struct claim *claim, enum claim_kind kind, const char *value, struct err *err)
{
    const struct claim_name *name = name_of(kind);
    char hex[SHA256_HEX];

    if (!value || !*value)
        return 0;
    if (!hex_copy(value, name->hex_len, hex))
        return err_set(err, ERR_INVALID, "'%.80s' is not a %s checksum", value, name->name);
    char *place = claim_place(claim, kind);
    if (*place && strcmp(place, hex) != 0)
        return err_set(err, ERR_INVALID, "two headers claim different %s checksums", name->name);
    memcpy(place, hex, name->hex_len + 1);
    return 0;
}

int claim_add_by_length(struct claim *claim, const char *value, struct err *err)
{
    size_t len = value ? strlen(value) : 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].hex_len == len)
            return claim_add(claim, names[i].kind, value, err);
    return 0;
}

bool claim_is_empty(const struct claim *claim)
{
    return claim_bits(claim) == 0;
}

int claim_bits(const struct claim *claim)
{
    return (claim->sha1[0] ? CLAIM_SHA1 : 0) | (claim->md5[0] ? CLAIM_MD5 : 0) |
           (claim->sha256[0] ? CLAIM_SHA256 : 0);
}

static int claim_compare(const char *name, const char *claimed, const char *actual, int64_t size,
                         struct err *err)
{
    if (claimed[0] == '\0' || strcmp(claimed, actual) == 0)
        return 0;
    return err_set(err, ERR_CONFLICT, "%s: the client claims %s, received %s (%" PRId64 " bytes)",
                   name, claimed, actual, size);
}

int claim_check(const struct claim *claim, const struct digests *digests, struct err *err)
{
    int64_t size = digests->size_bytes;
    int rc = claim_compare("sha256", claim->sha256, digests->sha256, size, err);

    if (rc == 0)
        rc = claim_compare("sha1", claim->sha1, digests->sha1, size, err);
    if (rc == 0)
        rc = claim_compare("md5", claim->md5, digests->md5, size, err);
    return rc;
}

enum deploy deploy_decide(const char *stored, const char *sha256, bool locked)
{
    if (!stored)
        return DEPLOY_CREATE;
    if (strcmp(stored, sha256) == 0)
        return DEPLOY_SAME;
    return locked ? DEPLOY_REFUSE : DEPLOY_REPLACE;
}
