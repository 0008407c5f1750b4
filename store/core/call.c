#include "store/core/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* All below /api and /access, and /metrics.  In a row of `prefix` the path goes on behind it; else
 * it ends there. */
static const struct row {
    const char *method;
    const char *path;
    bool prefix;
    enum call_kind kind;
    const char *allow;
} rows[] = {
    { "GET", "/api/system/ping", false, CALL_PING, "GET, HEAD" },
    { "GET", "/api/system/version", false, CALL_VERSION, "GET, HEAD" },
    { "POST", "/api/retention/run", false, CALL_RETENTION, "POST" },
    { "POST", "/api/system/usage", false, CALL_USAGE, "POST" },
    { "GET", "/api/v1/uploads/config", false, CALL_UPLOADS_CONFIG, "GET, HEAD" },
    { "GET", "/api/repositories", false, CALL_REPOSITORIES, "GET, HEAD" },
    { "GET", "/api/repositories/", true, CALL_REPOSITORY, "GET, HEAD" },
    { "GET", "/api/storageinfo", false, CALL_STORAGE_INFO, "GET, HEAD" },
    { "POST", "/api/storageinfo/calculate", false, CALL_STORAGE_INFO_CALCULATE, "POST" },
    { "GET", "/api/storage/", true, CALL_INFO, "GET, HEAD, PUT, DELETE" },
    { "PUT", "/api/storage/", true, CALL_PROPS_SET, "GET, HEAD, PUT, DELETE" },
    { "DELETE", "/api/storage/", true, CALL_PROPS_REMOVE, "GET, HEAD, PUT, DELETE" },
    { "PATCH", "/api/metadata/", true, CALL_METADATA, "PATCH" },
    { "POST", "/api/copy/", true, CALL_COPY, "POST" },
    { "POST", "/api/move/", true, CALL_MOVE, "POST" },
    { "POST", "/access/api/v1/tokens", false, CALL_TOKEN_MAKE, "GET, HEAD, POST" },
    { "GET", "/access/api/v1/tokens", false, CALL_TOKENS, "GET, HEAD, POST" },
    { "GET", "/access/api/v1/tokens/", true, CALL_TOKEN, "GET, HEAD, DELETE" },
    { "DELETE", "/access/api/v1/tokens/", true, CALL_TOKEN_REVOKE, "GET, HEAD, DELETE" },
    { "POST", "/api/security/token", false, CALL_TOKEN_MAKE_FORM, "GET, HEAD, POST" },
    { "GET", "/api/security/token", false, CALL_TOKENS, "GET, HEAD, POST" },
    { "POST", "/api/security/token/revoke", false, CALL_TOKEN_REVOKE_FORM, "POST" },
    { "GET", "/api/go/", true, CALL_GOLANG, "GET, HEAD, PUT" },
    { "PUT", "/api/go/", true, CALL_GOLANG_PUT, "GET, HEAD, PUT" },
    { "GET", "/api/pypi/", true, CALL_PYPI, "GET, HEAD, POST" },
    { "POST", "/api/pypi/", true, CALL_PYPI_UPLOAD, "GET, HEAD, POST" },
    { "POST", "/api/search/aql", false, CALL_AQL, "POST" },
    { "GET", "/api/search/checksum", false, CALL_SEARCH_CHECKSUM, "GET, HEAD" },
    { "GET", "/api/search/prop", false, CALL_SEARCH_PROP, "GET, HEAD" },
    { "GET", "/api/search/artifact", false, CALL_SEARCH_ARTIFACT, "GET, HEAD" },
    { "GET", "/api/search/gavc", false, CALL_SEARCH_GAVC, "GET, HEAD" },
    { "GET", "/api/search/versions", false, CALL_SEARCH_VERSIONS, "GET, HEAD" },
    { "GET", "/api/search/latestVersion", false, CALL_SEARCH_LATEST, "GET, HEAD" },
    { "GET", "/api/build", false, CALL_BUILDS, "GET, HEAD, PUT" },
    { "GET", "/api/build/", false, CALL_BUILDS, "GET, HEAD" },
    { "PUT", "/api/build", false, CALL_BUILD_PUBLISH, "GET, HEAD, PUT" },
    { "POST", "/api/build/promote/", true, CALL_BUILD_PROMOTE, "GET, HEAD, POST" },
    { "POST", "/api/build/append/", true, CALL_BUILD_APPEND, "GET, HEAD, POST" },
    { "POST", "/api/build/delete", false, CALL_BUILD_DELETE, "GET, HEAD, POST" },
    { "POST", "/api/build/rename/", true, CALL_BUILD_RENAME, "GET, HEAD, POST" },
    { "POST", "/api/build/retention/", true, CALL_BUILD_RETENTION, "GET, HEAD, POST" },
    { "GET", "/api/build/", true, CALL_BUILD, "GET, HEAD" },
    { "GET", "/api/builds/buildArtifacts/", true, CALL_BUILD_ARTIFACTS, "GET, HEAD" },
    { "GET", "/api/npm/", true, CALL_NPM, "GET, HEAD, PUT, POST, DELETE" },
    { "PUT", "/api/npm/", true, CALL_NPM, "GET, HEAD, PUT, POST, DELETE" },
    { "POST", "/api/npm/", true, CALL_NPM, "GET, HEAD, PUT, POST, DELETE" },
    { "DELETE", "/api/npm/", true, CALL_NPM, "GET, HEAD, PUT, POST, DELETE" },
    { "GET", "/metrics", false, CALL_METRICS, "GET, HEAD" },
};

static const struct row items[] = {
    { "GET", "/", true, CALL_GET, "GET, HEAD, PUT, DELETE" },
    { "PUT", "/", true, CALL_PUT, "GET, HEAD, PUT, DELETE" },
    { "DELETE", "/", true, CALL_DELETE, "GET, HEAD, PUT, DELETE" },
};

static bool row_has_path(const struct row *row, const char *path)
{
    size_t len = strlen(row->path);

    if (row->prefix)
        return strncmp(path, row->path, len) == 0 && path[len] != '\0';
    return strcmp(path, row->path) == 0;
}

static enum call_kind table_find(const struct row *table, size_t count, const char *method,
                                 const char *path, const char **ret_rest, const char **ret_allow)
{
    enum call_kind found = CALL_NONE;

    for (size_t i = 0; i < count; i++) {
        if (!row_has_path(&table[i], path))
            continue;
        if (strcmp(method, table[i].method) == 0) {
            *ret_rest = path + strlen(table[i].path);
            return table[i].kind;
        }
        *ret_allow = table[i].allow;
        found = CALL_NOT_ALLOWED;
    }
    return found;
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

enum call_kind call_find(const char *method, const char *path, const char **ret_rest,
                         const char **ret_allow)
{
    static const char prefix[] = "/artifactory";
    size_t len = sizeof prefix - 1;

    *ret_rest = *ret_allow = "";
    if (strncmp(path, prefix, len) == 0 && path[len] == '/')
        path += len;
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    if (is_below(path, "/api") || is_below(path, "/access") || strcmp(path, "/metrics") == 0)
        return table_find(rows, sizeof rows / sizeof *rows, method, path, ret_rest, ret_allow);
    return table_find(items, sizeof items / sizeof *items, method, path, ret_rest, ret_allow);
}
