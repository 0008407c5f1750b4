#include "disk.h"

static void put(struct disk *disk, const struct tree *tree, struct sos_source *ret)
{
    source_put(disk, tree, 1000, ret);
}

static void file_add(struct tree *tree, const char *path, const char *text)
{
    char sha256[SHA256_HEX];
    struct err err = { 0 };
    sha256_hex(text, strlen(text), sha256);
    assert_ok(tree_add(tree, path, TREE_REGULAR, (int64_t)strlen(text), sha256, &err), err);
}

/* Three files, two of them with the same bytes. */
static void three_files(struct tree *tree)
{
    struct err err = { 0 };
    tree_init(tree);
    file_add(tree, "a", "one");
    file_add(tree, "b", "two");
    file_add(tree, "c", "one");
    assert_ok(tree_seal(tree, &err), err);
}

static void only_what_is_not_here_is_asked_for_and_once(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree;
    struct sos_source source;
    struct digests one, two;
    three_files(&tree);
    put(&disk, &tree, &source);
    assert_int_equal(source.missing_count, 2);
    assert_false(source.complete);
    assert_int_equal(source.file_count, 3);
    assert_int_equal(source.size_bytes, 9);
    sos_source_done(&source);

    blob_keep(&disk, "one", &one);
    put(&disk, &tree, &source);
    assert_int_equal(source.missing_count, 1);
    char *id = xstrdup(source.id);
    sos_source_done(&source);

    blob_keep(&disk, "two", &two);
    assert_int_equal(count(&disk, "SELECT complete FROM sources"), 0);
    struct source_wants *wants = wants_of(&disk, &tree);
    assert_ok(source_wants_look(wants, &source, NULL, &disk.err), disk.err);
    assert_ok(TASK(&disk, sources_tell(disk.db, id, &source, &disk.err)), disk.err);
    source_wants_free(wants);
    assert_true(source.complete);
    assert_int_equal(source.missing_count, 0);
    assert_int_equal(count(&disk, "SELECT complete FROM sources"), 1);
    assert_int_equal(count(&disk, "SELECT count(*) FROM sources"), 1);
    sos_source_done(&source);
    free(id);
    tree_done(&tree);
    disk_close(&disk);
}

static void the_manifest_comes_back_as_it_went(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree, back;
    struct sos_source source;
    three_files(&tree);
    put(&disk, &tree, &source);
    assert_ok(sources_tree(disk.db, source.id, &back, &disk.err), disk.err);
    size_t len;
    auto_free char *a = tree_text(&tree, &len), *b = tree_text(&back, &len);
    assert_string_equal(a, b);
    tree_done(&back);
    assert_fails(sources_tree(disk.db, "sha256:none", &back, &disk.err), ERR_NOT_FOUND);
    assert_string_equal(disk.err.reason, "SOURCE_NOT_FOUND");
    assert_fails(TASK(&disk, sources_tell(disk.db, "sha256:none", &source, &disk.err)),
                 ERR_NOT_FOUND);
    sos_source_done(&source);
    tree_done(&tree);
    disk_close(&disk);
}

static void a_tree_without_files_is_whole(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree, back;
    struct sos_source source;
    tree_init(&tree);
    assert_ok(tree_seal(&tree, &disk.err), disk.err);
    put(&disk, &tree, &source);
    assert_true(source.complete);
    assert_ok(sources_tree(disk.db, source.id, &back, &disk.err), disk.err);
    assert_int_equal(back.count, 0);
    tree_done(&back);
    sos_source_done(&source);
    tree_done(&tree);
    disk_close(&disk);
}

static void a_stream_may_bring_the_blobs_of_the_tree_and_nothing_else(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree;
    struct digests one, other;
    char two[SHA256_HEX];
    sha256_hex("two", 3, two);
    three_files(&tree);
    blob_keep(&disk, "one", &one);
    sha256_hex("other", 5, other.sha256);
    struct source_wants *wants = wants_of(&disk, &tree);
    assert_int_equal(source_wants_bytes(wants), 9);
    assert_true(source_wants_blob(wants, two, 3));
    assert_false(source_wants_blob(wants, two, 4));
    assert_true(source_wants_blob(wants, one.sha256, 3)); /* again: no harm */
    assert_false(source_wants_blob(wants, other.sha256, 5));
    source_wants_free(wants);
    tree_done(&tree);
    disk_close(&disk);
}

/* A crash between two parts: what is recorded then is listed to its end by the next put. */
static void a_list_that_was_cut_short_is_made_again(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree;
    struct sos_source source;
    int64_t number;
    size_t from = 0;
    tree_init(&tree);
    for (int i = 0; i <= SOURCES_PART; i++) {
        char text[16];
        snprintf(text, sizeof text, "f%04d", i);
        file_add(&tree, text, text);
    }
    struct source_wants *wants = wants_of(&disk, &tree);
    assert_int_equal(TASK(&disk, sources_put(disk.db, wants, 1, &number, &disk.err)), 0);
    assert_int_equal(TASK(&disk, sources_list(disk.db, number, wants, &from, &disk.err)), 1);
    assert_int_equal(count(&disk, "SELECT count(*) FROM source_blobs"), SOURCES_PART);

    put(&disk, &tree, &source);
    assert_int_equal(count(&disk, "SELECT count(*) FROM source_blobs"), SOURCES_PART + 1);
    assert_int_equal(source.missing_count, SOURCES_PART + 1);
    assert_int_equal(TASK(&disk, sources_put(disk.db, wants, 1, &number, &disk.err)), 1);
    sos_source_done(&source);
    source_wants_free(wants);
    tree_done(&tree);
    disk_close(&disk);
}

static void a_manifest_that_lies_about_bytes_that_are_here_is_refused(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree;
    struct digests link, up;
    const char *path = NULL;
    blob_keep(&disk, "b", &link);
    blob_keep(&disk, "../up", &up);
    const struct {
        enum tree_mode mode;
        const struct digests *digests;
        int64_t size_bytes;
        const char *reason;
    } files[] = { { TREE_REGULAR, &up, 5, NULL },
                  { TREE_REGULAR, &up, 4, "SIZE_MISMATCH" },
                  { TREE_SYMLINK, &link, 1, NULL },
                  { TREE_SYMLINK, &link, 2, "SIZE_MISMATCH" },
                  { TREE_SYMLINK, &up, 5, "LINK_INVALID" } };
    for (size_t i = 0; i < countof(files); i++) {
        tree_init(&tree);
        assert_ok(tree_add(&tree, "a", files[i].mode, files[i].size_bytes, files[i].digests->sha256,
                           &disk.err),
                  disk.err);
        struct source_wants *wants = source_wants_new(&tree, disk.blobs);
        int rc = source_wants_look(wants, NULL, &path, &disk.err);
        assert_int_equal(rc, files[i].reason ? -ERR_INVALID : 0);
        if (rc < 0) {
            assert_string_equal(disk.err.reason, files[i].reason);
            assert_string_equal(path, "a");
        }
        source_wants_free(wants);
    }
    disk_close(&disk);
}

/* Nobody has the bytes yet: one of the two sizes is wrong, whichever. */
static void one_digest_with_two_sizes_is_refused(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct tree tree;
    char sha256[SHA256_HEX];
    sha256_hex("x", 1, sha256);
    tree_init(&tree);
    assert_ok(tree_add(&tree, "a", TREE_REGULAR, 1, sha256, &disk.err), disk.err);
    assert_ok(tree_add(&tree, "b", TREE_REGULAR, 2, sha256, &disk.err), disk.err);
    struct source_wants *wants = source_wants_new(&tree, disk.blobs);
    assert_fails(source_wants_look(wants, NULL, NULL, &disk.err), ERR_INVALID);
    source_wants_free(wants);
    disk_close(&disk);
}

static void a_source_that_a_live_build_has_is_not_forgotten(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct build_row row, made;
    row_make(&row, source, "demo");
    submit(&disk, &row, NULL, &made);
    assert_ok(TASK(&disk, sources_forget(disk.db, 9999, 10, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM sources"), 1);
    assert_ok(change(&disk, &made, SOS_BUILD_STATE_FAILED, "x"), disk.err);
    assert_ok(TASK(&disk, sources_forget(disk.db, 1000, 10, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM sources"), 1);
    assert_ok(TASK(&disk, sources_forget(disk.db, 9999, 10, &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM sources"), 0);
    assert_int_equal(count(&disk, "SELECT count(*) FROM manifests"), 0);
    build_row_done(&made);
    build_row_done(&row);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(only_what_is_not_here_is_asked_for_and_once),
        unit_test_in_folder(the_manifest_comes_back_as_it_went),
        unit_test_in_folder(a_tree_without_files_is_whole),
        unit_test_in_folder(a_stream_may_bring_the_blobs_of_the_tree_and_nothing_else),
        unit_test_in_folder(a_list_that_was_cut_short_is_made_again),
        unit_test_in_folder(a_manifest_that_lies_about_bytes_that_are_here_is_refused),
        unit_test_in_folder(one_digest_with_two_sizes_is_refused),
        unit_test_in_folder(a_source_that_a_live_build_has_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
