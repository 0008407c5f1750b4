/* call.h - which call of the API a request is, from its method and raw path.
 *
 * Every path is served with and without the prefix /artifactory. */
#pragma once

enum call_kind {
    CALL_NONE,        /* no such path */
    CALL_NOT_ALLOWED, /* the path is, the method is not: 405 */
    CALL_PING,
    CALL_VERSION,
    CALL_USAGE,
    CALL_UPLOADS_CONFIG,
    CALL_REPOSITORIES,
    CALL_REPOSITORY, /* rest: "key" */
    CALL_STORAGE_INFO,
    CALL_STORAGE_INFO_CALCULATE,
    CALL_INFO,         /* GET api/storage/…; rest: "repo/path" */
    CALL_PROPS_SET,    /* PUT api/storage/…?properties= */
    CALL_PROPS_REMOVE, /* DELETE api/storage/…?properties= */
    CALL_METADATA,     /* PATCH api/metadata/… */
    CALL_COPY,
    CALL_MOVE,
    CALL_TOKEN_MAKE,
    CALL_TOKEN_MAKE_FORM, /* POST api/security/token */
    CALL_TOKENS,
    CALL_TOKEN, /* rest: an id */
    CALL_TOKEN_REVOKE,
    CALL_TOKEN_REVOKE_FORM,
    CALL_BUILDS,
    CALL_BUILD,           /* rest of these: "name[/number]" */
    CALL_BUILD_ARTIFACTS, /* rest: "name/number/repository" */
    CALL_BUILD_PUBLISH,
    CALL_BUILD_APPEND,
    CALL_BUILD_DELETE, /* no rest: the body names them */
    CALL_BUILD_RENAME,
    CALL_BUILD_RETENTION,
    CALL_BUILD_PROMOTE,
    CALL_METRICS,
    CALL_RETENTION, /* POST api/retention/run */
    CALL_GOLANG,    /* api/go/…; rest: "repo/module/@v/…" */
    CALL_GOLANG_PUT,
    CALL_PYPI,        /* GET api/pypi/…; rest: "repo/simple/…" or "repo/packages/…" */
    CALL_PYPI_UPLOAD, /* POST api/pypi/repo */
    CALL_AQL,         /* POST api/search/aql */
    CALL_SEARCH_CHECKSUM,
    CALL_SEARCH_PROP,
    CALL_SEARCH_ARTIFACT,
    CALL_SEARCH_GAVC,
    CALL_SEARCH_VERSIONS,
    CALL_SEARCH_LATEST,
    CALL_NPM, /* api/npm/…, any method; rest: "repo/…" */
    CALL_GET, /* an item; rest: "repo/path;k=v" */
    CALL_PUT,
    CALL_DELETE,
};

/* `ret_rest` (borrowed from `path`) is what is left of the path; `ret_allow` the methods there are
 * (CALL_NOT_ALLOWED). */
enum call_kind call_find(const char *method, const char *path, const char **ret_rest,
                         const char **ret_allow);
