/* web.c - from a request's head to its handler: the route, who calls, what the query and the body
 * are.  Here, and nowhere else, is it decided who may call what. */
#include "server/web/web.h"

#include <string.h>

#include "server/web/call.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"

/* Total by the compiler: -Wswitch refuses a missing operation. */
static api_fn api_of(enum sos_op op)
{
    switch (op) {
    case SOS_OP_HEALTH:
        return api_health;
    case SOS_OP_READY:
        return api_ready;
    case SOS_OP_METRICS:
        return api_metrics;
    case SOS_OP_GET_VERSION:
        return api_get_version;
    case SOS_OP_GET_OPENAPI:
        return api_get_openapi;
    case SOS_OP_GET_WHOAMI:
        return api_get_whoami;
    case SOS_OP_CREATE_TOKEN:
        return api_create_token;
    case SOS_OP_LIST_TOKENS:
        return api_list_tokens;
    case SOS_OP_REVOKE_TOKEN:
        return api_revoke_token;
    case SOS_OP_CREATE_SOURCE:
        return api_create_source;
    case SOS_OP_PUT_BLOBS:
        return api_put_blobs;
    case SOS_OP_GET_SOURCE_ARCHIVE:
        return api_get_source_archive;
    case SOS_OP_CREATE_BUILD:
        return api_create_build;
    case SOS_OP_LIST_BUILDS:
        return api_list_builds;
    case SOS_OP_GET_BUILD:
        return api_get_build;
    case SOS_OP_CANCEL_BUILD:
        return api_cancel_build;
    case SOS_OP_GET_BUILD_LOG:
        return api_get_build_log;
    case SOS_OP_LIST_DEPENDENCIES:
        return api_list_dependencies;
    case SOS_OP_GET_QUEUE:
        return api_get_queue;
    case SOS_OP_LIST_WORKERS:
        return api_list_workers;
    case SOS_OP_LIST_IMAGES:
        return api_list_images;
    case SOS_OP_GET_IMAGE:
        return api_get_image;
    case SOS_OP_LIST_ARTIFACTS:
        return api_list_artifacts;
    case SOS_OP_GET_ARTIFACT:
        return api_get_artifact;
    case SOS_OP_GET_ARTIFACT_FILE:
        return api_get_artifact_file;
    case SOS_OP_REGISTER_WORKER:
        return api_register_worker;
    case SOS_OP_LEASE_BUILD:
        return api_lease_build;
    case SOS_OP_UPDATE_ATTEMPT:
        return api_update_attempt;
    case SOS_OP_APPEND_LOG:
        return api_append_log;
    case SOS_OP_PUT_ARTIFACT_FILE:
        return api_put_artifact_file;
    case SOS_OP_ADD_DEPENDENCIES:
        return api_add_dependencies;
    case SOS_OP_FINISH_ATTEMPT:
        return api_finish_attempt;
    case SOS_OP_COUNT:
        break;
    }
    return NULL;
}

/* --- events --- */

static void on_closed(struct http_request *request, void *state, bool whole)
{
    struct call *call = state;

    (void)request;
    (void)whole;
    call->over = true;
    call_wait(call);
    call_done(call);
}

static void call_handle(struct call *call)
{
    call_wait(call);
    api_of(call->match.op)(call);
    call_done(call);
}

static void on_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct wire_fault fault;
    struct err err = { 0 };
    const char *json = len ? body : "{}";

    if (wire_parse(call->route->request, json, len ? len : 2, WIRE_STRICT, &call->in, &fault,
                   &err) < 0) {
        call_fault(call, fault.pointer, fault.message);
        return;
    }
    call->has_in = true;
    sha256_hex(json, len ? len : 2, call->request_sha256);
    call_handle(call);
}

/* --- the steps before a handler --- */

static bool step_route(struct call *call)
{
    char allow[64] = "";
    struct err err = { 0 };
    int rc = route_find(call->request, &call->match, allow, &err);

    if (rc == 0) {
        call->route = &sos_routes[call->match.op];
        return true;
    }
    if (rc == -ERR_INVALID && *allow) {
        http_set_header(call->request, "Allow", allow);
        call_problem_status(call, 405, &err);
    } else {
        call_problem(call, &err);
    }
    return false;
}

static bool step_role(struct call *call)
{
    const struct auth_token *token;
    struct err err = { 0 };

    if (call->route->role == SOS_ROLE_UNSPECIFIED)
        return true;
    token = auth_check(farm_auth(call->farm), call->request, clock_wall_ms());
    if (!token) {
        err_set(&err, ERR_DENIED, "a valid token is needed: Authorization: Bearer …");
        err_hint(&err, "sos login, or SOS_TOKEN");
        err_reason(&err, "UNAUTHENTICATED");
        http_set_header(call->request, "WWW-Authenticate", "Bearer realm=\"sos\"");
        call_problem_status(call, 401, &err);
        return false;
    }
    call->caller = *token;
    if (auth_role_allows(token->role, (int)call->route->role))
        return true;
    err_set(&err, ERR_DENIED, "the role of %s does not allow this", token->subject);
    call_problem(call, &err);
    return false;
}

static bool query_is_known(const struct sos_route *route, const char *name, size_t len)
{
    for (const char *const *known = route->query; *known; known++)
        if (strlen(*known) == len && memcmp(*known, name, len) == 0)
            return true;
    return false;
}

static bool step_query(struct call *call)
{
    char pointer[100];

    for (const char *at = http_raw_query(call->request); *at;) {
        size_t part = strcspn(at, "&");
        size_t len = strcspn(at, "&=");
        if (part > 0 && !query_is_known(call->route, at, len)) {
            snprintf(pointer, sizeof pointer, "?%.*s", len < 80 ? (int)len : 80, at);
            call_fault(call, pointer, "this parameter is unknown here");
            return false;
        }
        at += part + (at[part] == '&');
    }
    return true;
}

static void step_body(struct call *call)
{
    if (call->route->request && call->match.op != SOS_OP_CREATE_SOURCE)
        http_collect(call->request, HTTP_JSON_MAX, on_body);
    else
        call_handle(call);
}

static void on_request(void *ctx, struct http_request *request)
{
    struct web *web = ctx;
    struct call *call = xcalloc(1, sizeof *call);

    call->web = web;
    call->farm = web->farm;
    call->request = request;
    http_set_state(request, call, on_closed);
    call_wait(call);
    if (step_route(call) && step_role(call) && step_query(call))
        step_body(call);
    call_done(call);
}

/* --- start and stop --- */

int web_start(uv_loop_t *loop, const struct http_config *config, struct farm *farm,
              struct web **ret, struct err *err)
{
    struct web *web = xcalloc(1, sizeof *web);

    web->farm = farm;
    int rc = http_start(loop, config, on_request, web, &web->http, err);
    if (rc < 0)
        free(web);
    else
        *ret = web;
    return rc;
}

const char *web_url(const struct web *web)
{
    return http_url(web->http);
}

void web_stop(struct web *web, void (*stopped)(void *ctx), void *ctx)
{
    http_stop(web->http, stopped, ctx);
}

void web_free(struct web *web)
{
    free(web);
}
