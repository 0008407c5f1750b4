/* tokens.c - tokens: listed and revoked (access/api/v1/tokens, and api/security/token/revoke in the
 * older form); the body of calls about tokens.
 *
 * Source: JFrog's REST documentation, "Get Tokens", "Revoke Token". */
#include "store/web/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/core/text.h"
#include "store/disk/tokens.h"
#include "store/web/json.h"

/* --- what is asked --- */

/* A form's fields as the JSON would be. */
static json_t *form_json(const char *body, struct err *err)
{
    static const char *const names[] = {
        "username",    "scope",         "expires_in",  "description",
        "token",       "token_id",      "grant_type",  "include_reference_token",
        "refreshable", "refresh_token", "access_token"
    };
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

json_t *token_body_json(struct http_request *request, const char *body, size_t len, struct err *err)
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

/* Nobody has no tokens, whatever he may read. */
bool token_is_somebody(struct call *call)
{
    if (!call->token[0])
        call_deny(call, ACCESS_READ, NULL);
    return call->token[0] != '\0';
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
                  "issued_at", (json_int_t)(token->created_ms / 1000), "refreshable",
                  token->refresh_sha256[0] != '\0');

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
    if (token_is_somebody(call))
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
    if (!token_is_somebody(call))
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
    if (!token_is_somebody(call))
        return;
    call->text = xstrdup(call->rest);
    call_post(call, call->store->writer, revoke_work, on_revoked);
}

/* The older form names the token itself or its id. */
static void on_revoke_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct err err = { 0 };
    json_t *json = token_body_json(request, body, len, &err);
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
    if (token_is_somebody(call))
        http_collect(call->request, TOKEN_BODY_MAX, on_revoke_body);
}
