#include "store/disk/tokens.h"

#include <stdio.h>

#define COLUMNS                                                                                    \
    "id, sha256, subject, scope, description, created_ms, expire_ms, refresh_sha256,"              \
    " refresh_end_ms FROM tokens"
/* It ended, and cannot be refreshed: now, now, and now without TOKEN_DISUSE_MS. */
#define IS_OVER                                                                                    \
    "expire_ms<>0 AND expire_ms<? AND (refresh_sha256=''"                                          \
    " OR (refresh_end_ms<>0 AND refresh_end_ms<?) OR expire_ms<?)"

static void token_read(sqlite3_stmt *st, struct token *ret)
{
    *ret = (struct token){ .created_ms = db_int(st, 5), .expire_ms = db_int(st, 6) };
    snprintf(ret->id, sizeof ret->id, "%s", db_text(st, 0));
    snprintf(ret->sha256, sizeof ret->sha256, "%s", db_text(st, 1));
    snprintf(ret->subject, sizeof ret->subject, "%s", db_text(st, 2));
    snprintf(ret->scope, sizeof ret->scope, "%s", db_text(st, 3));
    snprintf(ret->description, sizeof ret->description, "%s", db_text(st, 4));
    snprintf(ret->refresh_sha256, sizeof ret->refresh_sha256, "%s", db_text(st, 7));
    ret->refresh_end_ms = db_int(st, 8);
}

static int rows_each(struct db *db, sqlite3_stmt *st, token_fn each, void *ctx, struct err *err)
{
    struct token token;
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        token_read(st, &token);
        each(ctx, &token);
    }
    return rc;
}

int tokens_each(struct db *db, token_fn each, void *ctx, struct err *err)
{
    return rows_each(db, db_bind(db, "SELECT " COLUMNS " ORDER BY created_ms, id", ""), each, ctx,
                     err);
}

static int row_find(struct db *db, sqlite3_stmt *st, struct token *ret, struct err *err)
{
    int rc = db_step(db, st, err);

    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no such token");
    if (rc < 0)
        return rc;
    token_read(st, ret);
    db_end(st);
    return 0;
}

int tokens_find(struct db *db, const char *id, struct token *ret, struct err *err)
{
    return row_find(db, db_bind(db, "SELECT " COLUMNS " WHERE id=?", "t", id), ret, err);
}

int tokens_find_refresh(struct db *db, const char *sha256, int64_t now_ms, struct token *ret,
                        struct err *err)
{
    return row_find(db,
                    db_bind(db,
                            "SELECT " COLUMNS " WHERE refresh_sha256=? AND refresh_sha256<>''"
                            " AND NOT (" IS_OVER ")"
                            " AND (refresh_end_ms=0 OR refresh_end_ms>?)",
                            "tiiii", sha256, now_ms, now_ms, now_ms - TOKEN_DISUSE_MS, now_ms),
                    ret, err);
}

int tokens_add(struct db *db, const struct token *token, struct err *err)
{
    int added = 0;
    int rc = db_run(db, &added, err,
                    "INSERT INTO tokens (id, sha256, subject, scope, description, created_ms,"
                    " expire_ms, refresh_sha256, refresh_end_ms) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?"
                    " WHERE (SELECT count(*) FROM tokens) < ?",
                    "tttttiitii", token->id, token->sha256, token->subject, token->scope,
                    token->description, token->created_ms, token->expire_ms, token->refresh_sha256,
                    token->refresh_end_ms, (int64_t)TOKENS_MAX);

    if (rc == 0 && added == 0)
        return err_set(err, ERR_LIMIT, "there are %d tokens; revoke some", TOKENS_MAX);
    return rc;
}

int tokens_remove(struct db *db, const char *id, struct err *err)
{
    int removed = 0;
    int rc = db_run(db, &removed, err, "DELETE FROM tokens WHERE id=?", "t", id);

    return rc == 0 && removed == 0 ? err_set(err, ERR_NOT_FOUND, "no token %s", id) : rc;
}

int tokens_forget(struct db *db, int64_t before_ms, token_fn each, void *ctx, struct err *err)
{
    int64_t disused_ms = before_ms - TOKEN_DISUSE_MS;
    int rc = rows_each(db,
                       db_bind(db, "SELECT " COLUMNS " WHERE " IS_OVER, "iii", before_ms, before_ms,
                               disused_ms),
                       each, ctx, err);

    return rc < 0 ? rc
                  : db_run(db, NULL, err, "DELETE FROM tokens WHERE " IS_OVER, "iii", before_ms,
                           before_ms, disused_ms);
}
