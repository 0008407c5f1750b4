/* caller.c - who asks, what he may, and what he calls us. */
#include "store/web/caller.h"

#include <ctype.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"

/* --- what he may --- */

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
    const char *at = host;

    while (at && (isalnum((unsigned char)*at) || (*at && strchr(".:-[]_", *at))))
        at++;
    return at > host && *at == '\0' && at - host < CALL_BASE_MAX - 32;
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

/* For every request: by copying. */
static void base_write(const char *scheme, const char *host, char ret[CALL_BASE_MAX])
{
    strcpy(stpcpy(stpcpy(ret, scheme), host), "/artifactory");
}

/* A proxy that somebody we know runs in front of us says what it is called: without a path as
 * Artifactory's own proxies do, whose paths are those of the store. */
void call_find_base(struct call *call)
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
        base_write(settings->http.tls_cert_file ? "https://" : "http://",
                   host_is_plain(host) ? host : "localhost", call->base);
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
bool call_identify(struct call *call)
{
    bool tried;
    const struct auth_token *token = token_of(call, &tried);

    strcpy(call->user, "anonymous");
    const char *scope = call->store->settings->anonymous_read ? SCOPE_READERS : NULL;
    bool may_refresh = call->kind == CALL_TOKEN_MAKE || call->kind == CALL_TOKEN_MAKE_FORM;
    if (!token && tried && !may_refresh) {
        http_set_header(call->request, "WWW-Authenticate", "Basic realm=\"Artifactory Realm\"");
        call_error(call, 401, TEXT_BAD_TOKEN);
        return false;
    }
    if (token) {
        memcpy(call->user, token->subject, sizeof call->user);
        memcpy(call->token, token->id, sizeof call->token);
        call->expire_ms = token->expire_wall_ms;
        scope = token->scope;
    }
    call->scope = scope ? xstrdup(scope) : NULL; /* the table may change while we are at work */
    return true;
}
