/* tokens.c - tokens: made (access/api/v1/tokens, and api/security/token in the older form), listed,
 * revoked.  A token is shown once; what is kept is its SHA-256.
 *
 *   POST --body--> asked --writer: row--> auth table --> 200
 *
 * Source: JFrog's REST documentation, "Create Token", "Get Tokens", "Revoke Token". */
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/core/text.h"
#include "store/disk/tokens.h"
#include "store/web/call.h"
#include "store/web/json.h"

enum {
    TOKEN_BODY_MAX = 16 << 10,
    TOKEN_LIFE_S = 365 * 24 * 3600,      /* when the client does not say */
    TOKEN_LIFE_MAX_S = 50 * TOKEN_LIFE_S /* and it would rather say 0, never */
};

struct issue {
    struct token token;
    char secret[SECRET_MAX];
    int64_t life_s;
    bool reference; /* it wants the same as `reference_token` too */
    char (*ended)[ID_MAX];
    size_t ended_count;
};

static void issue_free(struct call *call)
{
    struct issue *issue = take_ptr(call->own);

    explicit_bzero(issue->secret, sizeof issue->secret);
    free(issue->ended);
    free(issue);
}

/* --- what is asked for --- */

/* A form's fields as the JSON would be. */
static json_t *form_json(const char *body, struct err *err)
{
    static const char *const names[] = { "username",   "scope",
                                         "expires_in", "description",
                                         "token",      "token_id",
                                         "grant_type", "include_reference_token" };
    json_t *object = json_object();
    char text[SCOPE_MAX];
    size_t len;

    for (size_t i = 0; i < countof(names); i++) {
        const char *raw = text_query(body, names[i], &len);
        if (!raw || len == 0)
            continue;
        if (text_decode(raw, len, true, text, sizeof text, err) < 0) {
            json_decref(object);
            return NULL;
        }
        json_object_set_new(object, names[i], json_string(text));
    }
    return object;
}

static json_t *body_json(struct http_request *request, const char *body, size_t len,
                         struct err *err)
{
    const char *type = http_header(request, "Content-Type");
    json_error_t fault;

    if (len > 0 && body[0] != '{' && (!type || !strstr(type, "json"))) {
        auto_free char *form = xstrndup(body, len);
        return form_json(form, err);
    }
    json_t *json = len > 0 ? json_loadb(body, len, JSON_REJECT_DUPLICATES, &fault) : json_object();
    if (!json)
        err_set(err, ERR_INVALID, "The body is not JSON: %.150s", fault.text);
    else if (!json_is_object(json))
        err_set(err, ERR_INVALID, "The body is not an object");
    return json;
}

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

static int issue_read(struct issue *issue, const json_t *body, struct err *err)
{
    struct token *token = &issue->token;
    char grant[32] = "";
    int rc = take_text(body, "username", token->subject, sizeof token->subject, err);

    if (rc == 0)
        rc = take_text(body, "scope", token->scope, sizeof token->scope, err);
    if (rc == 0)
        rc = take_text(body, "description", token->description, sizeof token->description, err);
    if (rc == 0)
        rc = take_text(body, "grant_type", grant, sizeof grant, err);
    if (rc == 0)
        rc = take_life(body, &issue->life_s, err);
    if (rc < 0)
        return rc;
    if (grant[0] && strcmp(grant, "client_credentials") != 0)
        return err_set(err, ERR_INVALID,
                       "grant_type is client_credentials; tokens are not refreshed");
    scope_modernize(token->scope);
    const json_t *reference = json_object_get(body, "include_reference_token");
    const char *text = json_string_value(reference);
    issue->reference = json_is_true(reference) || (text && strcmp(text, "true") == 0);
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
    if (call->expire_ms && (!token->expire_ms || token->expire_ms > call->expire_ms)) {
        token->expire_ms = call->expire_ms;
        issue->life_s = (call->expire_ms - call->now_ms) / 1000;
    }
    return 0;
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

    call->task.rc = tokens_forget(db, call->now_ms, ended_add, issue, err);
    if (call->task.rc == 0)
        call->task.rc = tokens_add(db, &issue->token, err);
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

    if (call->task.rc < 0) {
        call_fail(call, TEXT_NO_ITEM);
        return;
    }
    for (size_t i = 0; i < issue->ended_count; i++)
        auth_remove(call->store->auth, issue->ended[i]);
    store_token_put(call->store, &issue->token);
    log_info("store", "token made", "id=%s subject=%s by=%s scope=\"%s\"", issue->token.id,
             issue->token.subject, call->user, issue->token.scope);
    issue_answer(call);
}

static void on_issue_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct issue *issue = xcalloc(1, sizeof *issue);
    struct err err = { 0 };

    call_own(call, issue, issue_free);
    json_t *json = body_json(request, body, len, &err);
    int rc = err.code ? -(int)err.code : issue_read(issue, json, &err);
    json_decref(json);
    if (rc == 0)
        rc = issue_limit(call, issue, &err);
    if (rc < 0) {
        call_error(call, rc == -ERR_DENIED ? 403 : 400, err.text);
        return;
    }
    secret_new("sost", issue->secret);
    id_new("tok", call->now_ms, issue->token.id);
    sha256_hex(issue->secret, strlen(issue->secret), issue->token.sha256);
    call_post(call, call->store->writer, issue_work, on_issued);
}

/* Nobody has no tokens, whatever he may read. */
static bool is_somebody(struct call *call)
{
    if (!call->token[0])
        call_deny(call, ACCESS_READ, NULL);
    return call->token[0] != '\0';
}

void token_make_call(struct call *call)
{
    if (is_somebody(call))
        http_collect(call->request, TOKEN_BODY_MAX, on_issue_body);
}

/* --- told --- */

struct listed {
    struct call *call;
    json_t *tokens;
};

/* An administrator sees all of them, others what has their own name and may no more than they. */
static bool is_shown(const struct call *call, const struct token *token)
{
    return call_may(call, ACCESS_ADMIN, NULL) ||
           (strcmp(token->subject, call->user) == 0 && scope_is_part(token->scope, call->scope));
}

static json_t *token_json(const struct token *token)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "token_id", token->id, "subject",
                  token->subject, "scope", token->scope, "description", token->description,
                  "issued_at", (json_int_t)(token->created_ms / 1000), "refreshable", 0);

    if (token->expire_ms)
        json_object_set_new(json, "expiry", json_integer(token->expire_ms / 1000));
    return json;
}

static void listed_add(void *ctx, const struct token *token)
{
    struct listed *listed = ctx;

    if (is_shown(listed->call, token))
        json_array_append_new(listed->tokens, token_json(token));
}

static void list_work(struct call *call)
{
    struct listed listed = { .call = call, .tokens = json_array() };

    call->task.rc = tokens_each(call->store->reader_db, listed_add, &listed, &call->task.err);
    call->text = json_take_text(json_pack("{s:o}", "tokens", listed.tokens));
}

static void on_told(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, "Token not found");
    else
        call_answer_text(call, 200, "application/json");
}

void tokens_call(struct call *call)
{
    if (is_somebody(call))
        call_post(call, call->store->reader, list_work, on_told);
}

/* What he may not see is not there. */
static int token_find(struct call *call, struct db *db, struct token *ret)
{
    struct err *err = &call->task.err;
    int rc = tokens_find(db, call->text, ret, err);

    return rc == 0 && !is_shown(call, ret) ? err_set(err, ERR_NOT_FOUND, "not his token") : rc;
}

static void token_work(struct call *call)
{
    struct token token;

    call->task.rc = token_find(call, call->store->reader_db, &token);
    if (call->task.rc < 0)
        return;
    free(call->text);
    call->text = json_take_text(token_json(&token));
}

void token_call(struct call *call)
{
    if (!is_somebody(call))
        return;
    call->text = xstrdup(strcmp(call->rest, "me") == 0 ? call->token : call->rest);
    call_post(call, call->store->reader, token_work, on_told);
}

/* --- revoked --- */

static void revoke_work(struct call *call)
{
    struct token token;

    call->task.rc = token_find(call, call->store->writer_db, &token);
    if (call->task.rc == 0)
        call->task.rc = tokens_remove(call->store->writer_db, token.id, &call->task.err);
}

static void on_revoked(struct call *call)
{
    if (call->task.rc < 0) {
        call_fail(call, "Token not found");
        return;
    }
    auth_remove(call->store->auth, call->text);
    log_info("store", "token revoked", "id=%s by=%s", call->text, call->user);
    call_answer(call, 200, "text/plain", "Token revoked");
}

void token_revoke_call(struct call *call)
{
    if (!is_somebody(call))
        return;
    call->text = xstrdup(call->rest);
    call_post(call, call->store->writer, revoke_work, on_revoked);
}

/* The older form names the token itself or its id. */
static void on_revoke_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct err err = { 0 };
    json_t *json = body_json(request, body, len, &err);
    const char *id = json_string_value(json_object_get(json, "token_id"));
    const char *secret = json_string_value(json_object_get(json, "token"));

    if (!id && secret) {
        auto_free char *header = xasprintf("Bearer %s", secret);
        const struct auth_token *token = auth_check_header(call->store->auth, header, call->now_ms);
        id = token ? token->id : "";
    }
    if (id)
        call->text = xstrdup(id);
    json_decref(json);
    if (err.code)
        call_error(call, 400, err.text);
    else if (!call->text)
        call_error(call, 400, "The field 'token' or 'token_id' is missing");
    else
        call_post(call, call->store->writer, revoke_work, on_revoked);
}

void token_revoke_form_call(struct call *call)
{
    if (is_somebody(call))
        http_collect(call->request, TOKEN_BODY_MAX, on_revoke_body);
}
