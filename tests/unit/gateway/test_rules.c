#include "tests/unit/unit.h"

#include "gateway/rules.h"

static const struct rules rules = {
    .repositories = { [RULES_GO] = "go-remote",
                      [RULES_NPM] = "npm-remote",
                      [RULES_PYPI] = "pypi-remote",
                      [RULES_MAVEN] = "maven-remote" },
};

static void what_packages_are_made_of_may_be_asked_for(void **state)
{
    static const struct {
        const char *path, *repository, *below;
        enum rules_type type;
        bool metadata;
    } asked[] = {
        { "/api/go/go-remote/a.b/c/@v/v1.0.0.zip", "go-remote", "a.b/c/@v/v1.0.0.zip", RULES_GO,
          0 },
        { "/api/go/go-remote/a.b/!c/@v/list", "go-remote", "a.b/!c/@v/list", RULES_GO, 1 },
        { "/api/go/go-remote/sumdb/s/tile/8/0/x001", "go-remote", "sumdb/s/tile/8/0/x001", RULES_GO,
          1 },
        { "/api/npm/npm-remote/@a%2fb", "npm-remote", "@a%2fb", RULES_NPM, 1 },
        { "/api/npm/npm-remote/@a/b/-/b-1.0.0.tgz", "npm-remote", "@a/b/-/b-1.0.0.tgz", RULES_NPM,
          0 },
        { "/api/pypi/pypi-remote/simple/x/", "pypi-remote", "simple/x/", RULES_PYPI, 1 },
        { "/api/pypi/pypi-remote/packages/x-1+a.whl", "pypi-remote", "packages/x-1+a.whl",
          RULES_PYPI, 0 },
        { "/maven-remote/g/a/1/a-1.jar", "maven-remote", "g/a/1/a-1.jar", RULES_MAVEN, 0 },
        { "/api/npm/npm-remote/@a%2Fb%2F%2D%2Fb-1.0.0.tgz", "npm-remote",
          "@a%2Fb%2F%2D%2Fb-1.0.0.tgz", RULES_NPM, 0 },
        { "/maven-remote/g/maven-metadata-tools/1/x.jar", "maven-remote",
          "g/maven-metadata-tools/1/x.jar", RULES_MAVEN, 0 },
        { "/maven-remote/g/a/maven-metadata.xml.sha1", "maven-remote",
          "g/a/maven-metadata.xml.sha1", RULES_MAVEN, 1 },
    };
    (void)state;
    for (size_t i = 0; i < countof(asked); i++) {
        auto_free char *path = xasprintf(RULES_BASE "%s", asked[i].path);
        struct rules_target target;
        struct err err = { 0 };
        assert_ok(rules_check(&rules, path, &target, &err), err);
        assert_string_equal(target.repository, asked[i].repository);
        assert_string_equal(target.path, asked[i].below);
        assert_int_equal(target.type, asked[i].type);
        assert_int_equal(target.metadata, asked[i].metadata);
    }
}

static void a_file_has_one_name_however_it_is_asked_for(void **state)
{
    static const char *const ways[] = { "@a/b/-/b-1.0.0.tgz", "@a%2fb/-/b-1.0.0.tgz",
                                        "%40a%2Fb%2f%2D/%62-1.0.0.tgz" };
    (void)state;
    for (size_t i = 0; i < countof(ways); i++) {
        auto_free char *path = xasprintf(RULES_BASE "/api/npm/npm-remote/%s", ways[i]);
        struct rules_target target;
        struct err err = { 0 };
        assert_ok(rules_check(&rules, path, &target, &err), err);
        assert_string_equal(target.url, RULES_BASE "/api/npm/npm-remote/@a/b/-/b-1.0.0.tgz");
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "/",
        "*",
        "artifactory/maven-remote/x",
        "/artifactory",
        "/artifactory/",
        "/artifactory/maven-remote",
        "/artifactory/maven-remote/",
        "/artifactory/maven-remotes/x",
        "/artifactory/other/x",
        "/artifactory//maven-remote/x",
        "/artifactory/maven-remote//x",
        "/artifactory/maven-remote/./x",
        "/artifactory/maven-remote/../other/x",
        "/artifactory/maven-remote/%2e%2E/other/x",
        "/artifactory/maven-remote/..%2fother/x",
        "/artifactory/maven-remote/%252e%252e/other/x",
        "/artifactory/maven-remote/x;a=b",
        "/artifactory/maven-remote/x%3Ba=b",
        "/artifactory/maven-remote/x%00",
        "/artifactory/maven-remote/x%0d%0aA: b",
        "/artifactory/maven-remote/x%",
        "/artifactory/maven-remote/x%2",
        "/artifactory/maven-remote/x%\0222",
        "/artifactory/maven-remote/\xc3\xa9",
        "/artifactory/maven-remote/a\\b",
        "/artifactory/maven-remote/a[b]",
        "/artifactory/maven-remote/a%7cb",
        "/artifactory/api/storage/maven-remote/x",
        "/artifactory/api/search/aql",
        "/artifactory/api/go/npm-remote/x",
        "/artifactory/api/npm/npm-remote/-/whoami",
        "/artifactory/api/npm/npm-remote/%2d/whoami",
        "/artifactory/api/npm/npm-remote/-%2fwhoami",
        "/artifactory/api/npm/npm-remote/auth/x",
        "/artifactory/api/npm/npm-remote/@a",
        "/artifactory/api/npm/npm-remote/@/b",
        "/artifactory/api/npm/npm-remote/@a/b/dist",
        "/artifactory/api/npm/npm-remote/b/-/@a/b-1.0.0.tgz",
        "/artifactory/api/npm/npm-remote/b/-/",
        "/artifactory/api/npm/npm-remote/-",
        "/artifactory/api/pypi/pypi-remote/x",
        "/access/api/v1/tokens",
    };
    (void)state;
    for (size_t i = 0; i < countof(refused); i++) {
        struct rules_target target;
        struct err err = { 0 };
        assert_fails(rules_check(&rules, refused[i], &target, &err), ERR_DENIED);
        assert_non_null(strstr(err.hint, "npm-remote"));
    }
}

static void a_long_path_is_refused(void **state)
{
    char path[RULES_PATH_MAX + 64];
    struct rules_target target;
    struct err err = { 0 };
    (void)state;
    memset(path, 'a', sizeof path);
    memcpy(path, "/artifactory/maven-remote/", 26);
    path[sizeof path - 1] = '\0';
    assert_fails(rules_check(&rules, path, &target, &err), ERR_DENIED);
}

static void without_a_repository_nothing_is_served(void **state)
{
    const struct rules none = { .repositories = { "", "", "", "" } };
    struct rules_target target;
    struct err err = { 0 };
    (void)state;
    assert_fails(rules_check(&none, "/artifactory//x", &target, &err), ERR_DENIED);
    assert_fails(rules_check(&none, "/artifactory/api/go//x", &target, &err), ERR_DENIED);
    assert_fails(rules_check(&none, "/artifactory/x/y", &target, &err), ERR_DENIED);
}

static void a_repository_is_not_the_stores_own_folder(void **state)
{
    (void)state;
    assert_true(rules_name_is_plain("maven-remote"));
    assert_false(rules_name_is_plain("api"));
    assert_false(rules_name_is_plain(""));
    assert_false(rules_name_is_plain(".."));
    assert_false(rules_name_is_plain("a/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_packages_are_made_of_may_be_asked_for),
        cmocka_unit_test(a_file_has_one_name_however_it_is_asked_for),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_long_path_is_refused),
        cmocka_unit_test(without_a_repository_nothing_is_served),
        cmocka_unit_test(a_repository_is_not_the_stores_own_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
