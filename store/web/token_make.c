/* token_make.c - tokens: made, and refreshed (access/api/v1/tokens, and api/security/token in the
 * older form).  A token is shown once; what is kept is its SHA-256.
 *
 *   POST --body--> asked ------------------> writer: row ----------> auth table --> 200
 *             \--> its refresh token ------> writer: that row goes, a new one comes --/
 *
 * Who has a refresh token gets a new pair with it, once: the old pair is nobody then.  That needs
 * no other credentials, since the access token it comes with has mostly ended.
 *
 * Source: JFrog's REST documentation, "Create Token", "Refresh Token". */
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/disk/tokens.h"
#include "store/web/json.h"
#include "store/web/tokens.h"

enum {
    TOKEN_LIFE_S = 365 * 24 * 3600,      /* when the client does not say */
    TOKEN_LIFE_MAX_S = 50 * TOKEN_LIFE_S /* and it would rather say 0, never */
};

struct issue {
    struct token token;
    char secret[SECRET_MAX];
    int64_t life_s;
    bool life_told;
    bool reference; /* it wants the same as `reference_token` too */
    bool refreshable;
    char refresh[SECRET_MAX];   /* its refresh token */
    char by_sha256[SHA256_HEX]; /* it is made with the refresh token that has this; "": without */
    char of_sha256[SHA256_HEX]; /* … which must be that of the access token with this; "": any */
    struct token old;           /* that one */
    char (*ended)[ID_MAX];
    size_t ended_count;
};

static void issue_free(struct call *call)
{
    struct issue *issue = take_ptr(call->own);

    explicit_bzero(issue->secret, sizeof issue->secret);
    explicit_bzero(issue->refresh, sizeof issue->refresh);
    free(issue->ended);
    free(issue);
}

/* --- what is asked for --- */

static int take_text(const json_t *body, const char *name, char *ret, size_t room, struct err *err)
{
    const json_t *value = json_object_get(body, name);
    const char *text = json_string_value(value);

    if (!value || json_is_null(value))
        return 0;
    if (!text || strlen(text) >= room)
        return err_set(err, ERR_INVALID, "'%s' is not text of at most %zu bytes", name, room - 1);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return err_set(err, ERR_INVALID, "'%s' holds a control byte", name);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int take_life(const json_t *body, int64_t *ret_s, struct err *err)
{
    const json_t *value = json_object_get(body, "expires_in");
    const char *text = json_string_value(value);
    char *end = NULL;

    *ret_s = TOKEN_LIFE_S;
    if (json_is_integer(value))
        *ret_s = json_integer_value(value);
    else if (text)
        *ret_s = strtoll(text, &end, 10);
    else if (value && !json_is_null(value))
        *ret_s = -1;
    if ((end && (end == text || *end)) || *ret_s < 0 || *ret_s > TOKEN_LIFE_MAX_S)
        return err_set(err, ERR_INVALID, "'expires_in' is a number of seconds; 0: never");
    return 0;
}

/* Old clients ask for the groups of the user, and for an API: that is what he has himself. */
static void scope_modernize(char scope[SCOPE_MAX])
{
    if (strcmp(scope, "api:*") == 0 || strcmp(scope, "member-of-groups:*") == 0 ||
        strcmp(scope, "member-of-groups:* api:*") == 0 ||
        strcmp(scope, "api:* member-of-groups:*") == 0)
        scope[0] = '\0';
}

static bool take_flag(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);
    const char *text = json_string_value(value);

    return json_is_true(value) || (text && strcmp(text, "true") == 0);
}

static int take_secret(const json_t *body, const char *name, char ret_sha256[SHA256_HEX],
                       struct err *err)
{
    char secret[SECRET_MAX + 1] = "";
    int rc = take_text(body, name, secret, sizeof secret, err);

    if (rc == 0 && secret[0])
        sha256_hex(secret, strlen(secret), ret_sha256);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

static int grant_read(struct issue *issue, const json_t *body, struct err *err)
{
    char grant[32] = "";

    int rc = take_text(body, "grant_type", grant, sizeof grant, err);
    if (rc < 0 || !grant[0] || strcmp(grant, "client_credentials") == 0)
        return rc;
    if (strcmp(grant, "refresh_token") != 0)
        return err_set(err, ERR_INVALID, "grant_type is client_credentials or refresh_token");
    issue->refreshable = true;
    rc = take_secret(body, "refresh_token", issue->by_sha256, err);
    if (rc == 0)
        rc = take_secret(body, "access_token", issue->of_sha256, err);
    return rc == 0 && !issue->by_sha256[0]
               ? err_set(err, ERR_INVALID, "The field 'refresh_token' is missing")
               : rc;
}

static int issue_read(struct issue *issue, const json_t *body, struct err *err)
{
    struct token *token = &issue->token;
    int rc = take_text(body, "username", token->subject, sizeof token->subject, err);

    if (rc == 0)
        rc = take_text(body, "scope", token->scope, sizeof token->scope, err);
    if (rc == 0)
        rc = take_text(body, "description", token->description, sizeof token->description, err);
    if (rc == 0)
        rc = take_life(body, &issue->life_s, err);
    issue->life_told = json_object_get(body, "expires_in") != NULL;
    issue->refreshable = take_flag(body, "refreshable");
    if (rc == 0)
        rc = grant_read(issue, body, err);
    if (rc < 0)
        return rc;
    scope_modernize(token->scope);
    issue->reference = take_flag(body, "include_reference_token");
    return token->scope[0] ? scope_check(token->scope, err) : 0;
}

/* An administrator makes any token; others one for themselves that may and lasts no more. */
static int issue_limit(const struct call *call, struct issue *issue, struct err *err)
{
    struct token *token = &issue->token;
    bool admin = call_may(call, ACCESS_ADMIN, NULL);
    bool own = !token->subject[0] || strcmp(token->subject, call->user) == 0;

    if (!token->subject[0])
        snprintf(token->subject, sizeof token->subject, "%s", call->user);
    if (!token->scope[0])
        snprintf(token->scope, sizeof token->scope, "%s", admin ? SCOPE_USER : call->scope);
    token->created_ms = call->now_ms;
    token->expire_ms = issue->life_s ? call->now_ms + issue->life_s * 1000 : 0;
    if (admin)
        return 0;
    if (!own || !scope_is_part(token->scope, call->scope))
        return err_set(err, ERR_DENIED,
                       "Only an administrator makes tokens for others, or with a scope that is"
                       " not a part of his own");
    token->refresh_end_ms = issue->refreshable ? call->expire_ms : 0;
    if (call->expire_ms && (!token->expire_ms || token->expire_ms > call->expire_ms)) {
        token->expire_ms = call->expire_ms;
        issue->life_s = (call->expire_ms - call->now_ms) / 1000;
    }
    return 0;
}

/* What is new of it. */
static void secrets_make(const struct call *call, struct issue *issue)
{
    struct token *token = &issue->token;

    secret_new("sost", issue->secret);
    id_new("tok", call->now_ms, token->id);
    sha256_hex(issue->secret, strlen(issue->secret), token->sha256);
    if (!issue->refreshable)
        return;
    secret_new("sosr", issue->refresh);
    sha256_hex(issue->refresh, strlen(issue->refresh), token->refresh_sha256);
}

/* --- refreshed --- */

/* As the old one was, or less. */
static int refresh_limit(const struct call *call, struct issue *issue, struct err *err)
{
    struct token *token = &issue->token;
    const struct token *old = &issue->old;
    int64_t life_s = old->expire_ms ? (old->expire_ms - old->created_ms) / 1000 : 0;
    bool longer = life_s && (issue->life_s == 0 || issue->life_s > life_s);

    if ((token->subject[0] && strcmp(token->subject, old->subject) != 0) ||
        (token->scope[0] && !scope_is_part(token->scope, old->scope)))
        return err_set(err, ERR_DENIED,
                       "A token is refreshed for the same user, with its own"
                       " scope or a part of that");
    if (!token->scope[0])
        memcpy(token->scope, old->scope, sizeof token->scope);
    memcpy(token->subject, old->subject, sizeof token->subject);
    if (!token->description[0])
        memcpy(token->description, old->description, sizeof token->description);
    if (!issue->life_told || longer)
        issue->life_s = life_s;
    token->created_ms = call->now_ms;
    token->expire_ms = issue->life_s ? call->now_ms + issue->life_s * 1000 : 0;
    token->refresh_end_ms = old->refresh_end_ms;
    if (old->refresh_end_ms && (!token->expire_ms || token->expire_ms > old->refresh_end_ms)) {
        token->expire_ms = old->refresh_end_ms;
        issue->life_s = (token->expire_ms - call->now_ms) / 1000;
    }
    return 0;
}

static int refresh_find(struct call *call, struct err *err)
{
    struct issue *issue = call->own;
    int rc = tokens_find_refresh(call->store->writer_db, issue->by_sha256, call->now_ms,
                                 &issue->old, err);

    if (rc == 0 && issue->of_sha256[0] && strcmp(issue->of_sha256, issue->old.sha256) != 0)
        rc = err_set(err, ERR_NOT_FOUND, "the refresh token of another");
    return rc < 0 ? rc : refresh_limit(call, issue, err);
}

/* --- made --- */

static void ended_add(void *ctx, const struct token *token)
{
    struct issue *issue = ctx;

    issue->ended = xrealloc(issue->ended, (issue->ended_count + 1) * sizeof *issue->ended);
    memcpy(issue->ended[issue->ended_count++], token->id, ID_MAX);
}

static void issue_work(struct call *call)
{
    struct issue *issue = call->own;
    struct db *db = call->store->writer_db;
    struct err *err = &call->task.err;

    int rc = issue->by_sha256[0] ? refresh_find(call, err) : 0;
    if (rc == 0 && issue->by_sha256[0])
        rc = tokens_remove(db, issue->old.id, err);
    if (rc == 0)
        rc = tokens_forget(db, call->now_ms, ended_add, issue, err);
    call->task.rc = rc < 0 ? rc : tokens_add(db, &issue->token, err);
}

static void issue_answer(struct call *call)
{
    const struct issue *issue = call->own;
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "token_id", issue->token.id, "access_token",
                  issue->secret, "scope", issue->token.scope, "token_type",
                  call->kind == CALL_TOKEN_MAKE ? "Bearer" : "access_token", "username",
                  issue->token.subject);

    if (issue->token.expire_ms)
        json_object_set_new(json, "expires_in", json_integer(issue->life_s));
    if (issue->refreshable)
        json_object_set_new(json, "refresh_token", json_string(issue->refresh));
    if (issue->reference)
        json_object_set_new(json, "reference_token", json_string(issue->secret));
    call->text = json_take_text(json);
    if (call->request)
        http_set_header(call->request, "Cache-Control", "no-store");
    call_answer_text(call, 200, "application/json");
}

static void on_issued(struct call *call)
{
    struct issue *issue = call->own;

    if (call->task.rc == -ERR_NOT_FOUND) {
        call_error(call, 401, "The refresh token is not known, was used, or is over");
        return;
    }
    if (call->task.rc < 0) {
        call_fail(call, TEXT_NO_ITEM);
        return;
    }
    if (issue->by_sha256[0])
        auth_remove(call->store->auth, issue->old.id);
    for (size_t i = 0; i < issue->ended_count; i++)
        auth_remove(call->store->auth, issue->ended[i]);
    store_token_put(call->store, &issue->token);
    log_info("store", issue->by_sha256[0] ? "token refreshed" : "token made",
             "id=%s subject=%s by=%s scope=\"%s\"", issue->token.id, issue->token.subject,
             call->user, issue->token.scope);
    issue_answer(call);
}

static void on_issue_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct issue *issue = xcalloc(1, sizeof *issue);
    struct err err = { 0 };

    call_own(call, issue, issue_free);
    json_t *json = token_body_json(request, body, len, &err);
    int rc = err.code ? -(int)err.code : issue_read(issue, json, &err);
    json_decref(json);
    if (rc == 0 && !issue->by_sha256[0] && !token_is_somebody(call))
        return;
    if (rc == 0 && !issue->by_sha256[0])
        rc = issue_limit(call, issue, &err);
    if (rc < 0) {
        call_error(call, rc == -ERR_DENIED ? 403 : 400, err.text);
        return;
    }
    secrets_make(call, issue);
    call_post(call, call->store->writer, issue_work, on_issued);
}

/* Who it is may be told by the body alone. */
void token_make_call(struct call *call)
{
    http_collect(call->request, TOKEN_BODY_MAX, on_issue_body);
}
