#include "tests/unit/unit.h"

#include "store/disk/index.h"

static struct digests digests_of(const char *text)
{
    struct hasher *hasher = hasher_new();
    struct digests digests;

    hasher_add(hasher, text, strlen(text));
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    return digests;
}

static struct item_path path_of(const char *text)
{
    struct item_path path;
    assert_int_equal(item_path_check(text, &path, NULL), 0);
    return path;
}

static struct db *index_in(const char *folder)
{
    auto_free char *path = xasprintf("%s/index.db", folder);
    struct err err = { 0 };
    struct db *db;

    assert_ok(index_open_writer(path, &db, &err), err);
    assert_ok(index_repository_put(db, &(struct repository){ .key = "free" }, &err), err);
    assert_ok(index_repository_put(db, &(struct repository){ .key = "fixed", .immutable = true },
                                   &err),
              err);
    return db;
}

/* Put `text` (NULL: a folder) to a path; `freed` may be NULL. */
static int deploy(struct db *db, const char *path, const char *text, struct freed *freed)
{
    struct item_path at = path_of(path);
    struct digests digests = digests_of(text ? text : "");
    struct props props = { 0 };
    struct item item;
    struct freed none;
    struct deployment deployment = { .at = &at,
                                     .digests = text ? &digests : NULL,
                                     .props = &props,
                                     .user = "u",
                                     .now_ms = 5,
                                     .may_replace = true };

    freed_init(&none);
    int rc = index_deploy(db, &deployment, &item, freed ? freed : &none, NULL);
    freed_done(&none);
    return rc;
}

static int delete (struct db *db, const char *path, int64_t *ret_count, struct freed *freed)
{
    struct item_path at = path_of(path);
    return index_delete(db, &at, ret_count, freed, NULL);
}

static bool is_there(struct db *db, const char *path)
{
    struct item_path at = path_of(path);
    struct item item;
    return index_find(db, &at, &item, NULL) == 0;
}

static void folders_above_an_item_are_made_once(void **state)
{
    struct db *db = index_in(*state);
    struct item_path at = path_of("free/a/b");
    struct item item;

    assert_int_equal(deploy(db, "free/a/b/c", "1", NULL), 0);
    assert_int_equal(deploy(db, "free/a/b/d", "2", NULL), 0);
    assert_int_equal(index_find(db, &at, &item, NULL), 0);
    assert_true(item.at.folder);
    assert_string_equal(item.at.path, "a/b");
    assert_fails(deploy(db, "free/a/b/c/x", "1", NULL), ERR_CONFLICT);
    assert_fails(deploy(db, "free/a", "1", NULL), ERR_CONFLICT);
    assert_fails(deploy(db, "none/a", "1", NULL), ERR_NOT_FOUND);
    db_close(db);
}

static void bytes_are_freed_with_their_last_item_only(void **state)
{
    struct db *db = index_in(*state);
    struct freed freed;
    struct digests one = digests_of("one");

    freed_init(&freed);
    assert_int_equal(deploy(db, "free/a", "one", &freed), 0);
    assert_int_equal(deploy(db, "fixed/b", "one", &freed), 0);
    assert_int_equal(deploy(db, "free/a", "two", &freed), 0);
    assert_int_equal(freed.count, 0);
    assert_int_equal(index_blob_is_free(db, one.sha256, NULL), 0);
    assert_int_equal(delete (db, "fixed/b", NULL, &freed), 0);
    assert_int_equal(freed.count, 1);
    assert_string_equal(freed.list[0], one.sha256);
    assert_int_equal(index_blob_is_free(db, one.sha256, NULL), 1);
    freed_done(&freed);
    db_close(db);
}

static void an_immutable_repository_takes_the_same_bytes_only(void **state)
{
    struct db *db = index_in(*state);

    assert_int_equal(deploy(db, "fixed/a", "one", NULL), 0);
    assert_int_equal(deploy(db, "fixed/a", "one", NULL), 0);
    assert_fails(deploy(db, "fixed/a", "two", NULL), ERR_DENIED);
    assert_int_equal(deploy(db, "fixed/maven-metadata.xml", "one", NULL), 0);
    assert_int_equal(deploy(db, "fixed/maven-metadata.xml", "two", NULL), 0);
    db_close(db);
}

/* Names that sort around "d/": the range of a folder must not touch them. */
static void a_folder_ends_where_its_name_ends(void **state)
{
    static const char *const beside[] = { "free/d!",   "free/d.x", "free/d0",
                                          "free/dd/x", "free/D/x", "free/d\u00e9/x" };
    static const char *const inside[] = { "free/d/a", "free/d/\u00e9", "free/d/e/f", "free/d/~" };
    struct db *db = index_in(*state);
    struct freed freed;
    int64_t count;

    freed_init(&freed);
    for (size_t i = 0; i < countof(beside); i++)
        assert_int_equal(deploy(db, beside[i], beside[i], NULL), 0);
    for (size_t i = 0; i < countof(inside); i++)
        assert_int_equal(deploy(db, inside[i], inside[i], NULL), 0);
    assert_int_equal(delete (db, "free/d", &count, &freed), 0);
    assert_int_equal(count, countof(inside) + 2); /* and the folders d and d/e */
    assert_int_equal(freed.count, countof(inside));
    for (size_t i = 0; i < countof(beside); i++)
        assert_true(is_there(db, beside[i]));
    for (size_t i = 0; i < countof(inside); i++)
        assert_false(is_there(db, inside[i]));
    assert_int_equal(delete (db, "free", &count, &freed), 0);
    for (size_t i = 0; i < countof(beside); i++)
        assert_false(is_there(db, beside[i]));
    freed_done(&freed);
    db_close(db);
}

static void claimed_bytes_are_found_by_any_checksum(void **state)
{
    struct db *db = index_in(*state);
    struct digests one = digests_of("one");
    struct digests two = digests_of("two");
    struct digests found;
    struct claim claim = { 0 };

    assert_int_equal(deploy(db, "free/a", "one", NULL), 0);
    assert_int_equal(claim_add(&claim, CLAIM_MD5, one.md5, NULL), 0);
    assert_int_equal(index_find_claimed(db, &claim, &found, NULL), 0);
    assert_string_equal(found.sha256, one.sha256);
    assert_int_equal(claim_add(&claim, CLAIM_SHA1, two.sha1, NULL), 0);
    assert_fails(index_find_claimed(db, &claim, &found, NULL), ERR_NOT_FOUND);
    db_close(db);
}

static void a_copy_never_goes_into_itself(void **state)
{
    struct db *db = index_in(*state);
    struct item_path from = path_of("free/a");
    struct freed freed;
    int64_t files;
    int64_t folders;

    freed_init(&freed);
    assert_int_equal(deploy(db, "free/a/x", "one", NULL), 0);
    assert_int_equal(deploy(db, "free/ab/y", "one", NULL), 0);
    struct item_path bad[] = { path_of("free/a/b"), path_of("free/a"), path_of("free") };
    struct item_path good = path_of("free/ab");
    struct transfer transfer = { .from = &from, .user = "u", .now_ms = 1, .may_replace = true };
    for (size_t i = 0; i < countof(bad); i++) {
        transfer.to = &bad[i];
        assert_fails(index_transfer(db, &transfer, &files, &folders, &freed, NULL), ERR_CONFLICT);
    }
    transfer.to = &good;
    assert_int_equal(index_transfer(db, &transfer, &files, &folders, &freed, NULL), 0);
    assert_int_equal(files, 1);
    assert_int_equal(folders, 1);
    assert_true(is_there(db, "free/ab/a/x"));
    freed_done(&freed);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(folders_above_an_item_are_made_once),
        unit_test_in_folder(bytes_are_freed_with_their_last_item_only),
        unit_test_in_folder(an_immutable_repository_takes_the_same_bytes_only),
        unit_test_in_folder(a_folder_ends_where_its_name_ends),
        unit_test_in_folder(claimed_bytes_are_found_by_any_checksum),
        unit_test_in_folder(a_copy_never_goes_into_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
