#include "server/disk/tokens.h"

#include <stdio.h>

#include "sos/base/auto.h"

int tokens_create(struct db *db, const struct auth_token *token, int64_t wall_ms, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO tokens (id, sha256, subject, role, create_time, expire_time)"
                  " VALUES (?, ?, ?, ?, ?, ?)",
                  "ttttii", token->id, token->sha256, token->subject,
                  wire_enum_name(&sos_role_enum, token->role), wall_ms, token->expire_wall_ms);
}

int tokens_revoke(struct db *db, const char *id, int64_t wall_ms, struct err *err)
{
    int changed = 0;
    int rc = db_run(db, &changed, err,
                    "UPDATE tokens SET revoke_time = CASE revoke_time WHEN 0 THEN ? ELSE"
                    " revoke_time END WHERE id = ?",
                    "it", wall_ms, id);
    if (rc == 0 && changed == 0)
        rc = err_set(err, ERR_NOT_FOUND, "there is no token %s", id);
    return rc;
}

static enum sos_role role_of(const char *name)
{
    int value = wire_enum_value(&sos_role_enum, name);
    return value < 0 ? SOS_ROLE_UNSPECIFIED : (enum sos_role)value;
}

static void token_push(struct sos_list_tokens_response *list, sqlite3_stmt *statement)
{
    list->tokens = xrealloc(list->tokens, (list->tokens_count + 1) * sizeof *list->tokens);
    list->tokens[list->tokens_count++] = (struct sos_token){
        .id = xstrdup(db_text(statement, 0)),
        .subject = xstrdup(db_text(statement, 1)),
        .role = role_of(db_text(statement, 2)),
        .create_time_ms = db_int(statement, 3),
        .expire_time_ms = db_int(statement, 4),
        .revoke_time_ms = db_int(statement, 5),
    };
}

int tokens_list(struct db *db, struct sos_list_tokens_response *ret, struct err *err)
{
    struct sos_list_tokens_response list = { 0 };
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT id, subject, role, create_time, expire_time, revoke_time FROM tokens"
                " ORDER BY create_time DESC, id DESC",
                "");
    int rc;
    while ((rc = db_step(db, statement, err)) > 0)
        token_push(&list, statement);
    if (rc < 0) {
        sos_list_tokens_response_done(&list);
        return rc;
    }
    *ret = list;
    return 0;
}

int tokens_load(struct db *db, token_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "SELECT id, sha256, subject, role, expire_time FROM tokens"
                                      " WHERE revoke_time = 0",
                                      "");
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        struct auth_token token = { .role = (int)role_of(db_text(statement, 3)),
                                    .expire_wall_ms = db_int(statement, 4) };
        snprintf(token.id, sizeof token.id, "%s", db_text(statement, 0));
        snprintf(token.sha256, sizeof token.sha256, "%s", db_text(statement, 1));
        snprintf(token.subject, sizeof token.subject, "%s", db_text(statement, 2));
        each(ctx, &token);
    }
    return rc;
}
