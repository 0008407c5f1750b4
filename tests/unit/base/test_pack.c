#include "tests/unit/base/tar_maker.h"

#include <sys/stat.h>

#include "sos/base/blob.h"
#include "sos/base/pack.h"

/* A small tree that has everything a tree can have, and its blobs. */
struct scene {
    struct blobs *blobs;
    struct tree tree;
    struct buf packed;
    struct err err;
};

static void add(struct scene *s, const char *path, enum tree_mode mode, const char *text)
{
    struct blob_writer *writer = NULL;
    struct digests digests;
    assert_ok(blob_begin(s->blobs, &writer, &s->err), s->err);
    assert_ok(blob_write(writer, text, strlen(text), &s->err), s->err);
    assert_ok(blob_commit(writer, NULL, &digests, &s->err), s->err);
    assert_ok(tree_add(&s->tree, path, mode, digests.size_bytes, digests.sha256, &s->err), s->err);
}

static void scene_init(struct scene *s, void **state)
{
    *s = (struct scene){ 0 };
    auto_free char *dir = xasprintf("%s/blobs", (char *)*state);
    assert_ok(blobs_open(dir, &s->blobs, &s->err), s->err);
    tree_init(&s->tree);
    buf_init(&s->packed, 16 << 20);
}

static void add_everything(struct scene *s)
{
    char deep[300] = "deep";
    for (int i = 0; i < 20; i++)
        strcat(deep, "/a-long-name");
    add(s, "README", TREE_REGULAR, "hello\n");
    add(s, "run.sh", TREE_EXECUTABLE, "#!/bin/sh\n");
    add(s, "docs/read-me", TREE_SYMLINK, "../README");
    add(s, "docs/\xc3\xbc\x62\x65r.txt", TREE_REGULAR, "umlaut");
    add(s, "empty", TREE_REGULAR, "");
    add(s, deep, TREE_REGULAR, "deep");
    assert_ok(tree_seal(&s->tree, &s->err), s->err);
}

static void scene_done(struct scene *s)
{
    buf_done(&s->packed);
    tree_done(&s->tree);
    blobs_close(s->blobs);
}

static int keep(void *ctx, const void *data, size_t len)
{
    return buf_add(ctx, data, len);
}

static void packed_sha256(struct scene *s, char ret_hex[SHA256_HEX])
{
    auto_free char *tar = xmalloc(1 << 20);
    size_t len = 0;
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer in = { s->packed.data, s->packed.len, 0 };
    ZSTD_outBuffer out = { tar, 1 << 20, 0 };
    assert_int_equal(ZSTD_decompressStream(ctx, &out, &in), 0);
    len = out.pos;
    ZSTD_freeDCtx(ctx);
    sha256_hex(tar, len, ret_hex);
}

static void the_same_tree_gives_the_bytes_known_from_before(void **state)
{
    struct scene s;
    char hex[SHA256_HEX];
    scene_init(&s, state);
    add_everything(&s);
    assert_ok(pack_tree(&s.tree, s.blobs, 1700000000, keep, &s.packed, &s.err), s.err);
    packed_sha256(&s, hex);
    assert_string_equal(hex, "4c1f7e50834bb178c938c6dc020ec5f46e7cdc43729bffa6cb2bf939578f2020");
    scene_done(&s);
}

static void packing_twice_gives_the_same_archive(void **state)
{
    struct scene s;
    scene_init(&s, state);
    add_everything(&s);
    struct buf again;
    buf_init(&again, 16 << 20);
    assert_ok(pack_tree(&s.tree, s.blobs, 7, keep, &s.packed, &s.err), s.err);
    assert_ok(pack_tree(&s.tree, s.blobs, 7, keep, &again, &s.err), s.err);
    assert_int_equal(again.len, s.packed.len);
    assert_memory_equal(again.data, s.packed.data, again.len);
    buf_done(&again);
    scene_done(&s);
}

static void assert_file(int dirfd, const struct tree_file *file, time_t mtime)
{
    struct stat st;
    struct digests digests;
    char target[TREE_PATH_MAX];
    assert_int_equal(fstatat(dirfd, file->path, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_size, file->size_bytes);
    if (file->mode == TREE_SYMLINK) {
        ssize_t len = readlinkat(dirfd, file->path, target, sizeof(target));
        sha256_hex(target, (size_t)len, digests.sha256);
    } else {
        auto_free char *path = xasprintf("/proc/self/fd/%d/%s", dirfd, file->path);
        assert_int_equal(digest_file(path, &digests, NULL), 0);
        assert_int_equal(st.st_mode, file->mode);
        assert_int_equal(st.st_mtime, mtime);
    }
    assert_string_equal(digests.sha256, file->sha256);
}

static void what_is_packed_comes_out_the_same(void **state)
{
    struct scene s;
    scene_init(&s, state);
    add_everything(&s);
    assert_ok(pack_tree(&s.tree, s.blobs, 1700000000, keep, &s.packed, &s.err), s.err);

    auto_free char *path = xasprintf("%s/out", (char *)*state);
    assert_int_equal(mkdir(path, 0700), 0);
    auto_close int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_close int archive = bytes_fd(s.packed.data, s.packed.len);
    const struct unpack_limits limits = { tree_size(&s.tree), (int64_t)s.tree.count, 100 };
    assert_ok(unpack_tree(archive, dirfd, &limits, -1, -1, &s.err), s.err);
    for (size_t i = 0; i < s.tree.count; i++)
        assert_file(dirfd, &s.tree.files[i], 1700000000);
    scene_done(&s);
}

static void an_empty_tree_is_an_archive_too(void **state)
{
    struct scene s;
    scene_init(&s, state);
    assert_ok(pack_tree(&s.tree, s.blobs, 0, keep, &s.packed, &s.err), s.err);
    auto_close int dirfd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_close int archive = bytes_fd(s.packed.data, s.packed.len);
    assert_ok(unpack_tree(archive, dirfd, &(struct unpack_limits){ 0 }, -1, -1, &s.err), s.err);
    scene_done(&s);
}

static void a_blob_that_is_missing_is_told(void **state)
{
    struct scene s;
    char hex[SHA256_HEX];
    scene_init(&s, state);
    sha256_hex("gone", 4, hex);
    assert_ok(tree_add(&s.tree, "x", TREE_REGULAR, 4, hex, &s.err), s.err);
    assert_fails(pack_tree(&s.tree, s.blobs, 0, keep, &s.packed, &s.err), ERR_NOT_FOUND);
    scene_done(&s);
}

static void a_link_that_leaves_the_tree_is_not_packed(void **state)
{
    struct scene s;
    scene_init(&s, state);
    add(&s, "out", TREE_SYMLINK, "../x");
    assert_fails(pack_tree(&s.tree, s.blobs, 0, keep, &s.packed, &s.err), ERR_INVALID);
    assert_string_equal(s.err.reason, "LINK_INVALID");
    scene_done(&s);
}

static int take_nothing(void *ctx, const void *data, size_t len)
{
    (void)ctx, (void)data, (void)len;
    return -ERR_FULL;
}

static void who_takes_the_bytes_may_stop(void **state)
{
    struct scene s;
    scene_init(&s, state);
    add_everything(&s);
    assert_fails(pack_tree(&s.tree, s.blobs, 0, take_nothing, NULL, &s.err), ERR_FULL);
    scene_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(the_same_tree_gives_the_bytes_known_from_before),
        unit_test_in_folder(packing_twice_gives_the_same_archive),
        unit_test_in_folder(what_is_packed_comes_out_the_same),
        unit_test_in_folder(an_empty_tree_is_an_archive_too),
        unit_test_in_folder(a_blob_that_is_missing_is_told),
        unit_test_in_folder(a_link_that_leaves_the_tree_is_not_packed),
        unit_test_in_folder(who_takes_the_bytes_may_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
