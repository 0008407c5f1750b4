#include "sos/base/id.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

enum { ULID_TIME = 10, ULID_LEN = ULID_TIME + ID_CHANCE, SECRET_BODY = 40, SECRET_SUM = 6 };

/* Crockford's base32, and base62 as the well-known token formats have it. */
static const char BASE32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char BASE62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void random_bytes(void *ret, size_t len)
{
    char *p = ret;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("the kernel gives no random bytes\n", stderr);
            abort();
        }
        p += got;
        len -= (size_t)got;
    }
}

/* Ten characters of time and sixteen of chance: no bit of one shares a character with the other. */
void id_new_of(const char *prefix, int64_t wall_ms, const uint8_t chance[ID_CHANCE],
               char ret_id[ID_MAX])
{
    size_t start = strlen(prefix) + 1;
    assert(start + ULID_LEN < ID_MAX);
    memcpy(ret_id, prefix, start - 1);
    ret_id[start - 1] = '_';

    char *ulid = ret_id + start;
    uint64_t time = (uint64_t)wall_ms & 0xffffffffffff;
    for (size_t i = ULID_TIME; i-- > 0; time >>= 5)
        ulid[i] = BASE32[time & 31];
    for (size_t i = 0; i < ID_CHANCE; i++)
        ulid[ULID_TIME + i] = BASE32[chance[i] & 31];
    ulid[ULID_LEN] = '\0';
}

void id_new(const char *prefix, int64_t wall_ms, char ret_id[ID_MAX])
{
    uint8_t chance[ID_CHANCE];

    random_bytes(chance, sizeof chance);
    id_new_of(prefix, wall_ms, chance, ret_id);
}

/* The part after "<prefix>_", or NULL. */
static const char *after_prefix(const char *prefix, const char *id)
{
    size_t len = strlen(prefix);
    return strncmp(id, prefix, len) == 0 && id[len] == '_' ? id + len + 1 : NULL;
}

bool id_is_valid(const char *prefix, const char *id)
{
    const char *ulid = after_prefix(prefix, id);
    /* Ten characters hold two bits more than a time has: the first is 7 at most. */
    return ulid && strlen(ulid) == ULID_LEN && strspn(ulid, BASE32) == ULID_LEN && ulid[0] <= '7';
}

static void secret_sum(const char *text, size_t len, char ret[SECRET_SUM])
{
    unsigned long crc = crc32(0, (const Bytef *)text, (uInt)len);
    for (size_t i = SECRET_SUM; i-- > 0; crc /= 62)
        ret[i] = BASE62[crc % 62];
}

void secret_new(const char *prefix, char ret_secret[SECRET_MAX])
{
    size_t start = strlen(prefix) + 1;
    assert(start + SECRET_BODY + SECRET_SUM < SECRET_MAX);
    snprintf(ret_secret, SECRET_MAX, "%s_", prefix);
    for (size_t i = 0; i < SECRET_BODY;) {
        uint8_t byte = 0;
        random_bytes(&byte, 1);
        if (byte < 248) /* 4 times 62: every character as likely as the next */
            ret_secret[start + i++] = BASE62[byte % 62];
    }
    size_t len = start + SECRET_BODY;
    secret_sum(ret_secret, len, ret_secret + len);
    ret_secret[len + SECRET_SUM] = '\0';
}

bool secret_is_well_formed(const char *secret)
{
    size_t len = strnlen(secret, SECRET_MAX);
    if (len == SECRET_MAX || len < 2 + SECRET_BODY + SECRET_SUM)
        return false;
    size_t start = len - SECRET_BODY - SECRET_SUM;
    char sum[SECRET_SUM];
    secret_sum(secret, len - SECRET_SUM, sum);
    return secret[start - 1] == '_' && strspn(secret + start, BASE62) == len - start &&
           memcmp(sum, secret + len - SECRET_SUM, SECRET_SUM) == 0;
}
