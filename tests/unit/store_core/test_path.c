#include "tests/unit/unit.h"

#include "store/core/path.h"

static void paths_are_decoded_once_and_plus_stays(void **state)
{
    static const struct {
        const char *raw;
        const char *repo;
        const char *path;
        bool folder;
    } rows[] = {
        { "/r/a/b.bin", "r", "a/b.bin", false },
        { "r/a/b.bin", "r", "a/b.bin", false },
        { "/r", "r", "", true },
        { "/r/", "r", "", true },
        { "//r//a///b", "r", "a/b", false },
        { "/r/a/", "r", "a", true },
        { "/r/a%20b+c%2B", "r", "a b+c+", false },
        { "/r/a%2Fb", "r", "a/b", false },
        { "/r/a%253B", "r", "a%3B", false },
        { "/r/a%3Bb", "r", "a;b", false },
        { "/r/a;k=v", "r", "a", false },
        { "/r/a/;k=v", "r", "a", true },
        { "/r;k=v/a", "r", "a", false },
        { "/r/a;k=v/w", "r", "a", false },
        { "/r/...", "r", "...", false },
        { "/r/.hidden", "r", ".hidden", false },
        { "/r/a!", "r", "a!", false },
        { "/r/%c3%a9", "r", "\u00e9", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct item_path item;
        struct err err = { 0 };
        assert_ok(item_path_parse(rows[i].raw, &item, NULL, &err), err);
        assert_string_equal(item.repo, rows[i].repo);
        assert_string_equal(item.path, rows[i].path);
        assert_int_equal(item.folder, rows[i].folder);
    }
}

static void dangerous_paths_are_refused(void **state)
{
    static const char *const raws[] = {
        "",          "/",         "/r/..",     "/r/../x",  "/r/a/%2e%2e/b", "/r/a/.%2E",
        "/r/..%2Fx", "/r/./a",    "/r/a%00b",  "/r/a%0Ab", "/r/a%7fb",      "/r/%zz",
        "/r/%4",     "/r/%ff",    "/r/%c0%af", "/r/a%5cb", "/r/a.jar!/x",   "/r/a.jar%21/x",
        "/api/x",    "/-r/a",     "/r%2Fx/a",  "/r r/a",   "/../r/a",       "/%2e%2e/r/a",
        "/.r/a",     "/access/x",
    };

    (void)state;
    for (size_t i = 0; i < countof(raws); i++) {
        struct item_path item;
        struct err err = { 0 };
        assert_fails(item_path_parse(raws[i], &item, NULL, &err), ERR_INVALID);
        assert_true(err.text[0] != '\0');
    }
}

static void long_and_deep_paths_are_refused(void **state)
{
    char raw[3000] = "/r/";
    struct item_path item;

    (void)state;
    memset(raw + 3, 'n', ITEM_NAME_MAX);
    assert_int_equal(item_path_parse(raw, &item, NULL, NULL), 0);
    raw[3 + ITEM_NAME_MAX] = 'n';
    assert_fails(item_path_parse(raw, &item, NULL, NULL), ERR_LIMIT);

    memset(raw, 0, sizeof raw);
    strcpy(raw, "/r");
    for (int i = 0; i < ITEM_DEPTH_MAX; i++)
        strcat(raw, "/d");
    assert_int_equal(item_path_parse(raw, &item, NULL, NULL), 0);
    strcat(raw, "/d");
    assert_fails(item_path_parse(raw, &item, NULL, NULL), ERR_LIMIT);

    memset(raw + 2, 0, sizeof raw - 2);
    for (int i = 0; i < 6; i++)
        memset(raw + 2 + 200 * i, i % 2 ? 'b' : 'a', 200), raw[2 + 200 * i] = '/';
    assert_fails(item_path_parse(raw, &item, NULL, NULL), ERR_LIMIT);
}

static void an_item_knows_its_name_and_folder(void **state)
{
    struct item_path item;

    (void)state;
    assert_int_equal(item_path_parse("/r/a/b/c", &item, NULL, NULL), 0);
    assert_string_equal(item_name(&item), "c");
    assert_int_equal(item_parent_len(&item), 3);
    assert_int_equal(item_path_parse("/r/c", &item, NULL, NULL), 0);
    assert_string_equal(item_name(&item), "c");
    assert_int_equal(item_parent_len(&item), 0);
}

static void checksum_files_belong_to_another(void **state)
{
    struct item_path item;
    struct item_path other;

    (void)state;
    assert_int_equal(item_path_parse("/r/a/x.jar.sha1", &item, NULL, NULL), 0);
    assert_int_equal(item_sidecar(&item, &other), SIDECAR_SHA1);
    assert_string_equal(other.path, "a/x.jar");
    assert_int_equal(item_path_parse("/r/x.md5", &item, NULL, NULL), 0);
    assert_int_equal(item_sidecar(&item, &other), SIDECAR_MD5);
    assert_int_equal(item_path_parse("/r/x.sha256", &item, NULL, NULL), 0);
    assert_int_equal(item_sidecar(&item, &other), SIDECAR_SHA256);
    static const char *const others[] = { "/r/x.sha512", "/r/x.asc", "/r/.sha1", "/r/a/.md5",
                                          "/r/x.sha1/" };
    for (size_t i = 0; i < countof(others); i++) {
        assert_int_equal(item_path_parse(others[i], &item, NULL, NULL), 0);
        assert_int_equal(item_sidecar(&item, &other), SIDECAR_NONE);
    }
}

static void matrix_parameters_become_properties(void **state)
{
    struct item_path item;
    struct props props;
    struct err err = { 0 };

    (void)state;
    props_init(&props);
    assert_ok(item_path_parse("/r/big.bin;sos.project=sfix+service;tags=a;tags=b;flag;x=d%20e;;",
                              &item, &props, &err),
              err);
    static const char *const want[][2] = { { "sos.project", "sfix service" },
                                           { "tags", "a" },
                                           { "tags", "b" },
                                           { "flag", "" },
                                           { "x", "d e" } };
    assert_int_equal(props.count, countof(want));
    for (size_t i = 0; i < countof(want); i++) {
        assert_string_equal(props.list[i].key, want[i][0]);
        assert_string_equal(props.list[i].value, want[i][1]);
    }
    props_done(&props);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once_and_plus_stays),
        cmocka_unit_test(dangerous_paths_are_refused),
        cmocka_unit_test(long_and_deep_paths_are_refused),
        cmocka_unit_test(an_item_knows_its_name_and_folder),
        cmocka_unit_test(checksum_files_belong_to_another),
        cmocka_unit_test(matrix_parameters_become_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
