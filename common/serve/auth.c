/* auth.c - a table of tokens, found by the SHA-256 of what the client sent.
 *
 * A lookup by hash tells an attacker nothing about a token by its time: to learn
 * a prefix he would have to choose hashes.  The last compare is constant all the
 * same. */
#include "sos/serve/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "sos/v1.h"

enum { AUTH_HEADER_MAX = 512, BUCKETS = 256 };

struct entry {
    struct auth_token token;
    char *scope; /* what token.scope points to */
    struct entry *next;
};

struct auth {
    struct entry *buckets[BUCKETS]; /* by the first byte of the hash */
    struct hasher *hasher;          /* of what the next client sends */
};

struct auth *auth_new(void)
{
    struct auth *auth = xcalloc(1, sizeof *auth);

    auth->hasher = hasher_new_sha256();
    return auth;
}

static void entry_free(struct entry *entry)
{
    free(entry->scope);
    free(entry);
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    for (int i = 0; i < BUCKETS; i++)
        for (struct entry *entry = auth->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    hasher_free(auth->hasher);
    free(auth);
}

static struct entry **bucket_of(struct auth *auth, const char *sha256)
{
    char byte[3] = { sha256[0], sha256[1], '\0' };
    return &auth->buckets[strtoul(byte, NULL, 16) % BUCKETS];
}

bool auth_remove(struct auth *auth, const char *id)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct entry **at = &auth->buckets[i]; *at; at = &(*at)->next)
            if (strcmp((*at)->token.id, id) == 0) {
                struct entry *entry = *at;
                *at = entry->next;
                entry_free(entry);
                return true;
            }
    return false;
}

void auth_put(struct auth *auth, const struct auth_token *token)
{
    struct entry *entry = xcalloc(1, sizeof *entry);
    struct entry **bucket = bucket_of(auth, token->sha256);

    entry->token = *token; /* before the old one goes: `token` may be it */
    if (token->scope)
        entry->token.scope = entry->scope = xstrdup(token->scope);
    auth_remove(auth, token->id);
    entry->next = *bucket;
    *bucket = entry;
}

/* --- what the client sent --- */

/* "user:token" in base64; clients of Artifactory send their token so, with any user. */
static bool basic_secret(const char *base64, char ret[AUTH_HEADER_MAX])
{
    unsigned char plain[AUTH_HEADER_MAX];
    size_t len = strlen(base64);

    if (len % 4 != 0 || len >= AUTH_HEADER_MAX)
        return false;
    int plain_len = EVP_DecodeBlock(plain, (const unsigned char *)base64, (int)len);
    if (plain_len < 0)
        return false;
    plain[plain_len] = '\0'; /* padding decodes to NULs, which end the text too */
    char *colon = strchr((char *)plain, ':');
    if (colon)
        memcpy(ret, colon + 1, strlen(colon + 1) + 1);
    OPENSSL_cleanse(plain, sizeof plain);
    return colon != NULL;
}

static bool header_secret(const char *header, char ret[AUTH_HEADER_MAX])
{
    size_t scheme_len = strcspn(header, " ");
    const char *rest = header + scheme_len + strspn(header + scheme_len, " ");

    if (strlen(header) >= AUTH_HEADER_MAX)
        return false;
    if (scheme_len == 5 && strncasecmp(header, "Basic", 5) == 0)
        return basic_secret(rest, ret);
    if (scheme_len != 6 || strncasecmp(header, "Bearer", 6) != 0)
        return false;
    memcpy(ret, rest, strlen(rest) + 1);
    return true;
}

static const struct auth_token *token_find(struct auth *auth, const char *sha256)
{
    for (struct entry *entry = *bucket_of(auth, sha256); entry; entry = entry->next)
        if (CRYPTO_memcmp(entry->token.sha256, sha256, SHA256_HEX) == 0)
            return &entry->token;
    return NULL;
}

const struct auth_token *auth_check_header(struct auth *auth, const char *header,
                                           int64_t now_wall_ms)
{
    char secret[AUTH_HEADER_MAX];
    struct digests digests;

    if (!header || !header_secret(header, secret))
        return NULL;
    hasher_again(auth->hasher);
    hasher_add(auth->hasher, secret, strlen(secret));
    hasher_end(auth->hasher, &digests);
    OPENSSL_cleanse(secret, sizeof secret);
    const struct auth_token *token = token_find(auth, digests.sha256);
    if (token && token->expire_wall_ms && token->expire_wall_ms <= now_wall_ms)
        return NULL;
    return token;
}

const struct auth_token *auth_check(struct auth *auth, struct http_request *request,
                                    int64_t now_wall_ms)
{
    return auth_check_header(auth, http_header(request, "Authorization"), now_wall_ms);
}

bool auth_role_allows(int role, int least)
{
    if (least == SOS_ROLE_UNSPECIFIED)
        return true;
    if (role == SOS_ROLE_WORKER)
        return least == SOS_ROLE_WORKER || least == SOS_ROLE_VIEWER;
    return role != SOS_ROLE_UNSPECIFIED && role >= least && least != SOS_ROLE_WORKER;
}
