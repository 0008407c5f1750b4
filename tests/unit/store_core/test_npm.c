#include "tests/unit/unit.h"

#include "store/core/base64.h"
#include "store/core/npm.h"
#include "store/core/npm_doc.h"

static void a_path_says_what_is_asked(void **state)
{
    static const struct {
        const char *raw;
        enum npm_what what;
        const char *name;
        const char *version;
    } rows[] = {
        { "r/name", NPM_PACKAGE, "name", "" },
        { "r/@scope%2fname", NPM_PACKAGE, "@scope/name", "" },
        { "r/@scope/name", NPM_PACKAGE, "@scope/name", "" },
        { "r/@scope", NPM_NONE, "", "" },
        { "r/@scope/name/1.0.0", NPM_VERSION, "@scope/name", "1.0.0" },
        { "r/name/latest", NPM_VERSION, "name", "latest" },
        { "r/name/-rev/1-a", NPM_PACKAGE, "name", "" },
        { "r/@s/name/-/name-1.0.0-a.b.tgz", NPM_TARBALL, "@s/name", "1.0.0-a.b" },
        { "r/@s/name/-/@s/name-1.0.0.tgz/-rev/1-a", NPM_TARBALL, "@s/name", "1.0.0" },
        { "r/name/-/other-1.0.0.tgz", NPM_NONE, "name", "" },
        { "r/-/package/@s%2fname/dist-tags/next", NPM_TAG, "@s/name", "" },
        { "r/-/package/name/dist-tags", NPM_TAGS, "name", "" },
        { "r/-/v1/search", NPM_SEARCH, "", "" },
        { "r/-/npm/v1/security/audits/quick", NPM_ADVISORIES, "", "" },
        { "r/-/v1", NPM_NONE, "", "" },
        { "r/.npm", NPM_NONE, "", "" },
        { "r/node_modules", NPM_NONE, "", "" },
        { "r", NPM_NONE, "", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct npm_path path;
        struct err err = { 0 };
        assert_ok(npm_path_parse(rows[i].raw, &path, &err), err);
        if (path.what != rows[i].what)
            fail_msg("%s: %d, not %d", rows[i].raw, path.what, rows[i].what);
        if (path.what != NPM_NONE) {
            assert_string_equal(path.name, rows[i].name);
            assert_string_equal(path.version, rows[i].version);
        }
    }
}

/* The order of semver.org, 11.4.4, and more. */
static void versions_have_an_order(void **state)
{
    static const char *const order[] = { "0.9.0",      "1.0.0-alpha",  "1.0.0-alpha.1",
                                         "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
                                         "1.0.0-rc.1", "1.0.0",        "1.2.0",
                                         "1.10.0",     "10.0.0" };

    (void)state;
    for (size_t i = 0; i < countof(order); i++) {
        assert_true(npm_version_is_valid(order[i]));
        for (size_t k = 0; k < countof(order); k++) {
            int rc = npm_version_compare(order[i], order[k]);
            assert_int_equal(i < k ? -1 : i > k, (rc > 0) - (rc < 0));
        }
    }
    assert_int_equal(npm_version_compare("1.0.0+a", "1.0.0+b"), 0);
}

static void what_is_no_version_or_tag_is_told(void **state)
{
    static const char *const no_version[] = { "",           "1",      "1.0",      "v1.0.0",
                                              "01.0.0",     "1.0.0-", "1.0.0-01", "1.0.0+",
                                              "1.0.0-a..b", "1.0.0 ", "1.0.0/x",  "latest" };
    static const char *const no_tag[] = { "", "1.0.0", "v1", "x", "a b", "a/b", ".a", "-a" };

    (void)state;
    for (size_t i = 0; i < countof(no_version); i++)
        assert_false(npm_version_is_valid(no_version[i]));
    for (size_t i = 0; i < countof(no_tag); i++)
        assert_false(npm_tag_is_valid(no_tag[i]));
    assert_true(npm_tag_is_valid("latest") && npm_tag_is_valid("next-7.x"));
}

static void base64_is_read_in_pieces(void **state)
{
    static const char text[] = "QUJDREVGRw==";
    unsigned char bytes[16];

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct base64 in = { 0 };
        size_t count = 0;
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t len = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            long got = base64_feed(&in, text + at, len, bytes + count, NULL);
            assert_true(got >= 0);
            count += (size_t)got;
        }
        assert_true(base64_is_whole(&in));
        assert_int_equal(count, 7);
        assert_memory_equal(bytes, "ABCDEFG", 7);
    }
}

static void the_integrity_is_found_among_others(void **state)
{
    char found[NPM_INTEGRITY_MAX];

    (void)state;
    assert_true(npm_integrity_find("sha1-x  sha512-abc?opt sha512-d", "sha512", found));
    assert_string_equal(found, "sha512-abc");
    assert_false(npm_integrity_find("sha1-x", "sha512", found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_says_what_is_asked),
        cmocka_unit_test(versions_have_an_order),
        cmocka_unit_test(what_is_no_version_or_tag_is_told),
        cmocka_unit_test(base64_is_read_in_pieces),
        cmocka_unit_test(the_integrity_is_found_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
