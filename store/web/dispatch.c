/* dispatch.c - from a request to the call that it is: who asks, may he, is there room. */
#include <string.h>

#include "store/core/text.h"
#include "store/web/caller.h"

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

    if (where == AT_ITEM && item_path_parse(call->rest, &call->at, NULL, NULL) == 0) {
        call->placed = true;
        return call_require(call, access, &call->at);
    }
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

bool call_has_room(struct call *call, int access)
{
    struct err *err = &call->task.err;
    bool adds = (access & (ACCESS_PUSH | ACCESS_ANNOTATE)) || call->kind == CALL_COPY;

    if (!adds || call->kind == CALL_PROPS_REMOVE || headroom_check(call->store->headroom, err) == 0)
        return true;
    call->task.rc = -ERR_FULL;
    call_fail(call, "");
    return false;
}

static bool call_admit(struct call *call)
{
    if (call->kind == CALL_PING)
        return true;
    if (!call_identify(call))
        return false;
    if (call->kind == CALL_NONE || call->kind == CALL_NOT_ALLOWED || call->kind == CALL_NPM)
        return true; /* npm's calls ask by themselves: one of them is the login */
    if (call->kind == CALL_TOKEN_MAKE || call->kind == CALL_TOKEN_MAKE_FORM)
        return true; /* a refresh token in the body may be all one has */
    return call_admit_at(call, calls[call->kind].access, calls[call->kind].where);
}

void store_on_request(void *ctx, struct http_request *request)
{
    struct call *call = call_new(ctx, request);
    const char *allow;

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
    call_let_go(call);
}
