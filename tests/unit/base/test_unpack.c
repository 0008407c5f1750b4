/* The abuse cases of archives: each is refused by name, and nothing is ever
 * written outside the folder. */
#include "tests/unit/base/tar_maker.h"

#include <dirent.h>
#include <sys/stat.h>

#include "sos/base/pack.h"

static const struct unpack_limits LIMITS = { .bytes_max = 1 << 20,
                                             .files_max = 100,
                                             .ratio_max = 100 };

/* *state is a folder; the archive goes into its subfolder "in", so that what got
 * out can be seen beside it. */
struct scene {
    char *outside;
    int in;
    struct buf tar;
    struct err err;
};

static void scene_init(struct scene *s, void **state)
{
    *s = (struct scene){ .outside = *state };
    auto_free char *path = xasprintf("%s/in", s->outside);
    assert_int_equal(mkdir(path, 0700), 0);
    s->in = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->in >= 0);
    buf_init(&s->tar, 64 << 20);
}

static int scene_unpack_fd(struct scene *s, int fd, const struct unpack_limits *limits)
{
    int rc = unpack_tree(fd, s->in, limits, -1, -1, &s->err);
    close(fd);
    return rc;
}

static int scene_unpack(struct scene *s)
{
    tar_end(&s->tar);
    return scene_unpack_fd(s, zstd_fd(&s->tar), &LIMITS);
}

static int entries_in(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    int count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void scene_done(struct scene *s)
{
    assert_int_equal(entries_in(s->outside), 1); /* "in", and nothing that got out */
    close(s->in);
    buf_done(&s->tar);
}

static void assert_text(struct scene *s, const char *name, const char *want)
{
    auto_free char *path = xasprintf("%s/in/%s", s->outside, name);
    struct buf got;
    buf_init(&got, 1 << 20);
    assert_ok(fs_read(path, &got, &s->err), s->err);
    assert_string_equal(got.data ? got.data : "", want);
    buf_done(&got);
}

static void refused(struct scene *s, const char *reason)
{
    assert_fails(scene_unpack(s), ERR_INVALID);
    assert_non_null(s->err.reason);
    assert_string_equal(s->err.reason, reason);
}

static void files_folders_and_links_come_out_with_plain_modes(void **state)
{
    struct scene s;
    struct stat st;
    scene_init(&s, state);
    tar_folder(&s.tar, "d/");
    tar_file(&s.tar, "d/e/f.txt", "hello");
    tar_add(&s.tar, &(struct tar_head){
                        .name = "tool", .type = '0', .data = "#!", .len = 2, .mode = "0006755" });
    tar_link(&s.tar, "d/e/up", "../../tool");
    assert_ok(scene_unpack(&s), s.err);

    assert_text(&s, "d/e/f.txt", "hello");
    assert_text(&s, "d/e/up", "#!");
    assert_int_equal(fstatat(s.in, "tool", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755); /* set-uid and set-gid are gone */
    assert_int_equal(fstatat(s.in, "d/e/f.txt", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(fstatat(s.in, "d/e", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    scene_done(&s);
}

static void a_name_that_is_not_plain_is_refused(void **state)
{
    static const char *const names[] = {
        "../../x",  "..",          ".",         "/tmp/x",     "a/../../x",
        "a/./x",    "a//x",        "./x",       "",           "C:\\x",
        "a\\..\\x", "bad\xff\xfe", "new\nline", "esc\x1b[2J", "over\xc0\xafx",
    };
    for (size_t i = 0; i < countof(names); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        tar_file(&s.tar, names[i], "x");
        int rc = scene_unpack(&s);
        if (rc != -ERR_INVALID)
            fail_msg("'%s' gave %d", names[i], rc);
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void a_pax_path_is_checked_like_any_other(void **state)
{
    auto_free char *longer = xmalloc(5001);
    memset(longer, 'a', 5000);
    longer[5000] = '\0';
    const char *const names[] = { "../up", "/abs", longer };
    for (size_t i = 0; i < countof(names); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        tar_pax(&s.tar, "path", names[i]);
        tar_file(&s.tar, "innocent", "x");
        refused(&s, "ARCHIVE_UNSAFE");
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void nothing_is_written_through_a_link(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_folder(&s.tar, "real");
    tar_link(&s.tar, "link", "real");
    tar_file(&s.tar, "link/x", "through");
    refused(&s, "ARCHIVE_UNSAFE");
    assert_int_equal(faccessat(s.in, "real/x", F_OK, 0), -1);
    scene_done(&s);
}

static void nothing_is_written_onto_a_link(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_link(&s.tar, "link", "target");
    tar_file(&s.tar, "link", "onto");
    refused(&s, "ARCHIVE_UNSAFE");
    assert_int_equal(faccessat(s.in, "target", F_OK, 0), -1);
    scene_done(&s);
}

static void a_link_that_was_there_before_is_not_followed(void **state)
{
    struct scene s;
    scene_init(&s, state);
    assert_int_equal(symlinkat("/", s.in, "root"), 0);
    tar_file(&s.tar, "root/tmp/sos-unit-escaped", "x");
    refused(&s, "ARCHIVE_UNSAFE");
    assert_int_equal(access("/tmp/sos-unit-escaped", F_OK), -1);
    scene_done(&s);
}

static void a_link_that_leaves_the_tree_is_refused(void **state)
{
    static const char *const targets[] = { "/etc/passwd", "..", "../..", "a/../../x", "d/..", "" };
    for (size_t i = 0; i < countof(targets); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        tar_link(&s.tar, "link", targets[i]);
        refused(&s, "ARCHIVE_UNSAFE");
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void a_chain_of_two_links_does_not_lead_out(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_folder(&s.tar, "a/b/c");
    tar_link(&s.tar, "a/b/c/up", "../..");
    tar_link(&s.tar, "a/escape", "b/c/up/../..");
    tar_file(&s.tar, "a/escape/x", "out");
    refused(&s, "ARCHIVE_UNSAFE");
    scene_done(&s);
}

static void special_files_and_hard_links_are_refused(void **state)
{
    static const char types[] = { '1', '3', '4', '6' };
    for (size_t i = 0; i < sizeof(types); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        tar_file(&s.tar, "file", "x");
        tar_add(&s.tar, &(struct tar_head){ .name = "odd", .type = types[i], .link = "file" });
        if (scene_unpack(&s) != -ERR_INVALID)
            fail_msg("type '%c' was taken", types[i]);
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void a_hard_link_to_outside_or_with_data_is_refused(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_add(&s.tar,
            &(struct tar_head){
                .name = "h", .type = '1', .link = "/etc/passwd", .data = "root", .len = 4 });
    refused(&s, "ARCHIVE_UNSAFE");
    assert_int_equal(faccessat(s.in, "h", F_OK, AT_SYMLINK_NOFOLLOW), -1);
    scene_done(&s);
}

static void a_sparse_file_is_refused(void **state)
{
    /* One byte at 1 GiB, in GNU's old way and in the way of pax. */
    static const char map[] = "010000000000"
                              "000000000001";
    struct scene s;
    scene_init(&s, state);
    tar_add(&s.tar,
            &(struct tar_head){ .name = "old", .type = 'S', .data = "x", .len = 1, .sparse = map });
    refused(&s, "ARCHIVE_UNSAFE");
    buf_clear(&s.tar);
    tar_pax(&s.tar, "GNU.sparse.map", "1073741824,1");
    tar_pax(&s.tar, "GNU.sparse.size", "1073741825");
    tar_file(&s.tar, "new", "x");
    refused(&s, "ARCHIVE_DAMAGED"); /* libarchive finds the map longer than the bytes */
    scene_done(&s);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    static const char *const sizes[] = {
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* base 256: -1 */
        "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",       /* 2^63 - 1 */
        "77777777777",                                      /* 8 GiB */
    };
    for (size_t i = 0; i < countof(sizes); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        tar_add(&s.tar, &(struct tar_head){ .name = "x", .type = '0', .size = sizes[i] });
        assert_true(scene_unpack(&s) < 0);
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void a_pax_size_beside_the_headers_counts_and_is_capped(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_pax(&s.tar, "size", "9223372036854775807");
    tar_file(&s.tar, "x", "x");
    assert_true(scene_unpack(&s) < 0);
    scene_done(&s);
}

static void a_wrong_header_checksum_is_damage(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "good", "x");
    tar_add(&s.tar, &(struct tar_head){ .name = "bad", .type = '0', .bad_sum = true });
    refused(&s, "ARCHIVE_DAMAGED");
    scene_done(&s);
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "x", "one");
    tar_file(&s.tar, "x", "two");
    refused(&s, "ARCHIVE_UNSAFE");
    assert_text(&s, "x", "one");
    scene_done(&s);
}

static void a_file_is_not_also_a_folder(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "x", "one");
    tar_file(&s.tar, "x/y", "two");
    refused(&s, "ARCHIVE_UNSAFE");
    scene_done(&s);
}

static void names_that_differ_by_case_are_two_files(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "Makefile", "one");
    tar_file(&s.tar, "makefile", "two");
    assert_ok(scene_unpack(&s), s.err);
    assert_text(&s, "Makefile", "one");
    assert_text(&s, "makefile", "two");
    scene_done(&s);
}

static void endless_long_names_end(void **state)
{
    struct scene s;
    scene_init(&s, state);
    for (int i = 0; i < 1000; i++)
        tar_add(&s.tar,
                &(struct tar_head){ .name = "././@LongLink", .type = 'L', .data = "a", .len = 1 });
    assert_true(scene_unpack(&s) <= 0); /* whatever it is, it comes back */
    scene_done(&s);
}

/* --- bombs --- */

static void too_big(struct scene *s, int fd, const struct unpack_limits *limits)
{
    assert_fails(scene_unpack_fd(s, fd, limits), ERR_LIMIT);
    assert_string_equal(s->err.reason, "ARCHIVE_TOO_BIG");
}

static void more_bytes_than_allowed_stop_before_they_are_written(void **state)
{
    struct scene s;
    scene_init(&s, state);
    auto_free char *text = xcalloc(1, (size_t)LIMITS.bytes_max + 2);
    memset(text, 'a', (size_t)LIMITS.bytes_max + 1);
    tar_file(&s.tar, "big", text);
    tar_end(&s.tar);
    too_big(&s, zstd_fd(&s.tar), &LIMITS);
    assert_int_equal(faccessat(s.in, "big", F_OK, 0), -1);
    scene_done(&s);
}

static void many_small_files_count_together(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "12345");
    tar_file(&s.tar, "b", "12345");
    tar_end(&s.tar);
    too_big(&s, zstd_fd(&s.tar), &(struct unpack_limits){ .bytes_max = 9, .files_max = 9 });
    scene_done(&s);
}

static void more_entries_than_allowed_are_refused(void **state)
{
    struct scene s;
    scene_init(&s, state);
    for (int i = 0; i <= LIMITS.files_max; i++) {
        char name[16];
        snprintf(name, sizeof(name), "d%d", i);
        tar_folder(&s.tar, name);
    }
    tar_end(&s.tar);
    too_big(&s, zstd_fd(&s.tar), &LIMITS);
    scene_done(&s);
}

static void a_bomb_is_stopped_by_its_ratio(void **state)
{
    struct scene s;
    scene_init(&s, state);
    auto_free char *zeros = xcalloc(1, 40 << 20);
    tar_add(&s.tar, &(struct tar_head){ .name = "z", .type = '0', .data = zeros, .len = 40 << 20 });
    tar_end(&s.tar);
    const struct unpack_limits limits = { .bytes_max = 1LL << 30,
                                          .files_max = 9,
                                          .ratio_max = 100 };
    too_big(&s, zstd_fd(&s.tar), &limits);

    struct stat st;
    assert_int_equal(fstatat(s.in, "z", &st, 0), 0);
    assert_true(st.st_size <= 18 << 20); /* stopped soon after the first 16 MiB */
    scene_done(&s);
}

static void a_frame_with_a_huge_window_is_refused(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "x", "x");
    tar_end(&s.tar);
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    char packed[8192];
    ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 27);
    ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 0);
    ZSTD_inBuffer in = { s.tar.data, s.tar.len, 0 };
    ZSTD_outBuffer out = { packed, sizeof(packed), 0 };
    ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_flush);
    assert_int_equal(ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(ctx);
    assert_fails(scene_unpack_fd(&s, bytes_fd(packed, out.pos), &LIMITS), ERR_INVALID);
    assert_string_equal(s.err.reason, "ARCHIVE_DAMAGED");
    scene_done(&s);
}

/* --- what is cut or goes on --- */

static void an_archive_that_is_cut_anywhere_is_damaged(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "some text in a file");
    tar_file(&s.tar, "b", "some more of it");
    tar_end(&s.tar);
    size_t room = ZSTD_compressBound(s.tar.len);
    auto_free char *packed = xmalloc(room);
    size_t len = ZSTD_compress(packed, room, s.tar.data, s.tar.len, 3);
    for (size_t cut = 0; cut < len; cut++) {
        assert_fails(scene_unpack_fd(&s, bytes_fd(packed, cut), &LIMITS), ERR_INVALID);
        unlinkat(s.in, "a", 0);
        unlinkat(s.in, "b", 0);
    }
    assert_ok(scene_unpack_fd(&s, bytes_fd(packed, len), &LIMITS), s.err);
    scene_done(&s);
}

static void a_tar_that_is_cut_inside_a_whole_frame_is_damaged(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "some text in a file");
    for (size_t cut = 1; cut < s.tar.len; cut += 37) {
        struct buf part = { .data = s.tar.data, .len = cut };
        assert_fails(scene_unpack_fd(&s, zstd_fd(&part), &LIMITS), ERR_INVALID);
        unlinkat(s.in, "a", 0);
    }
    scene_done(&s);
}

static void nothing_may_follow_the_frame(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "x");
    tar_end(&s.tar);
    char packed[8192];
    size_t len = ZSTD_compress(packed, sizeof(packed) / 2, s.tar.data, s.tar.len, 3);
    memcpy(packed + len, packed, len);
    assert_fails(scene_unpack_fd(&s, bytes_fd(packed, 2 * len), &LIMITS), ERR_INVALID);
    unlinkat(s.in, "a", 0);
    packed[len] = 'x';
    assert_fails(scene_unpack_fd(&s, bytes_fd(packed, len + 1), &LIMITS), ERR_INVALID);
    scene_done(&s);
}

static void nothing_may_follow_the_tar(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "x");
    tar_end(&s.tar);
    tar_file(&s.tar, "hidden", "x");
    refused(&s, "ARCHIVE_DAMAGED");
    assert_int_equal(faccessat(s.in, "hidden", F_OK, 0), -1);
    scene_done(&s);
}

static void what_is_no_zstd_is_damaged(void **state)
{
    struct scene s;
    scene_init(&s, state);
    tar_file(&s.tar, "a", "x");
    tar_end(&s.tar);
    assert_fails(scene_unpack_fd(&s, bytes_fd(s.tar.data, s.tar.len), &LIMITS), ERR_INVALID);
    assert_fails(scene_unpack_fd(&s, bytes_fd("", 0), &LIMITS), ERR_INVALID);
    scene_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(files_folders_and_links_come_out_with_plain_modes),
        cmocka_unit_test(a_name_that_is_not_plain_is_refused),
        cmocka_unit_test(a_pax_path_is_checked_like_any_other),
        unit_test_in_folder(nothing_is_written_through_a_link),
        unit_test_in_folder(nothing_is_written_onto_a_link),
        unit_test_in_folder(a_link_that_was_there_before_is_not_followed),
        cmocka_unit_test(a_link_that_leaves_the_tree_is_refused),
        unit_test_in_folder(a_chain_of_two_links_does_not_lead_out),
        cmocka_unit_test(special_files_and_hard_links_are_refused),
        unit_test_in_folder(a_hard_link_to_outside_or_with_data_is_refused),
        unit_test_in_folder(a_sparse_file_is_refused),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
        unit_test_in_folder(a_pax_size_beside_the_headers_counts_and_is_capped),
        unit_test_in_folder(a_wrong_header_checksum_is_damage),
        unit_test_in_folder(a_name_that_is_there_twice_is_refused),
        unit_test_in_folder(a_file_is_not_also_a_folder),
        unit_test_in_folder(names_that_differ_by_case_are_two_files),
        unit_test_in_folder(endless_long_names_end),
        unit_test_in_folder(more_bytes_than_allowed_stop_before_they_are_written),
        unit_test_in_folder(many_small_files_count_together),
        unit_test_in_folder(more_entries_than_allowed_are_refused),
        unit_test_in_folder(a_bomb_is_stopped_by_its_ratio),
        unit_test_in_folder(a_frame_with_a_huge_window_is_refused),
        unit_test_in_folder(an_archive_that_is_cut_anywhere_is_damaged),
        unit_test_in_folder(a_tar_that_is_cut_inside_a_whole_frame_is_damaged),
        unit_test_in_folder(nothing_may_follow_the_frame),
        unit_test_in_folder(nothing_may_follow_the_tar),
        unit_test_in_folder(what_is_no_zstd_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
