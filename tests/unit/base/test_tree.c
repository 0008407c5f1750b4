#include "sos/base/tree.h"

#include "tests/unit/unit.h"

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void add(struct tree *tree, const char *path)
{
    struct err err;
    assert_ok(tree_add(tree, path, TREE_REGULAR, 3, SHA, &err), err);
}

static void the_text_is_sorted_by_bytes_and_the_id_is_its_digest(void **state)
{
    struct tree tree;
    struct err err;
    char id[TREE_ID_MAX], hex[SHA256_HEX];
    size_t len = 0;
    (void)state;
    tree_init(&tree);
    add(&tree, "b");
    add(&tree, "a/b");
    assert_ok(tree_add(&tree, "a-b", TREE_EXECUTABLE, 0, SHA, &err), err);
    assert_ok(tree_add(&tree, "B", TREE_SYMLINK, 9, SHA, &err), err);
    assert_ok(tree_seal(&tree, &err), err);
    auto_free char *text = tree_text(&tree, &len);
    assert_string_equal(text, "120000 9 " SHA " B\n100755 0 " SHA " a-b\n100644 3 " SHA
                              " a/b\n100644 3 " SHA " b\n");
    assert_int_equal(len, strlen(text));
    assert_int_equal(tree_size(&tree), 15);
    tree_id(&tree, id);
    sha256_hex(text, len, hex);
    assert_memory_equal(id, "sha256:", 7);
    assert_string_equal(id + 7, hex);
    tree_done(&tree);
}

static void a_text_read_and_written_is_the_same(void **state)
{
    static const char text[] = "100755 0 " SHA " a-b\n100644 3 " SHA " a/b c\n";
    struct tree tree;
    struct err err;
    (void)state;
    assert_ok(tree_parse(text, strlen(text), &tree, &err), err);
    assert_int_equal(tree.count, 2);
    auto_free char *again = tree_text(&tree, NULL);
    assert_string_equal(again, text);
    tree_done(&tree);
    assert_ok(tree_parse("", 0, &tree, &err), err);
    assert_int_equal(tree.count, 0);
    tree_done(&tree);
}

static void only_the_canonical_text_is_taken(void **state)
{
    static const char *const bad[] = {
        "100644 3 " SHA " a",                         /* no end of line */
        "100644 3 " SHA " b\n100644 3 " SHA " a\n",   /* out of order */
        "100644 3 " SHA " a\n100644 3 " SHA " a\n",   /* twice */
        "100644 3 " SHA " a\n100644 3 " SHA " a/b\n", /* a file and a folder */
        "100644 03 " SHA " a\n",
        "100644 -3 " SHA " a\n",
        "100644 +3 " SHA " a\n",
        "100644 3  " SHA " a\n",
        "100644  3 " SHA " a\n",
        " 100644 3 " SHA " a\n",
        "100644 9999999999999999999 " SHA " a\n",
        "100644 2000000000000 " SHA " a\n",
        "100600 3 " SHA " a\n",
        "040000 3 " SHA " a\n",
        "120000 0 " SHA " a\n",
        "120000 9999 " SHA " a\n",
        "100644 3 " SHA " ../a\n",
        "100644 3 " SHA " \n",
        "100644 3 " SHA "0 a\n",
        "100644 3 x" SHA " a\n",
        "\n",
        "100644\n",
        "100644 3 BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad a\n",
    };
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct tree tree;
        struct err err;
        if (tree_parse(bad[i], strlen(bad[i]), &tree, &err) != -ERR_INVALID)
            fail_msg("'%s' was taken", bad[i]);
        if (!strstr(err.text, "manifest line") && !strstr(err.text, "both"))
            fail_msg("'%s' does not say where", err.text);
    }
    struct tree tree;
    assert_fails(tree_parse("100644 3 " SHA " a\0b\n", 79, &tree, NULL), ERR_INVALID);
}

static void a_path_is_plain(void **state)
{
    static const char *const good[] = { "a",   "a/b",      "...",    "a b",
                                        "-rf", "\xc3\xbc", ".git/x", "a..b" };
    static const char *const bad[] = {
        "",      "/",    "/a",   "a/",         "a//b",         ".",    "..",
        "a/.",   "a/..", "./a",  "../a",       "a/../b",       "a\\b", "a\nb",
        "a\x7f", "\x01", "\xff", "a/\xc0\xaf", "\xed\xa0\x80",
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < countof(good); i++)
        assert_ok(tree_path_check(good[i], &err), err);
    for (size_t i = 0; i < countof(bad); i++) {
        if (tree_path_check(bad[i], &err) != -ERR_INVALID)
            fail_msg("'%s' was taken", bad[i]);
        assert_string_equal(err.reason, "PATH_INVALID");
    }
}

static void a_path_has_its_limits(void **state)
{
    char path[TREE_PATH_MAX + 2];
    (void)state;
    memset(path, 'a', sizeof(path));
    for (size_t i = 200; i < TREE_PATH_MAX; i += 200)
        path[i] = '/';
    path[TREE_PATH_MAX] = '\0';
    assert_int_equal(tree_path_check(path, NULL), 0);
    strcpy(path + TREE_PATH_MAX, "a");
    assert_fails(tree_path_check(path, NULL), ERR_INVALID);

    memset(path, 'a', 255);
    path[255] = '\0';
    assert_int_equal(tree_path_check(path, NULL), 0);
    strcpy(path + 255, "a");
    assert_fails(tree_path_check(path, NULL), ERR_INVALID);

    path[0] = '\0';
    for (int i = 0; i < 63; i++)
        strcat(path, "a/");
    strcat(path, "a");
    assert_int_equal(tree_path_check(path, NULL), 0);
    strcat(path, "/a");
    assert_fails(tree_path_check(path, NULL), ERR_INVALID);
}

static void a_link_stays_in_the_tree(void **state)
{
    static const struct {
        const char *path, *target;
        int rc;
    } cases[] = {
        { "a", "b", 0 },
        { "a", "./b/c", 0 },
        { "d/a", "../b", 0 },
        { "d/e/a", "../../b/c", 0 },
        { "d/a", "..", 0 },
        { "a", "b//c", 0 },
        { "a", ".", 0 },
        { "d/a", ".././b", 0 },
        { "a", "..", -ERR_INVALID },
        { "a", "../b", -ERR_INVALID },
        { "a", "/b", -ERR_INVALID },
        { "d/a", "../../b", -ERR_INVALID },
        { "a", "", -ERR_INVALID },
        { "d/a", "b/../c", -ERR_INVALID },
        { "d/a", "../b/..", -ERR_INVALID },
        { "a", "b\nc", -ERR_INVALID },
        { "a", "\xff", -ERR_INVALID },
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        if (tree_link_check(cases[i].path, cases[i].target, NULL) != cases[i].rc)
            fail_msg("'%s' to '%s'", cases[i].path, cases[i].target);
}

static void a_file_that_is_also_a_folder_is_found_however_they_sort(void **state)
{
    struct tree tree;
    (void)state;
    tree_init(&tree);
    add(&tree, "a/b/c");
    add(&tree, "a-z"); /* sorts between "a" and "a/" */
    add(&tree, "a");
    assert_fails(tree_seal(&tree, NULL), ERR_INVALID);
    tree_done(&tree);
}

static void a_tree_has_so_many_files_and_no_more(void **state)
{
    struct tree tree;
    (void)state;
    tree_init(&tree);
    for (int i = 0; i < TREE_FILES_MAX; i++) {
        char path[40];
        snprintf(path, sizeof(path), "d%d/e/f%d", i % 1000, i);
        add(&tree, path);
    }
    assert_fails(tree_add(&tree, "more", TREE_REGULAR, 3, SHA, NULL), ERR_LIMIT);
    assert_int_equal(tree_seal(&tree, NULL), 0);
    tree_done(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_sorted_by_bytes_and_the_id_is_its_digest),
        cmocka_unit_test(a_text_read_and_written_is_the_same),
        cmocka_unit_test(only_the_canonical_text_is_taken),
        cmocka_unit_test(a_path_is_plain),
        cmocka_unit_test(a_path_has_its_limits),
        cmocka_unit_test(a_link_stays_in_the_tree),
        cmocka_unit_test(a_file_that_is_also_a_folder_is_found_however_they_sort),
        cmocka_unit_test(a_tree_has_so_many_files_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
