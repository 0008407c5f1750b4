/* Paths, versions and sums of Go modules. */
#include "tests/unit/unit.h"

#include "store/core/golang.h"

static void paths_are_told_apart(void **state)
{
    static const struct {
        const char *path;
        enum golang_kind kind;
        const char *module;
        const char *version;
        bool immutable;
    } cases[] = {
        { "example.com/x/@v/list", GOLANG_LIST, "example.com/x", "", false },
        { "example.com/!azure/x/@latest", GOLANG_LATEST, "example.com/Azure/x", "", false },
        { "example.com/x/@v/v1.2.3.info", GOLANG_INFO, "example.com/x", "v1.2.3", true },
        { "example.com/x/@v/v1.0.0-!r!c1.mod", GOLANG_MOD, "example.com/x", "v1.0.0-RC1", true },
        { "example.com/x/v2/@v/v2.0.0+incompatible.zip", GOLANG_ZIP, "example.com/x/v2",
          "v2.0.0+incompatible", true },
        { "example.com/x/@v/master.info", GOLANG_INFO, "example.com/x", "master", false },
        { "example.com/x/@v/fix/a.info", GOLANG_INFO, "example.com/x", "fix/a", false },
        { "sumdb/sum.example/supported", GOLANG_SUMDB_SUPPORTED, "", "", false },
        { "sumdb/sum.example/latest", GOLANG_SUMDB_LATEST, "", "", false },
        { "sumdb/sum.example/lookup/example.com/!x@v1.0.0", GOLANG_SUMDB_LOOKUP, "example.com/X",
          "v1.0.0", true },
        { "sumdb/sum.example/tile/8/0/x001/234.p/5", GOLANG_SUMDB_TILE, "", "", true },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct golang_path path;
        assert_true(golang_path_parse(cases[i].path, &path));
        assert_int_equal(path.kind, cases[i].kind);
        assert_string_equal(path.module, cases[i].module);
        assert_string_equal(path.version, cases[i].version);
        assert_int_equal(golang_is_immutable(&path), cases[i].immutable);
    }
}

static void what_is_no_such_path_is_refused(void **state)
{
    static const char *const paths[] = { "",
                                         "example.com/x",
                                         "example.com/x/@v/",
                                         "example.com/x/@v/v1.0.0.tar",
                                         "example.com/X/@v/list",
                                         "example.com/!/@v/list",
                                         "example.com/!1/@v/list",
                                         "/@v/list",
                                         "/@latest",
                                         "example.com/x y/@v/list",
                                         "example.com/x/@v/.zip",
                                         "sumdb/",
                                         "sumdb/x",
                                         "sumdb/x/other",
                                         "sumdb/x/lookup/example.com/x",
                                         "sumdb/x/tile/" };
    struct golang_path path;

    (void)state;
    for (size_t i = 0; i < countof(paths); i++)
        if (golang_path_parse(paths[i], &path))
            fail_msg("taken: %s", paths[i]);
}

static void versions_are_canonical_or_not(void **state)
{
    static const char *const good[] = { "v0.0.0",     "v1.2.3-pre.1",        "v10.20.30",
                                        "v1.0.0-0.a", "v2.0.0+incompatible", "v1.0.0--" };
    static const char *const bad[] = { "",          "1.2.3",       "v1",
                                       "v1.2",      "v01.2.3",     "v1.2.3-",
                                       "v1.2.3-01", "v1.2.3-a..b", "v1.2.3+build",
                                       "v1.2.3x",   "master",      "v1.2.3-a_b" };

    (void)state;
    for (size_t i = 0; i < countof(good); i++)
        if (!golang_version_is_canonical(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < countof(bad); i++)
        if (golang_version_is_canonical(bad[i]))
            fail_msg("taken: %s", bad[i]);
}

static void versions_have_the_order_of_semver(void **state)
{
    static const char *const ordered[] = { "v0.9.0",
                                           "v1.0.0-0.20200101000000-abcdefabcdef",
                                           "v1.0.0-alpha",
                                           "v1.0.0-alpha.1",
                                           "v1.0.0-alpha.beta",
                                           "v1.0.0-beta.2",
                                           "v1.0.0-beta.11",
                                           "v1.0.0-rc.1",
                                           "v1.0.0",
                                           "v1.2.0",
                                           "v1.10.0",
                                           "v2.0.0+incompatible" };

    (void)state;
    for (size_t i = 0; i < countof(ordered); i++)
        for (size_t j = 0; j < countof(ordered); j++) {
            int order = golang_version_compare(ordered[i], ordered[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void latest_is_a_release_if_there_is_one(void **state)
{
    (void)state;
    assert_true(golang_version_is_later("v1.0.0", "v1.1.0-rc.1"));
    assert_true(golang_version_is_later("v0.1.0-a", "v9.0.0-20200101000000-abcdefabcdef"));
    assert_true(golang_version_is_later("v1.10.0", "v1.9.0"));
    assert_true(golang_version_is_pseudo("v0.0.0-20160726164857-2910a502d2bf"));
    assert_true(golang_version_is_pseudo("v0.3.1-0.20180807135948-17ff2d5776d2"));
    assert_true(golang_version_is_pseudo("v1.2.3-pre.0.20180807135948-17ff2d5776d2"));
    assert_false(golang_version_is_pseudo("v1.2.3-pre.20180807135948-17ff2d5776d2"));
    assert_false(golang_version_is_pseudo("v1.2.3-10.20180807135948-17ff2d5776d2"));
    assert_false(golang_version_is_pseudo("v1.2.3-rc.1"));
}

static void a_lookup_tells_the_sum_of_the_zip(void **state)
{
    static const char text[] =
        "20485573\n"
        "example.com/x v0.14.0 h1:ScX5w1eTa3QqT8oi6+ziP7dTV1S2+ALU0bI+0zXKWiQ=\n"
        "example.com/x v0.14.0/go.mod h1:18ZOQIKpY8NJVqYksKHtTdi31H5itFRjB5/qKTNYzSU=\n"
        "\n"
        "example.com/y v1.0.0 h1:behind\n";
    char sum[GOLANG_SUM_MAX];

    (void)state;
    assert_true(golang_lookup_sum(text, sizeof text - 1, "example.com/x", "v0.14.0", sum));
    assert_string_equal(sum, "h1:ScX5w1eTa3QqT8oi6+ziP7dTV1S2+ALU0bI+0zXKWiQ=");
    assert_false(golang_lookup_sum(text, sizeof text - 1, "example.com/x", "v0.14.1", sum));
    assert_false(golang_lookup_sum(text, sizeof text - 1, "example.com/y", "v1.0.0", sum));
    assert_false(golang_lookup_sum("", 0, "example.com/x", "v0.14.0", sum));
}

static void patterns_match_as_many_elements_as_they_have(void **state)
{
    (void)state;
    assert_true(golang_matches("*.corp.example,other.example/team", "git.corp.example/a/b"));
    assert_true(golang_matches("*.corp.example,other.example/team", "other.example/team/x"));
    assert_false(golang_matches("*.corp.example,other.example/team", "other.example/else"));
    assert_false(golang_matches("*.corp.example", "corp.example/a"));
    assert_false(golang_matches("", "corp.example/a"));
}

static void what_is_escaped_is_read_back(void **state)
{
    char text[64];
    struct golang_path path;

    (void)state;
    assert_true(golang_escape("example.com/Azure/SDK", text, sizeof text));
    assert_string_equal(text, "example.com/!azure/!s!d!k");
    assert_false(golang_escape("example.com/a b", text, sizeof text));
    assert_false(golang_escape("example.com/Azure/SDK", text, 10));
    assert_true(golang_path_parse("example.com/!azure/!s!d!k/@v/list", &path));
    assert_string_equal(path.module, "example.com/Azure/SDK");
    assert_string_equal(path.folder, "example.com/!azure/!s!d!k/@v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_told_apart),
        cmocka_unit_test(what_is_no_such_path_is_refused),
        cmocka_unit_test(versions_are_canonical_or_not),
        cmocka_unit_test(versions_have_the_order_of_semver),
        cmocka_unit_test(latest_is_a_release_if_there_is_one),
        cmocka_unit_test(a_lookup_tells_the_sum_of_the_zip),
        cmocka_unit_test(patterns_match_as_many_elements_as_they_have),
        cmocka_unit_test(what_is_escaped_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
