#include "tests/unit/unit.h"

#include "store/core/call.h"

static void every_call_is_found_with_and_without_the_prefix(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        enum call_kind kind;
        const char *rest;
    } rows[] = {
        { "GET", "/api/system/ping", CALL_PING, "" },
        { "HEAD", "/api/system/ping", CALL_PING, "" },
        { "POST", "/api/system/ping", CALL_NOT_ALLOWED, "" },
        { "GET", "/api/system/version", CALL_VERSION, "" },
        { "POST", "/api/system/usage", CALL_USAGE, "" },
        { "GET", "/api/v1/uploads/config", CALL_UPLOADS_CONFIG, "" },
        { "GET", "/api/repositories", CALL_REPOSITORIES, "" },
        { "GET", "/api/repositories/r", CALL_REPOSITORY, "r" },
        { "GET", "/api/storageinfo", CALL_STORAGE_INFO, "" },
        { "GET", "/api/storage/r/a/b", CALL_INFO, "r/a/b" },
        { "PUT", "/api/storage/r/a", CALL_PROPS_SET, "r/a" },
        { "DELETE", "/api/storage/r/a", CALL_PROPS_REMOVE, "r/a" },
        { "PATCH", "/api/metadata/r/a", CALL_METADATA, "r/a" },
        { "GET", "/api/metadata/r/a", CALL_NOT_ALLOWED, "" },
        { "POST", "/api/copy/r/a", CALL_COPY, "r/a" },
        { "POST", "/api/move/r/a", CALL_MOVE, "r/a" },
        { "GET", "/api/security/users", CALL_NONE, "" },
        { "GET", "/r/a;k=v", CALL_GET, "r/a;k=v" },
        { "HEAD", "/r/a", CALL_GET, "r/a" },
        { "PUT", "/r/a", CALL_PUT, "r/a" },
        { "DELETE", "/r/a", CALL_DELETE, "r/a" },
        { "MKCOL", "/r/a", CALL_NOT_ALLOWED, "" },
        { "PROPFIND", "/r", CALL_NOT_ALLOWED, "" },
        { "PUT", "/", CALL_NONE, "" },
        { "GET", "/apix/a", CALL_GET, "apix/a" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char prefixed[100];
        const char *rest;
        const char *allow;
        snprintf(prefixed, sizeof prefixed, "/artifactory%s", rows[i].path);
        const char *const paths[] = { rows[i].path, prefixed };
        for (size_t p = 0; p < countof(paths); p++) {
            assert_int_equal(call_find(rows[i].method, paths[p], &rest, &allow), rows[i].kind);
            if (rows[i].kind == CALL_NOT_ALLOWED)
                assert_true(allow[0] != '\0');
            else if (rows[i].kind != CALL_NONE)
                assert_string_equal(rest, rows[i].rest);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_found_with_and_without_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
