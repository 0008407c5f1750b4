#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/unit.h"
#include "worker/collect.h"

static const struct sos_limits limits = { .artifact_bytes = 1000,
                                          .artifact_files = 3,
                                          .disk_bytes = 2000 };

/* out/artifact and target, empty, under the test's folder. */
struct room {
    char *out;
    char *artifact;
    char *target;
};

static struct room room_make(void **state)
{
    struct room room = { .out = xasprintf("%s/out", (char *)*state),
                         .artifact = xasprintf("%s/out/artifact", (char *)*state),
                         .target = xasprintf("%s/target", (char *)*state) };
    struct err err = { 0 };
    (void)fs_remove_tree(room.out, NULL);
    (void)fs_remove_tree(room.target, NULL);
    assert_ok(fs_mkdirs(room.artifact, 0755, &err), err);
    assert_ok(fs_mkdirs(room.target, 0755, &err), err);
    return room;
}

static void room_drop(struct room *room)
{
    free(room->out);
    free(room->artifact);
    free(room->target);
}

static char *put(const struct room *room, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", room->artifact, name);
    struct err err = { 0 };
    assert_ok(fs_write_atomic(path, text, strlen(text), 0644, &err), err);
    return path;
}

static void refused(struct room *room, uid_t uid, const char *reason)
{
    struct collected got;
    struct err err = { 0 };
    assert_fails(collect_copy(room->out, uid, &limits, room->target, &got, &err), ERR_INVALID);
    assert_string_equal(err.reason, reason);
    room_drop(room);
}

static void plain_files_are_copied_and_hashed_in_order(void **state)
{
    struct room room = room_make(state);
    auto_free char *b = put(&room, "b", "abc");
    free(put(&room, "a-1.2+x_y.jar", ""));
    assert_int_equal(chmod(b, 0700), 0);
    struct collected got;
    struct err err = { 0 };
    assert_ok(collect_copy(room.out, geteuid(), &limits, room.target, &got, &err), err);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.files[0].name, "a-1.2+x_y.jar");
    assert_string_equal(got.files[1].digests.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    auto_free char *copy = xasprintf("%s/b", room.target);
    struct stat st;
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_size, 3);
    room_drop(&room);
}

static void nothing_is_missing(void **state)
{
    struct room room = room_make(state);
    refused(&room, geteuid(), "ARTIFACT_MISSING");
    room = room_make(state);
    assert_int_equal(rmdir(room.artifact), 0);
    refused(&room, geteuid(), "ARTIFACT_MISSING");
}

static void what_is_no_plain_file_is_refused(void **state)
{
    struct room room = room_make(state);
    auto_free char *path = xasprintf("%s/x", room.artifact);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");

    room = room_make(state);
    assert_int_equal(mkfifo(path, 0644), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");

    room = room_make(state);
    assert_int_equal(mkdir(path, 0755), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");

    room = room_make(state);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");
}

static void a_second_link_is_refused(void **state)
{
    struct room room = room_make(state);
    auto_free char *path = put(&room, "x", "abc");
    auto_free char *other = xasprintf("%s/other", room.out);
    assert_int_equal(link(path, other), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");
}

static void somebody_elses_file_is_refused(void **state)
{
    struct room room = room_make(state);
    free(put(&room, "x", "abc"));
    refused(&room, geteuid() + 1, "ARTIFACT_REFUSED");
}

static void a_folder_that_is_a_link_is_refused(void **state)
{
    struct room room = room_make(state);
    assert_int_equal(rmdir(room.artifact), 0);
    assert_int_equal(symlink("/etc", room.artifact), 0);
    refused(&room, geteuid(), "ARTIFACT_REFUSED");
}

static void the_apparent_size_counts(void **state)
{
    struct room room = room_make(state);
    auto_free char *path = put(&room, "x", "");
    assert_int_equal(truncate(path, 1001), 0);
    refused(&room, geteuid(), "ARTIFACT_TOO_BIG");
}

static void sparse_files_larger_than_the_disk_together_are_refused(void **state)
{
    struct room room = room_make(state);
    static const char *const names[] = { "1", "2", "3" };
    for (size_t i = 0; i < countof(names); i++) {
        auto_free char *path = put(&room, names[i], "");
        assert_int_equal(truncate(path, 900), 0);
    }
    refused(&room, geteuid(), "ARTIFACT_TOO_BIG");
}

static void too_many_files_are_refused(void **state)
{
    struct room room = room_make(state);
    static const char *const names[] = { "1", "2", "3", "4" };
    for (size_t i = 0; i < countof(names); i++)
        free(put(&room, names[i], "x"));
    refused(&room, geteuid(), "ARTIFACT_REFUSED");
}

static void names_are_plain(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-rf", ".x", "a b", "a\nb", "a/b", "\xc3\xa9", "a\033[2J"
    };
    for (size_t i = 0; i < countof(bad); i++)
        assert_fails(collect_name_check(bad[i], NULL), ERR_INVALID);
    char name[COLLECT_NAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[COLLECT_NAME_MAX + 1] = '\0';
    assert_fails(collect_name_check(name, NULL), ERR_INVALID);
    name[COLLECT_NAME_MAX] = '\0';
    assert_int_equal(collect_name_check(name, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(plain_files_are_copied_and_hashed_in_order),
        unit_test_in_folder(nothing_is_missing),
        unit_test_in_folder(what_is_no_plain_file_is_refused),
        unit_test_in_folder(a_second_link_is_refused),
        unit_test_in_folder(somebody_elses_file_is_refused),
        unit_test_in_folder(a_folder_that_is_a_link_is_refused),
        unit_test_in_folder(the_apparent_size_counts),
        unit_test_in_folder(sparse_files_larger_than_the_disk_together_are_refused),
        unit_test_in_folder(too_many_files_are_refused),
        cmocka_unit_test(names_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
