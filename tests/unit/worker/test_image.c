#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/unit/unit.h"
#include "worker/image.h"

static char *root_make(void **state)
{
    char *root = xasprintf("%s/root", (char *)*state);
    struct err err = { 0 };
    assert_ok(fs_remove_tree(root, &err), err);
    assert_ok(fs_mkdirs(root, 0755, &err), err);
    return root;
}

static void an_image_gets_every_place_that_is_mounted_over(void **state)
{
    static const char *const places[] = {
        "dev",       "proc",           "sys", "run", "tmp", "src", "out", "cache", "artifact",
        "etc/hosts", "etc/resolv.conf"
    };
    auto_free char *root = root_make(state);
    struct err err = { 0 };
    assert_ok(image_harden(root, &err), err);
    for (size_t i = 0; i < countof(places); i++) {
        auto_free char *path = xasprintf("%s/%s", root, places[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_ok(image_harden(root, &err), err);
}

/* A runtime that followed such a link would mount, or write, outside of the sandbox. */
static void a_place_that_is_a_link_is_refused(void **state)
{
    static const char *const places[] = { "dev", "proc", "run", "etc", "src" };
    for (size_t i = 0; i < countof(places); i++) {
        auto_free char *root = root_make(state);
        auto_free char *decoy = xasprintf("%s/decoy", (char *)*state);
        auto_free char *path = xasprintf("%s/%s", root, places[i]);
        struct err err = { 0 };
        assert_ok(fs_mkdirs(decoy, 0755, &err), err);
        assert_int_equal(symlink("../decoy", path), 0);
        assert_fails(image_harden(root, &err), ERR_INVALID);
        assert_int_equal(rmdir(decoy), 0); /* nothing was made in it */
    }
}

static void a_file_that_is_a_link_is_refused(void **state)
{
    auto_free char *root = root_make(state);
    auto_free char *etc = xasprintf("%s/etc", root);
    auto_free char *path = xasprintf("%s/resolv.conf", etc);
    auto_free char *decoy = xasprintf("%s/decoy", (char *)*state);
    assert_int_equal(mkdir(etc, 0755), 0);
    assert_int_equal(symlink(decoy, path), 0);
    assert_fails(image_harden(root, NULL), ERR_INVALID);
    assert_int_equal(access(decoy, F_OK), -1);
}

static void set_uid_bits_go(void **state)
{
    auto_free char *root = root_make(state);
    auto_free char *path = xasprintf("%s/su", root);
    struct err err = { 0 };
    assert_ok(fs_write_atomic(path, "x", 1, 0755, &err), err);
    assert_int_equal(chmod(path, 06755), 0);
    assert_ok(image_harden(root, &err), err);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

static void a_device_node_is_refused(void **state)
{
    auto_free char *root = root_make(state);
    auto_free char *path = xasprintf("%s/null", root);
    if (mknod(path, S_IFCHR | 0666, makedev(1, 3)) < 0)
        skip(); /* only root can make one */
    assert_fails(image_harden(root, NULL), ERR_INVALID);
}

/* Open for writing on a read-only disk: a channel between all builds of the image. */
static void a_pipe_is_refused(void **state)
{
    auto_free char *root = root_make(state);
    auto_free char *path = xasprintf("%s/pipe", root);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_fails(image_harden(root, NULL), ERR_INVALID);
}

static void a_digest_is_checked_before_it_becomes_a_path(void **state)
{
    assert_fails(image_prepare(*state, *state, "sha256:../../etc", NULL), ERR_INVALID);
    assert_fails(image_prepare(*state, *state, NULL, NULL), ERR_INVALID);
    char digest[72] = "sha256:";
    memset(digest + 7, 'a', 64);
    struct err err = { 0 };
    assert_fails(image_prepare(*state, *state, digest, &err), ERR_NOT_FOUND);
}

/* What images/make does is seen: a new entry, another in its place, one that goes. */
static void the_stamp_changes_with_the_entries_and_nothing_else(void **state)
{
    auto_free char *root = root_make(state);
    auto_free char *one = xasprintf("%s/one.json", root);
    auto_free char *two = xasprintf("%s/two.json", root);
    auto_free char *log = xasprintf("%s/make.log", root);
    uint64_t seen[4];
    seen[0] = images_stamp(root);
    assert_int_equal(fs_write_atomic(one, "{}", 2, 0600, NULL), 0);
    seen[1] = images_stamp(root);
    assert_int_equal(fs_write_atomic(two, "{}", 2, 0600, NULL), 0);
    seen[2] = images_stamp(root);
    assert_int_equal(fs_write_atomic(one, "{}", 2, 0600, NULL), 0);
    seen[3] = images_stamp(root);
    for (size_t i = 0; i < countof(seen); i++)
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    assert_int_equal(fs_write_atomic(log, "x", 1, 0600, NULL), 0);
    assert_true(images_stamp(root) == seen[3]);
    assert_int_equal(unlink(one) + unlink(two), 0);
    assert_true(images_stamp(root) == seen[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(an_image_gets_every_place_that_is_mounted_over),
        unit_test_in_folder(a_place_that_is_a_link_is_refused),
        unit_test_in_folder(a_file_that_is_a_link_is_refused),
        unit_test_in_folder(set_uid_bits_go),
        unit_test_in_folder(a_device_node_is_refused),
        unit_test_in_folder(a_pipe_is_refused),
        unit_test_in_folder(a_digest_is_checked_before_it_becomes_a_path),
        unit_test_in_folder(the_stamp_changes_with_the_entries_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
