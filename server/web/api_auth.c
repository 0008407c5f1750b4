/* api_auth.c - who calls, and the tokens. */
#include "server/web/call.h"

void api_get_whoami(struct call *call)
{
    struct sos_whoami whoami = {
        .subject = call->caller.subject,
        .role = (enum sos_role)call->caller.role,
        .token = call->caller.id,
    };

    call_answer(call, 200, &sos_whoami_type, &whoami);
}

static void on_created(void *ctx, int rc, const struct sos_token *token, const struct err *err)
{
    call_end(ctx, rc, err, 201, &sos_token_type, token);
}

void api_create_token(struct call *call)
{
    farm_token_create(call->farm, &call->in.create_token, on_created, call_wait(call));
}

static void on_listed(void *ctx, int rc, const struct sos_list_tokens_response *tokens,
                      const struct err *err)
{
    call_end(ctx, rc, err, 200, &sos_list_tokens_response_type, tokens);
}

void api_list_tokens(struct call *call)
{
    farm_token_list(call->farm, on_listed, call_wait(call));
}

static void on_revoked(void *ctx, int rc, const struct err *err)
{
    call_end(ctx, rc, err, 204, NULL, NULL);
}

void api_revoke_token(struct call *call)
{
    farm_token_revoke(call->farm, call->match.params[0], on_revoked, call_wait(call));
}
