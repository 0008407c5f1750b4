#include "disk.h"

static void put(struct disk *disk, const struct tree *tree, struct sos_source *ret)
{
    assert_ok(TASK(disk, sources_put(disk->db, disk->blobs, tree, 1000, ret, &disk->err)),
              disk->err);
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
    assert_ok(TASK(&disk, sources_refresh(disk.db, disk.blobs, id, &source, &disk.err)), disk.err);
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
    sos_source_done(&source);
    assert_fails(TASK(&disk,
                      sources_refresh(disk.db, disk.blobs, "sha256:none", &source, &disk.err)),
                 ERR_NOT_FOUND);
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

static void a_stream_may_bring_what_is_missing_and_nothing_else(void **state)
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
    struct source_wants *wants = source_wants_new(&tree, disk.blobs);
    assert_int_equal(source_wants_count(wants), 2);
    assert_true(source_wants_blob(wants, two, 3));
    assert_false(source_wants_blob(wants, two, 4));
    assert_false(source_wants_blob(wants, one.sha256, 3));
    assert_false(source_wants_blob(wants, other.sha256, 5));
    source_wants_free(wants);
    tree_done(&tree);
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
        unit_test_in_folder(a_stream_may_bring_what_is_missing_and_nothing_else),
        unit_test_in_folder(a_source_that_a_live_build_has_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
