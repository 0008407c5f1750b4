/* auth.h - who is calling: a table of tokens in memory.
 *
 * Only the SHA-256 of a token is kept; the table is filled from the database
 * and changed with it, so that a revocation counts at once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/id.h"
#include "sos/serve/http.h"

enum { AUTH_SUBJECT_MAX = 64 };

struct auth;

struct auth_token {
    char id[ID_MAX];
    char sha256[SHA256_HEX];
    char subject[AUTH_SUBJECT_MAX];
    int role;               /* enum sos_role */
    const char *scope;      /* the store's: what it may, in words; borrowed; NULL: none */
    int64_t expire_wall_ms; /* 0: never */
};

struct auth *auth_new(void);
void auth_free(struct auth *auth);
void auth_put(struct auth *auth, const struct auth_token *token); /* copies; same id replaces */
bool auth_remove(struct auth *auth, const char *id);
/* The token of "Authorization: Bearer …" (or Basic with the token as password, which clients of
 * Artifactory use).  Borrowed until the table changes.  NULL: none, unknown or expired; compared in
 * constant time. */
const struct auth_token *auth_check(struct auth *auth, struct http_request *request,
                                    int64_t now_wall_ms);
/* The same for the header's text alone (NULL: none). */
const struct auth_token *auth_check_header(struct auth *auth, const char *header,
                                           int64_t now_wall_ms);
/* May `role` do what needs `least`?  WORKER stands apart: it may do only what needs WORKER or
 * VIEWER. */
bool auth_role_allows(int role, int least);
