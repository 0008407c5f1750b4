#include "tests/unit/unit.h"

#include "store/core/intake.h"
#include "store/core/names.h"
#include "store/core/pattern.h"

static void a_pattern_matches_as_ant_says(void **state)
{
    static const struct {
        const char *list;
        const char *path;
        bool matches;
        bool reaches; /* taken for a folder: something below may match … */
        bool covers;  /* … and all of it does */
    } rows[] = {
        { "**", "a", true, true, true },
        { "**/*", "a/b", true, true, true },
        { "*", "a", true, false, false },
        { "*", "a/b", false, false, false },
        { "com/acme/**", "com/acme", true, true, true },
        { "com/acme/**", "com/acme/x/y.jar", true, true, true },
        { "com/acme/**/*", "com/acme/x", true, true, true },
        { "com/acme/**", "com", false, true, false },
        { "com/acme/**", "com/acme2/x", false, false, false },
        { "com/acme*/**", "com/acme2/x", true, true, true },
        { "**/*.jar", "x.jar", true, true, false },
        { "**/*.jar", "a/b/c.jar", true, true, false },
        { "**/*.jar", "a/b/c.pom", false, true, false },
        { "**/test/**", "a/test/b", true, true, true },
        { "**/test/**", "a/b", false, true, false },
        { "a/**/b/**/c", "a/x/b/y/b/c", true, true, false },
        { "a/**/b/**/c", "a/b/c", true, true, false },
        { "a/**/b/**/c", "a/b", false, true, false },
        { "a/?.txt", "a/b.txt", true, false, false },
        { "a/?.txt", "a/bc.txt", false, false, false },
        { "a*b*c", "aXbXbYc", true, false, false },
        { "a*b*c", "aXbXbY", false, false, false },
        { "x/**+@acme/**", "@acme/lib/-/lib-1.tgz", true, true, true },
        { "x/**+@acme/**", "@other/lib", false, false, false },
        { "a/b**", "a/bc", true, false, false },
        { "", "a", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        bool is = pattern_list_matches(rows[i].list, rows[i].path) == rows[i].matches &&
                  pattern_list_reaches(rows[i].list, rows[i].path) == rows[i].reaches &&
                  pattern_list_covers(rows[i].list, rows[i].path) == rows[i].covers;
        if (!is)
            fail_msg("'%s' and '%s'", rows[i].list, rows[i].path);
    }
}

static void what_is_no_list_of_patterns_is_refused(void **state)
{
    static const char *const bad[] = { "",     "+",    "a+",   "+a",   "a++b", "/a", "a/",
                                       "a//b", "a/+b", "a+/b", "a\\b", "a,b",  "a b" };
    struct repository repository;

    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        if (pattern_list_is_valid(bad[i]))
            fail_msg("'%s'", bad[i]);
    assert_true(pattern_list_is_valid("a/**+**/*.jar"));
    assert_ok(repo_parse("a includes=x/** excludes=y/**+z", &repository, NULL), (struct err){ 0 });
    assert_string_equal(repository.excludes, "y/**+z");
    assert_int_equal(repo_parse("a includes=/x", &repository, NULL), -ERR_INVALID);
}

static void a_path_belongs_to_a_name(void **state)
{
    static const struct {
        enum repo_type type;
        const char *path;
        enum name_kind kind;
        const char *name;
    } rows[] = {
        { REPO_GENERIC, "a/b", NAME_NONE, "" },
        { REPO_NPM, "lib/-/lib-1.0.0.tgz", NAME_SURE, "lib" },
        { REPO_NPM, ".npm/lib/package.json", NAME_SURE, "lib" },
        { REPO_NPM, "@acme/lib/-/lib-1.0.0.tgz", NAME_SURE, "@acme/lib" },
        { REPO_NPM, ".npm/@acme/lib/1.0.0.json", NAME_SURE, "@acme/lib" },
        { REPO_NPM, "@acme", NAME_NONE, "" },
        { REPO_PYPI, "lib/1.0/lib-1.0.tar.gz", NAME_SURE, "lib" },
        { REPO_PYPI, ".pypi/lib/simple", NAME_SURE, "lib" },
        { REPO_GO, "example.com/!acme/lib/@v/v1.0.0.zip", NAME_SURE, "example.com/!acme/lib" },
        { REPO_GO, "example.com/lib/@latest", NAME_SURE, "example.com/lib" },
        { REPO_GO, "sumdb/sum.example/lookup/example.com/lib@v1.0.0", NAME_NONE, "" },
        { REPO_MAVEN, "com/acme/lib/1.0/lib-1.0.jar", NAME_SURE, "com/acme/lib" },
        { REPO_MAVEN, "com/acme/lib/1.0/lib-1.0.jar.sha512", NAME_SURE, "com/acme/lib" },
        { REPO_MAVEN, "com/acme/lib/maven-metadata.xml", NAME_PERHAPS, "com/acme/lib" },
        { REPO_MAVEN, "com/acme/lib/maven-metadata.xml.sha1", NAME_PERHAPS, "com/acme/lib" },
        { REPO_MAVEN, "com/acme/lib/1-SNAPSHOT/maven-metadata.xml", NAME_SURE, "com/acme/lib" },
        { REPO_MAVEN, "archetype-catalog.xml", NAME_NONE, "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        auto_free char *text = xasprintf("r/%s", rows[i].path);
        struct item_path at;
        char name[ITEM_PATH_MAX + 1] = "";
        assert_int_equal(item_path_check(text, &at, NULL), 0);
        enum name_kind kind = name_of(rows[i].type, &at, name);
        if (kind != rows[i].kind || (kind != NAME_NONE && strcmp(name, rows[i].name) != 0))
            fail_msg("%s: %d '%s'", rows[i].path, kind, name);
    }
}

static void patterns_are_held_against_what_a_path_is_about(void **state)
{
    static const struct {
        const char *repository;
        const char *path;
        bool admits;
    } rows[] = {
        { "r", "a/b", true },
        { "r includes=a/**", "a/b", true },
        { "r includes=a/**", "b", false },
        { "r includes=a/**", "", true },
        { "r includes=a/b/**", "a/", true },
        { "r includes=a/b/**", "c/", false },
        { "r excludes=a/**", "a/", false },
        { "r excludes=a/*.txt", "a/", true },
        { "r includes=**/*.bin excludes=old/**", "old/x.bin", false },
        { "r includes=**/*.bin", "x.bin.sha1", true },
        { "r includes=**/*.bin", "x.txt.sha1", false },
        { "r maven includes=**/*.jar", "org/a/1/a-1.pom", false },
        { "r maven includes=**/*.jar", "org/a/maven-metadata.xml", true },
        { "r maven excludes=org/a/**", "org/a/maven-metadata.xml", false },
        { "r npm includes=@acme/**", ".npm/@acme/lib/package.json", true },
        { "r npm includes=@acme/**", ".npm/lib/package.json", false },
        { "r npm excludes=**/*-beta*", "lib/-/lib-1.0.0-beta.tgz", false },
        { "r pypi excludes=acme-*/**", ".pypi/acme-lib/simple", false },
        { "r pypi includes=**/*.whl", "lib/1/lib-1.whl.metadata", true },
        { "r go excludes=example.com/acme/**", "example.com/acme/lib/@v/list", false },
        { "r go excludes=example.com/acme/**", "example.com/acme/@latest", false },
        { "r go includes=**/*.zip", "example.com/a/@v/list", true },
        { "r go includes=x/**", "sumdb/sum.example/latest", true },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        auto_free char *text = xasprintf("r/%s", rows[i].path);
        struct repository repository;
        struct item_path at;
        struct err err = { 0 };
        assert_ok(repo_parse(rows[i].repository, &repository, &err), err);
        assert_int_equal(item_path_check(text, &at, NULL), 0);
        if (repo_admits(&repository, &at) != rows[i].admits)
            fail_msg("%s and %s", rows[i].repository, rows[i].path);
        if (!rows[i].admits)
            assert_int_equal(intake_check(&repository, &at, &err), -ERR_CONFLICT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_as_ant_says),
        cmocka_unit_test(what_is_no_list_of_patterns_is_refused),
        cmocka_unit_test(a_path_belongs_to_a_name),
        cmocka_unit_test(patterns_are_held_against_what_a_path_is_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
