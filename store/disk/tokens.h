/* tokens.h - the store's tokens in the index: who has them and what they may.
 *
 * Only the SHA-256 of a token is kept.  Everything blocks; changes run inside the batch of the
 * writer's strand. */
#pragma once
#include "sos/serve/auth.h"
#include "sos/serve/db.h"
#include "store/core/access.h"

enum { TOKENS_MAX = 10000, TOKEN_DESCRIPTION_MAX = 256 };
/* One that ended, and was not refreshed for so long, is forgotten. */
#define TOKEN_DISUSE_MS (365LL * 24 * 3600 * 1000)

struct token {
    char id[ID_MAX];
    char sha256[SHA256_HEX];
    char subject[AUTH_SUBJECT_MAX];
    char scope[SCOPE_MAX];
    char description[TOKEN_DESCRIPTION_MAX];
    int64_t created_ms;
    int64_t expire_ms;               /* 0: never */
    char refresh_sha256[SHA256_HEX]; /* of its refresh token; "": it has none */
    int64_t refresh_end_ms;          /* no token got with that lives longer; 0: any */
};

typedef void (*token_fn)(void *ctx, const struct token *token);
/* All of them, the oldest first. */
int tokens_each(struct db *db, token_fn each, void *ctx, struct err *err);
/* -ERR_NOT_FOUND. */
int tokens_find(struct db *db, const char *id, struct token *ret, struct err *err);
/* The one whose refresh token has this SHA-256, whether it ended or not.  -ERR_NOT_FOUND, also when
 * it is not to be refreshed any more. */
int tokens_find_refresh(struct db *db, const char *sha256, int64_t now_ms, struct token *ret,
                        struct err *err);
/* -ERR_LIMIT: there are TOKENS_MAX. */
int tokens_add(struct db *db, const struct token *token, struct err *err);
int tokens_remove(struct db *db, const char *id, struct err *err);
/* Each that ended before and cannot be refreshed; then they are gone. */
int tokens_forget(struct db *db, int64_t before_ms, token_fn each, void *ctx, struct err *err);
