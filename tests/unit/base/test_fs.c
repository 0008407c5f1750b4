#include "sos/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

static char *in(void **state, const char *name)
{
    return xasprintf("%s/%s", (char *)*state, name);
}

static void put(void **state, const char *name, const char *text)
{
    struct err err;
    auto_free char *path = in(state, name);
    assert_ok(fs_write_atomic(path, text, strlen(text), 0640, &err), err);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct err err;
    struct stat st;
    auto_free char *path = in(state, "a/b/c");
    assert_ok(fs_mkdirs(path, 0750, &err), err);
    assert_ok(fs_mkdirs(path, 0750, &err), err);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    auto_free char *deep = in(state, "a/d/e/");
    assert_ok(fs_mkdirs_durable(deep, 0750, &err), err);
    assert_ok(fs_mkdirs_durable(deep, 0750, &err), err);
    assert_int_equal(stat(deep, &st), 0);

    auto_free char *file = in(state, "file");
    auto_free char *below = in(state, "file/x");
    put(state, "file", "x");
    assert_fails(fs_mkdirs(file, 0750, &err), ERR_IO);
    assert_fails(fs_mkdirs(below, 0750, &err), ERR_IO);
    assert_fails(fs_mkdirs_durable(file, 0750, &err), ERR_IO);
    assert_fails(fs_mkdirs_durable(below, 0750, &err), ERR_IO);
}

static void a_file_is_replaced_whole_and_leaves_no_temp(void **state)
{
    struct err err;
    struct stat st;
    struct buf got;
    buf_init(&got, 100);
    auto_free char *path = in(state, "f");
    put(state, "f", "one");
    put(state, "f", "two");
    assert_ok(fs_read(path, &got, &err), err);
    assert_string_equal(got.data, "two");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    buf_done(&got);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(*state), 0); /* nothing else was in it */
    assert_int_equal(mkdir(*state, 0700), 0);
}

static void a_file_that_cannot_be_replaced_stays_and_leaves_no_temp(void **state)
{
    auto_free char *folder = in(state, "d");
    auto_free char *inner = in(state, "d/x");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_true(fs_write_atomic(inner, "x", 1, 0600, NULL) < 0); /* a folder has that name */
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_fails(fs_write_atomic(inner, "x", 1, 0600, NULL), ERR_NOT_FOUND);
}

static void reading_stops_at_the_limit(void **state)
{
    struct err err;
    struct buf got;
    auto_free char *path = in(state, "f");
    auto_free char *absent = in(state, "absent");
    put(state, "f", "12345");
    buf_init(&got, 4);
    assert_fails(fs_read(path, &got, &err), ERR_LIMIT);
    assert_fails(fs_read(absent, &got, &err), ERR_NOT_FOUND);
    buf_done(&got);
}

static void a_tree_goes_but_not_what_its_links_point_to(void **state)
{
    struct err err;
    put(state, "kept", "x");
    auto_free char *tree = in(state, "tree");
    auto_free char *sub = in(state, "tree/a/b");
    auto_free char *link = in(state, "tree/a/link");
    auto_free char *folder_link = in(state, "tree/out");
    auto_free char *kept = in(state, "kept");
    assert_ok(fs_mkdirs(sub, 0700, &err), err);
    put(state, "tree/a/b/f", "x");
    assert_int_equal(symlink(kept, link), 0);
    assert_int_equal(symlink(*state, folder_link), 0);

    assert_ok(fs_remove_tree(tree, &err), err);
    assert_int_equal(access(tree, F_OK), -1);
    assert_int_equal(access(kept, F_OK), 0);
    assert_ok(fs_remove_tree(tree, &err), err); /* absent is fine */
}

static void a_link_to_a_tree_goes_alone(void **state)
{
    struct err err;
    auto_free char *tree = in(state, "tree");
    auto_free char *link = in(state, "link");
    assert_ok(fs_mkdirs(tree, 0700, &err), err);
    assert_int_equal(symlink("tree", link), 0);
    assert_ok(fs_remove_tree(link, &err), err);
    assert_int_equal(access(tree, F_OK), 0);
    assert_int_equal(access(link, F_OK), -1);
}

/* Deeper than any path may be long, and than there are descriptors. */
static void a_tree_of_any_depth_goes(void **state)
{
    struct err err;
    auto_free char *tree = in(state, "tree");
    assert_int_equal(mkdir(tree, 0700), 0);
    int fd = open(tree, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(mkdirat(fd, "deeper", 0700), 0);
        int next = openat(fd, "deeper", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_ok(fs_remove_tree(tree, &err), err);
    assert_int_equal(access(tree, F_OK), -1);
}

static void a_wide_tree_goes(void **state)
{
    struct err err;
    auto_free char *tree = in(state, "tree");
    for (int i = 0; i < 2000; i++) {
        auto_free char *path = xasprintf("%s/%d/%d", tree, i % 50, i);
        assert_ok(fs_mkdirs(path, 0700, &err), err);
    }
    assert_ok(fs_remove_tree(tree, &err), err);
    assert_int_equal(access(tree, F_OK), -1);
}

static int run_as_nobody(int (*f)(const char *path), const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(99);
        _exit(f(path) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static int make_and_remove_read_only(const char *path)
{
    auto_free char *module = xasprintf("%s/module", path);
    auto_free char *sub = xasprintf("%s/sub", module);
    if (fs_mkdirs(sub, 0700, NULL) < 0)
        return -1;
    auto_free char *file = xasprintf("%s/f", sub);
    if (fs_write_atomic(file, "x", 1, 0400, NULL) < 0 || chmod(sub, 0500) < 0 ||
        chmod(module, 0) < 0)
        return -1;
    return fs_remove_tree(module, NULL);
}

/* As Go leaves its module cache. */
static void read_only_folders_go_for_who_is_not_root_too(void **state)
{
    assert_int_equal(chmod(*state, 0777), 0);
    assert_int_equal(run_as_nobody(make_and_remove_read_only, *state), 0);
}

static int remove_with_a_mount(const char *path)
{
    auto_free char *tree = xasprintf("%s/tree", path);
    auto_free char *mount_point = xasprintf("%s/tree/a/m", path);
    auto_free char *source = xasprintf("%s/source", path);
    auto_free char *kept = xasprintf("%s/source/kept", path);
    struct err err;
    if (fs_mkdirs(mount_point, 0700, NULL) < 0 || mkdir(source, 0700) < 0 ||
        fs_write_atomic(kept, "x", 1, 0600, NULL) < 0)
        return 1;
    if (!unit_own_mounts() || mount(source, mount_point, NULL, MS_BIND, NULL) < 0)
        return 77;
    int rc = fs_remove_tree(tree, &err);
    return rc == -ERR_CONFLICT && access(kept, F_OK) == 0 ? 0 : 1;
}

static void what_is_mounted_in_a_tree_is_not_emptied(void **state)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(remove_with_a_mount(*state));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 77)
        skip(); /* this kernel gives us no namespace of our own */
    assert_int_equal(status, 0);
}

static void the_top_is_never_removed(void **state)
{
    static const char *const paths[] = { "/", "", ".", "..", "x/..", "x/." };
    (void)state;
    for (size_t i = 0; i < countof(paths); i++)
        assert_fails(fs_remove_tree(paths[i], NULL), ERR_INVALID);
}

static void opening_beneath_follows_no_link_and_no_way_out(void **state)
{
    struct err err;
    auto_free char *sub = in(state, "a/b");
    auto_free char *link = in(state, "a/link");
    auto_free char *absolute = in(state, "root");
    assert_ok(fs_mkdirs(sub, 0700, &err), err);
    put(state, "a/b/f", "x");
    assert_int_equal(symlink("b", link), 0);
    assert_int_equal(symlink("/", absolute), 0);
    auto_close int dirfd = open(*state, O_RDONLY | O_DIRECTORY);

    auto_close int fine = fs_open_beneath(dirfd, "a/b/f", O_RDONLY, 0);
    assert_true(fine >= 0);
    assert_int_equal(fcntl(fine, F_GETFD), FD_CLOEXEC);
    static const struct {
        const char *path;
        int number;
    } cases[] = {
        { "a/link/f", ELOOP },    { "root/etc", ELOOP },  { "a/link", ELOOP },    { "../x", EXDEV },
        { "/etc/passwd", EXDEV }, { "a/../../x", EXDEV }, { "a/absent", ENOENT },
    };
    for (size_t i = 0; i < countof(cases); i++) {
        assert_int_equal(fs_open_beneath(dirfd, cases[i].path, O_RDONLY, 0), -1);
        assert_int_equal(errno, cases[i].number);
    }
}

enum { INTERRUPTIONS = 8, WRITTEN = 1 << 20 };
static int heard_fd;

static void on_usr1(int number)
{
    (void)number;
    if (write(heard_fd, "x", 1) != 1)
        abort();
}

/* The child: once the pipe is full, interrupt who writes into it again and again, each time after
 * the last was heard; only then read it empty, and tell how much came. */
static _Noreturn void interrupt_then_read(int data_fd, int heard)
{
    static char room[1 << 16];
    int full = 0;
    size_t seen = 0;
    while (full < (int)sizeof room)
        if (ioctl(data_fd, FIONREAD, &full) < 0)
            _exit(2);
    for (int i = 0; i < INTERRUPTIONS; i++) {
        kill(getppid(), SIGUSR1);
        if (read(heard, room, 1) != 1)
            _exit(3);
    }
    for (ssize_t n; (n = read(data_fd, room, sizeof room)) > 0;)
        seen += (size_t)n;
    _exit(seen == WRITTEN ? 0 : 1);
}

static void writing_goes_on_after_signals(void **state)
{
    (void)state;
    int data[2], heard[2], status;
    struct sigaction action = { .sa_handler = on_usr1 }, before; /* no SA_RESTART: EINTR is seen */
    assert_int_equal(pipe2(data, O_CLOEXEC), 0);
    assert_int_equal(pipe2(heard, O_CLOEXEC), 0);
    heard_fd = heard[1];
    sigaction(SIGUSR1, &action, &before);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(data[1]);
        interrupt_then_read(data[0], heard[0]);
    }
    close(data[0]);
    auto_free char *bytes = xcalloc(1, WRITTEN);
    assert_int_equal(fs_write_all(data[1], bytes, WRITTEN), 0);
    close(data[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    sigaction(SIGUSR1, &before, NULL);
    close(heard[0]);
    close(heard[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(folders_are_made_with_their_parents),
        unit_test_in_folder(a_file_is_replaced_whole_and_leaves_no_temp),
        unit_test_in_folder(a_file_that_cannot_be_replaced_stays_and_leaves_no_temp),
        unit_test_in_folder(reading_stops_at_the_limit),
        unit_test_in_folder(a_tree_goes_but_not_what_its_links_point_to),
        unit_test_in_folder(a_link_to_a_tree_goes_alone),
        unit_test_in_folder(a_tree_of_any_depth_goes),
        unit_test_in_folder(a_wide_tree_goes),
        unit_test_in_folder(read_only_folders_go_for_who_is_not_root_too),
        unit_test_in_folder(what_is_mounted_in_a_tree_is_not_emptied),
        cmocka_unit_test(the_top_is_never_removed),
        cmocka_unit_test(writing_goes_on_after_signals),
        unit_test_in_folder(opening_beneath_follows_no_link_and_no_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
