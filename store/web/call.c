#include "store/web/call.h"

#include <assert.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "store/core/text.h"
#include "store/web/bytes.h"
#include "store/web/remote.h"
#include "store/web/upload.h"

/* --- its life --- */

static void call_release(struct call *call)
{
    struct store *store = call->store;

    if (call->request || call->holds > 0)
        return;
    upload_free(call);
    remote_ask_free(call);
    if (call->own_free)
        call->own_free(call);
    props_done(&call->props);
    freed_done(&call->freed);
    free(call->text);
    free(call->scope);
    if (call->fd >= 0)
        close(call->fd);
    free(call);
    store_call_ended(store);
}

static void on_closed(struct http_request *request, void *state, bool whole)
{
    struct call *call = state;

    (void)request;
    (void)whole;
    call->request = NULL;
    call->holds++;
    remote_gone(call);
    call->holds--;
    if (call->holds == 0 && call->on_gone) {
        call->holds++;
        call->on_gone(call);
        call->holds--;
    }
    call_release(call);
}

static void call_work(struct task *task)
{
    struct call *call = container_of(task, struct call, task);
    call->work(call);
}

static void on_task(struct task *task)
{
    struct call *call = container_of(task, struct call, task);

    call->then(call);
    call->holds--;
    call_release(call);
}

void call_post(struct call *call, struct strand *strand, call_fn work, call_fn then)
{
    call->holds++;
    call->work = work;
    call->then = then;
    strand_post(strand, &call->task, call_work, on_task);
}

void call_own(struct call *call, void *own, call_fn own_free)
{
    assert(!call->own);
    call->own = own;
    call->own_free = own_free;
}

void call_hold(struct call *call)
{
    call->holds++;
}

void call_let_go(struct call *call)
{
    call->holds--;
    call_release(call);
}

/* --- what must be possible on a full disk --- */

static void spend_work(struct call *call)
{
    headroom_spend(call->store->headroom);
    call->task.rc = 0;
}

static void on_spent(struct call *call)
{
    log_warn("store", "the disk is full, using the headroom to delete", "user=%s", call->user);
    freed_done(&call->freed);
    call_post(call, call->store->writer, call->removal, call->removal_then);
}

static void on_removal(struct call *call)
{
    if (call->task.rc == -ERR_FULL && headroom_is_held(call->store->headroom))
        call_post(call, call->store->reader, spend_work, on_spent);
    else
        call->removal_then(call);
}

void call_post_removal(struct call *call, call_fn work, call_fn then)
{
    call->removal = work;
    call->removal_then = then;
    call_post(call, call->store->writer, work, on_removal);
}

/* What adds is refused while there is room to delete only. */
static bool call_has_room(struct call *call, int access)
{
    struct err *err = &call->task.err;
    bool adds = (access & (ACCESS_PUSH | ACCESS_ANNOTATE)) || call->kind == CALL_COPY;

    if (!adds || call->kind == CALL_PROPS_REMOVE || headroom_check(call->store->headroom, err) == 0)
        return true;
    call->task.rc = -ERR_FULL;
    call_fail(call, "");
    return false;
}

/* --- who and where --- */

bool call_may(const struct call *call, int access, const struct item_path *at)
{
    return call->scope &&
           scope_allows(call->scope, access, at ? at->repo : NULL, at ? at->path : NULL);
}

bool call_sees(const struct call *call, const char *repo)
{
    return call->scope && scope_allows(call->scope, ACCESS_READ, repo, NULL);
}

void call_deny(struct call *call, int access, const struct item_path *at)
{
    char text[ERROR_TEXT_MAX];

    if (strcmp(call->user, "anonymous") == 0) {
        http_set_header(call->request, "WWW-Authenticate", "Basic realm=\"Artifactory Realm\"");
        call_error(call, 401, TEXT_UNAUTHORIZED);
    } else if (at) {
        error_no_permission(access_verb(access), at, call->user, text);
        call_error(call, 403, text);
    } else {
        call_error(call, 403, "Not enough permissions for this request.");
    }
}

bool call_require(struct call *call, int access, const struct item_path *at)
{
    bool may = call_may(call, access, at);

    if (!may)
        call_deny(call, access, at);
    return may;
}

static bool host_is_plain(const char *host)
{
    return host && *host && strlen(host) < CALL_BASE_MAX - 32 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]_") ==
               strlen(host);
}

/* "http://host:port/path", without a slash at its end. */
static bool base_is_plain(const char *base)
{
    size_t scheme = strncmp(base, "https://", 8) == 0  ? 8
                    : strncmp(base, "http://", 7) == 0 ? 7
                                                       : 0;
    size_t len = strlen(base);
    const char *slash = strchrnul(base + scheme, '/');
    auto_free char *host = xstrndup(base + scheme, (size_t)(slash - base) - scheme);

    return scheme > 0 && len < CALL_BASE_MAX - sizeof "/artifactory" && host_is_plain(host) &&
           base[len - 1] != '/' &&
           strspn(slash, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/") ==
               strlen(slash);
}

/* A proxy that somebody we know runs in front of us says what it is called: without a path as
 * Artifactory's own proxies do, whose paths are those of the store. */
static void call_find_base(struct call *call)
{
    const struct store_settings *settings = call->store->settings;
    const char *host = http_header(call->request, "Host");
    const char *told = http_header(call->request, "X-JFrog-Override-Base-Url");

    if (told && strcmp(call->user, "anonymous") != 0 && base_is_plain(told))
        snprintf(call->base, sizeof call->base, "%s%s", told,
                 strchr(strstr(told, "://") + 3, '/') ? "" : "/artifactory");
    else if (settings->public_url[0])
        snprintf(call->base, sizeof call->base, "%s", settings->public_url);
    else
        snprintf(call->base, sizeof call->base, "%s://%s/artifactory",
                 settings->http.tls_cert_file ? "https" : "http",
                 host_is_plain(host) ? host : "localhost");
}

/* X-JFrog-Art-Api and the older X-Api-Key carry a token alone. */
static const struct auth_token *token_of(struct call *call, bool *ret_tried)
{
    struct http_request *request = call->request;
    struct auth *auth = call->store->auth;
    const char *key = http_header(request, "X-JFrog-Art-Api");

    if (!key)
        key = http_header(request, "X-Api-Key");
    *ret_tried = key || http_header(request, "Authorization");
    if (!key)
        return auth_check(auth, request, call->now_ms);
    auto_free char *bearer = xasprintf("Bearer %s", key);
    return auth_check_header(auth, bearer, call->now_ms);
}

/* Who asks; false: he was answered that he is nobody we know. */
static bool call_identify(struct call *call)
{
    bool tried;
    const struct auth_token *token = token_of(call, &tried);

    strcpy(call->user, "anonymous");
    const char *scope = call->store->settings->anonymous_read ? SCOPE_READERS : NULL;
    if (!token && tried) {
        http_set_header(call->request, "WWW-Authenticate", "Basic realm=\"Artifactory Realm\"");
        call_error(call, 401, TEXT_BAD_TOKEN);
        return false;
    }
    if (token) {
        snprintf(call->user, sizeof call->user, "%s", token->subject);
        snprintf(call->token, sizeof call->token, "%s", token->id);
        call->expire_ms = token->expire_wall_ms;
        scope = token->scope;
    }
    call->scope = scope ? xstrdup(scope) : NULL; /* the table may change while we are at work */
    return true;
}

/* What each call is, what one must be allowed for it, and where. */
enum where {
    SOMEWHERE,     /* anywhere: the call itself looks closer */
    IN_REPOSITORY, /* anywhere in the one that `rest` begins with: the call itself looks closer */
    AT_ITEM,       /* at the path that `rest` is */
};

static const struct {
    call_fn run;
    int access; /* enum access */
    enum where where;
} calls[] = {
    [CALL_PING] = { system_call, ACCESS_NONE, SOMEWHERE },
    [CALL_VERSION] = { system_call, ACCESS_NONE, SOMEWHERE },
    [CALL_USAGE] = { system_call, ACCESS_NONE, SOMEWHERE },
    [CALL_UPLOADS_CONFIG] = { system_call, ACCESS_NONE, SOMEWHERE },
    [CALL_REPOSITORIES] = { repositories_call, ACCESS_READ, SOMEWHERE },
    [CALL_REPOSITORY] = { repository_call, ACCESS_READ, IN_REPOSITORY },
    [CALL_STORAGE_INFO] = { system_call, ACCESS_READ, SOMEWHERE },
    [CALL_STORAGE_INFO_CALCULATE] = { system_call, ACCESS_READ, SOMEWHERE },
    [CALL_METRICS] = { system_call, ACCESS_READ, SOMEWHERE },
    [CALL_RETENTION] = { retention_call, ACCESS_ADMIN, SOMEWHERE },
    [CALL_INFO] = { info_call, ACCESS_READ, AT_ITEM },
    [CALL_PROPS_SET] = { props_set_call, ACCESS_ANNOTATE, AT_ITEM },
    [CALL_PROPS_REMOVE] = { props_remove_call, ACCESS_ANNOTATE, AT_ITEM },
    [CALL_METADATA] = { metadata_call, ACCESS_ANNOTATE, AT_ITEM },
    [CALL_COPY] = { transfer_call, ACCESS_READ, AT_ITEM },
    [CALL_MOVE] = { transfer_call, ACCESS_READ | ACCESS_DELETE, AT_ITEM },
    [CALL_TOKEN_MAKE] = { token_make_call, ACCESS_NONE, SOMEWHERE },
    [CALL_TOKEN_MAKE_FORM] = { token_make_call, ACCESS_NONE, SOMEWHERE },
    [CALL_TOKENS] = { tokens_call, ACCESS_NONE, SOMEWHERE },
    [CALL_TOKEN] = { token_call, ACCESS_NONE, SOMEWHERE },
    [CALL_TOKEN_REVOKE] = { token_revoke_call, ACCESS_NONE, SOMEWHERE },
    [CALL_TOKEN_REVOKE_FORM] = { token_revoke_form_call, ACCESS_NONE, SOMEWHERE },
    [CALL_GOLANG] = { golang_call, ACCESS_READ, AT_ITEM },
    [CALL_GOLANG_PUT] = { golang_put_call, ACCESS_PUSH, AT_ITEM },
    [CALL_PYPI] = { pypi_call, ACCESS_READ, IN_REPOSITORY },
    [CALL_PYPI_UPLOAD] = { pypi_upload_call, ACCESS_PUSH, IN_REPOSITORY },
    [CALL_AQL] = { aql_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_CHECKSUM] = { search_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_PROP] = { search_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_ARTIFACT] = { search_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_GAVC] = { search_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_VERSIONS] = { versions_call, ACCESS_READ, SOMEWHERE },
    [CALL_SEARCH_LATEST] = { versions_call, ACCESS_READ, SOMEWHERE },
    [CALL_BUILDS] = { builds_call, ACCESS_READ, SOMEWHERE },
    [CALL_BUILD] = { build_call, ACCESS_READ, SOMEWHERE },
    [CALL_BUILD_ARTIFACTS] = { build_artifacts_call, ACCESS_READ, SOMEWHERE },
    [CALL_BUILD_PUBLISH] = { build_publish_call, ACCESS_PUSH, SOMEWHERE },
    [CALL_BUILD_APPEND] = { build_append_call, ACCESS_PUSH, SOMEWHERE },
    [CALL_BUILD_DELETE] = { build_delete_call, ACCESS_DELETE, SOMEWHERE },
    [CALL_BUILD_RENAME] = { build_rename_call, ACCESS_DELETE, SOMEWHERE },
    [CALL_BUILD_RETENTION] = { build_retention_call, ACCESS_DELETE, SOMEWHERE },
    [CALL_BUILD_PROMOTE] = { build_promote_call, ACCESS_PUSH, SOMEWHERE },
    [CALL_NPM] = { npm_call, ACCESS_NONE, SOMEWHERE },
    [CALL_GET] = { get_call, ACCESS_READ, AT_ITEM },
    [CALL_PUT] = { put_call, ACCESS_PUSH, AT_ITEM },
    [CALL_DELETE] = { delete_call, ACCESS_DELETE, AT_ITEM },
};

/* A path that cannot be is answered by the call itself. */
static bool call_admit_at(struct call *call, int access, enum where where)
{
    size_t len = strcspn(call->rest, "/;");

    if (where == AT_ITEM && item_path_parse(call->rest, &call->at, NULL, NULL) == 0)
        return call_require(call, access, &call->at);
    if (where == IN_REPOSITORY && len <= REPO_KEY_MAX) {
        memcpy(call->at.repo, call->rest, len);
        call->at.repo[len] = '\0';
        if (call->scope && scope_allows(call->scope, access, call->at.repo, NULL))
            return true;
        call_deny(call, access, &call->at);
        return false;
    }
    return call_require(call, access, NULL);
}

static bool call_admit(struct call *call)
{
    if (call->kind == CALL_PING)
        return true;
    if (!call_identify(call))
        return false;
    if (call->kind == CALL_NONE || call->kind == CALL_NOT_ALLOWED || call->kind == CALL_NPM)
        return true; /* npm's calls ask by themselves: one of them is the login */
    return call_admit_at(call, calls[call->kind].access, calls[call->kind].where);
}

void store_on_request(void *ctx, struct http_request *request)
{
    struct call *call = xcalloc(1, sizeof *call);
    const char *allow;

    *call = (struct call){
        .store = ctx, .request = request, .holds = 1, .fd = -1, .now_ms = clock_wall_ms()
    };
    call->store->calls++;
    http_set_state(request, call, on_closed);
    call->kind = call_find(http_method(request), http_path(request), &call->rest, &allow);
    if (call_admit(call)) {
        call_find_base(call);
        if (call->kind == CALL_NONE)
            call_error(call, 404, TEXT_NO_FILE);
        else if (call->kind == CALL_NOT_ALLOWED)
            call_refuse_method(call, allow);
        else if (call_has_room(call, calls[call->kind].access))
            calls[call->kind].run(call);
    }
    call->holds--;
    call_release(call);
}

/* --- what it asks --- */

bool call_asks(const struct call *call, const char *name)
{
    size_t len;
    return text_query(http_raw_query(call->request), name, &len) != NULL;
}

bool call_flag(const struct call *call, const char *name, bool fallback)
{
    size_t len;
    const char *value = text_query(http_raw_query(call->request), name, &len);

    if (!value || len == 0)
        return value ? true : fallback;
    return !(len == 1 && value[0] == '0') && !(len == 5 && memcmp(value, "false", 5) == 0);
}

/* --- answers --- */

void call_answer(struct call *call, int status, const char *type, const char *text)
{
    if (call->request)
        http_answer(call->request, status, type, text, strlen(text));
}

void call_answer_text(struct call *call, int status, const char *type)
{
    char *text = take_ptr(call->text);

    if (call->request)
        http_answer_take(call->request, status, type, text, strlen(text));
    else
        free(text);
}

void call_error(struct call *call, int status, const char *message)
{
    auto_free char *text = (call->kind == CALL_NPM ? error_json_npm : error_json)(status, message);
    call_answer(call, status, "application/json", text);
}

void call_fail(struct call *call, const char *missing)
{
    const struct err *err = &call->task.err;

    if (err->reason && strncmp(err->reason, "UPSTREAM", 8) == 0) {
        call_error(call, strcmp(err->reason, "UPSTREAM_TIMEOUT") == 0 ? 504 : 502, err->text);
        return;
    }
    switch (-call->task.rc) {
    case ERR_INVALID:
    case ERR_LIMIT:
        call_error(call, 400, err->text);
        return;
    case ERR_NOT_FOUND:
        call_error(call, 404, missing);
        return;
    case ERR_DENIED:
        call_error(call, 403, err->text);
        return;
    case ERR_CONFLICT:
        call_error(call, 409, err->text);
        return;
    case ERR_FULL:
        metric_add(call->store->counts.refused_full, 1);
        log_warn("store", "disk full, refusing", "user=%s error=\"%s\"", call->user, err->text);
        if (call->request)
            http_set_header(call->request, "Retry-After", HTTP_FULL_RETRY_S);
        call_error(call, 507, err->text);
        return;
    default:
        if (bytes_failed(call->store, err)) {
            call_error(call, 500, err->text);
            return;
        }
        log_error("store", "call failed", "user=%s error=\"%s\"", call->user, err->text);
        call_error(call, 500, "Internal error; the store's log tells more.");
    }
}

void call_refuse_method(struct call *call, const char *allow)
{
    http_set_header(call->request, "Allow", allow);
    call_error(call, 405, "Method not allowed");
}

/* --- freed bytes --- */

static void free_bytes_work(struct call *call)
{
    struct store *store = call->store;

    for (size_t i = 0; i < call->freed.count; i++) {
        int rc = pins_remove_blob(store->pins, store->blobs, store->reader_db, call->freed.list[i],
                                  &call->task.err);
        if (rc < 0)
            call->task.rc = rc; /* the sweep tries again */
    }
}

void call_free_bytes(struct call *call, call_fn then)
{
    call_post(call, call->store->reader, free_bytes_work, then);
}
