/* tokens.h - tokens on disk: never the token, only its SHA-256. */
#pragma once
#include <stdint.h>

#include "sos/serve/auth.h"
#include "sos/serve/db.h"
#include "sos/v1.h"

/* -ERR_CONFLICT when the id or the hash is there already. */
int tokens_create(struct db *db, const struct auth_token *token, int64_t wall_ms, struct err *err);
/* A repeat is fine and keeps the first time.  -ERR_NOT_FOUND. */
int tokens_revoke(struct db *db, const char *id, int64_t wall_ms, struct err *err);
/* All, revoked ones too, newest first, without secrets; sos_list_tokens_response_done(). */
int tokens_list(struct db *db, struct sos_list_tokens_response *ret, struct err *err);
/* Each that is not revoked. */
typedef void (*token_fn)(void *ctx, const struct auth_token *token);
int tokens_load(struct db *db, token_fn each, void *ctx, struct err *err);
