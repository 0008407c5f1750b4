/* tokens.c - who may call: made, listed, revoked; the table in memory follows the disk. */
#include <string.h>

#include "server/farm/state.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

enum { LIFETIME_DAYS = 90, LIFETIME_DAYS_MAX = 365 };

/* What a token's kind is seen by: the first letters, as secret scanners like it. */
static const char *secret_prefix(enum sos_role role)
{
    switch (role) {
    case SOS_ROLE_ADMIN:
        return "sosa";
    case SOS_ROLE_WORKER:
        return "sosw";
    case SOS_ROLE_VIEWER:
    case SOS_ROLE_SUBMITTER:
    case SOS_ROLE_MAINTAINER:
    case SOS_ROLE_UNSPECIFIED:
        break;
    }
    return "sosu";
}

static void token_make(const char *subject, enum sos_role role, int64_t lifetime_ms,
                       struct auth_token *ret, char ret_secret[SECRET_MAX])
{
    int64_t now_ms = clock_wall_ms();

    *ret = (struct auth_token){ .role = (int)role };
    id_new("tok", now_ms, ret->id);
    secret_new(secret_prefix(role), ret_secret);
    sha256_hex(ret_secret, strlen(ret_secret), ret->sha256);
    snprintf(ret->subject, sizeof ret->subject, "%s", subject);
    ret->expire_wall_ms = lifetime_ms ? now_ms + lifetime_ms : 0;
}

/* --- the first ones --- */

static bool has_subject(const struct sos_list_tokens_response *tokens, const char *subject)
{
    for (size_t i = 0; i < tokens->tokens_count; i++)
        if (strcmp(tokens->tokens[i].subject, subject) == 0)
            return true;
    return false;
}

/* The file comes first: a token that is in the database and in no file would be lost. */
static int token_first(struct farm *farm, const char *subject, enum sos_role role, struct err *err)
{
    auto_free char *path = xasprintf("%s/%s.token", farm->config.state_dir, subject);
    struct auth_token token;
    char secret[SECRET_MAX];
    char line[SECRET_MAX + 1];

    token_make(subject, role, 0, &token, secret);
    int len = snprintf(line, sizeof line, "%s\n", secret);
    int rc = fs_write_atomic(path, line, (size_t)len, 0600, err);
    if (rc == 0)
        rc = tokens_create(farm->db, &token, clock_wall_ms(), err);
    if (rc == 0)
        log_info("token", "made", "subject=%s file=%s", subject, path);
    return rc;
}

int tokens_first(struct farm *farm, struct err *err)
{
    struct sos_list_tokens_response tokens;
    int rc = tokens_list(farm->db, &tokens, err);

    if (rc < 0)
        return rc;
    if (!has_subject(&tokens, "admin"))
        rc = token_first(farm, "admin", SOS_ROLE_ADMIN, err);
    if (rc == 0 && !has_subject(&tokens, "worker"))
        rc = token_first(farm, "worker", SOS_ROLE_WORKER, err);
    sos_list_tokens_response_done(&tokens);
    return rc;
}

/* --- create --- */

struct token_call {
    struct task task;
    struct farm *farm;
    struct auth_token token;
    char secret[SECRET_MAX];
    int64_t create_wall_ms;
    struct sos_list_tokens_response list;
    farm_token_fn created;
    farm_tokens_fn listed;
    farm_done_fn revoked;
    void *ctx;
};

static void create_work(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);

    task->rc = tokens_create(call->farm->db, &call->token, call->create_wall_ms, &task->err);
}

static void on_created(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);
    struct sos_token msg = {
        .id = call->token.id,
        .subject = call->token.subject,
        .role = (enum sos_role)call->token.role,
        .create_time_ms = call->create_wall_ms,
        .expire_time_ms = call->token.expire_wall_ms,
        .secret = call->secret,
    };

    if (task->rc == 0) {
        auth_put(call->farm->auth, &call->token);
        log_info("token", "made", "id=%s subject=%s", call->token.id, call->token.subject);
    }
    call->created(call->ctx, task->rc, &msg, &task->err);
    explicit_bzero(call->secret, sizeof call->secret);
    free(call);
}

static int create_check(const struct sos_create_token_request *request, struct err *err)
{
    size_t len = request->subject ? strlen(request->subject) : 0;

    if (len == 0 || len >= AUTH_SUBJECT_MAX)
        return err_set(err, ERR_INVALID, "subject must have 1 to %d bytes", AUTH_SUBJECT_MAX - 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)request->subject[i] <= ' ' || request->subject[i] == 127)
            return err_set(err, ERR_INVALID, "subject must have no blanks or control characters");
    if (request->role == SOS_ROLE_UNSPECIFIED)
        return err_set(err, ERR_INVALID, "role is missing");
    if (request->lifetime_ms < 0 || request->lifetime_ms > LIFETIME_DAYS_MAX * DAY_MS)
        return err_set(err, ERR_INVALID, "lifetime must be at most %d days", LIFETIME_DAYS_MAX);
    return 0;
}

void farm_token_create(struct farm *farm, const struct sos_create_token_request *request,
                       farm_token_fn done, void *ctx)
{
    struct err err = { 0 };
    int rc = create_check(request, &err);

    if (rc < 0) {
        done(ctx, rc, NULL, &err);
        return;
    }
    struct token_call *call = xcalloc(1, sizeof *call);
    *call = (struct token_call){ .farm = farm, .created = done, .ctx = ctx };
    call->create_wall_ms = clock_wall_ms();
    token_make(request->subject, request->role,
               request->lifetime_ms ? request->lifetime_ms : LIFETIME_DAYS * DAY_MS, &call->token,
               call->secret);
    strand_post(farm->writer, &call->task, create_work, on_created);
}

/* --- list --- */

static void list_work(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);

    task->rc = tokens_list(call->farm->read_db, &call->list, &task->err);
}

static void on_listed(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);

    call->listed(call->ctx, task->rc, &call->list, &task->err);
    sos_list_tokens_response_done(&call->list);
    free(call);
}

void farm_token_list(struct farm *farm, farm_tokens_fn done, void *ctx)
{
    struct token_call *call = xcalloc(1, sizeof *call);

    *call = (struct token_call){ .farm = farm, .listed = done, .ctx = ctx };
    strand_post(farm->reader, &call->task, list_work, on_listed);
}

/* --- revoke --- */

static void revoke_work(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);

    task->rc = tokens_revoke(call->farm->db, call->token.id, clock_wall_ms(), &task->err);
}

static void on_revoked(struct task *task)
{
    struct token_call *call = container_of(task, struct token_call, task);

    if (task->rc == 0) {
        auth_remove(call->farm->auth, call->token.id);
        log_info("token", "revoked", "id=%s", call->token.id);
    }
    call->revoked(call->ctx, task->rc, &task->err);
    free(call);
}

void farm_token_revoke(struct farm *farm, const char *id, farm_done_fn done, void *ctx)
{
    struct err err = { 0 };

    if (!id_is_valid("tok", id)) {
        done(ctx, err_set(&err, ERR_NOT_FOUND, "no token has this id"), &err);
        return;
    }
    struct token_call *call = xcalloc(1, sizeof *call);
    *call = (struct token_call){ .farm = farm, .revoked = done, .ctx = ctx };
    snprintf(call->token.id, sizeof call->token.id, "%s", id);
    strand_post(farm->writer, &call->task, revoke_work, on_revoked);
}
