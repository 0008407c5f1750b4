#include "sos/base/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

/* In place of the C library's: the sync that is to fail, and how many there were. */
static int syncs, failing_sync, sync_errno;

static int sync_at(long number, int fd)
{
    if (++syncs == failing_sync) {
        errno = sync_errno;
        return -1;
    }
    return (int)syscall(number, fd);
}
int fsync(int fd)
{
    return sync_at(SYS_fsync, fd);
}
int syncfs(int fd)
{
    return sync_at(SYS_syncfs, fd);
}

static struct blobs *open_in(void **state)
{
    struct blobs *blobs = NULL;
    struct err err;
    auto_free char *dir = xasprintf("%s/blobs", (char *)*state);
    assert_ok(blobs_open(dir, &blobs, &err), err);
    return blobs;
}

static int put(struct blobs *blobs, const char *text, const char *want, struct digests *ret,
               struct err *err)
{
    struct blob_writer *writer = NULL;
    int rc = blob_begin(blobs, &writer, err);
    if (rc < 0)
        return rc;
    rc = blob_write(writer, text, strlen(text), err);
    if (rc < 0) {
        blob_abort(writer);
        return rc;
    }
    return blob_commit(writer, want, ret, err);
}

static int files_in(void **state, const char *sub)
{
    auto_free char *path = xasprintf("%s/blobs/%s", (char *)*state, sub);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    int count = -2;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void what_was_committed_is_there_under_its_digest(void **state)
{
    struct err err;
    struct digests d;
    int64_t size = 0;
    char text[10] = "";
    struct blobs *blobs = open_in(state);
    assert_ok(put(blobs, "abc", NULL, &d, &err), err);
    assert_string_equal(d.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(d.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_true(blobs_have(blobs, d.sha256));

    auto_close int fd = -1;
    assert_ok(blobs_read(blobs, d.sha256, &fd, &size, &err), err);
    assert_int_equal(size, 3);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(files_in(state, "tmp"), 0);
    assert_true(blobs_free_bytes(blobs) > 0);
    blobs_close(blobs);
}

static void the_same_bytes_again_are_fine_and_one_file(void **state)
{
    struct err err;
    struct digests d;
    struct blobs *blobs = open_in(state);
    assert_ok(put(blobs, "abc", NULL, NULL, &err), err);
    assert_ok(put(blobs, "abc", NULL, &d, &err), err);
    assert_int_equal(files_in(state, "ba"), 1);
    assert_int_equal(files_in(state, "tmp"), 0);
    blobs_close(blobs);
}

static void other_bytes_than_wanted_are_not_kept(void **state)
{
    struct err err;
    struct digests d;
    char hex[SHA256_HEX], got[SHA256_HEX];
    sha256_hex("other", 5, hex);
    sha256_hex("abc", 3, got);
    struct blobs *blobs = open_in(state);
    assert_fails(put(blobs, "abc", hex, &d, &err), ERR_INVALID);
    assert_string_equal(err.reason, "DIGEST_MISMATCH");
    assert_false(blobs_have(blobs, hex));
    assert_false(blobs_have(blobs, got));
    assert_int_equal(files_in(state, "tmp"), 0);
    assert_ok(put(blobs, "abc", got, &d, &err), err);
    blobs_close(blobs);
}

static void what_is_not_there_is_not_found(void **state)
{
    static const char *const names[] = { "", "../../etc/passwd", "zz" };
    struct err err;
    char hex[SHA256_HEX];
    int fd = -1;
    sha256_hex("gone", 4, hex);
    struct blobs *blobs = open_in(state);
    assert_fails(blobs_read(blobs, hex, &fd, NULL, &err), ERR_NOT_FOUND);
    assert_fails(blobs_remove(blobs, hex, &err), ERR_NOT_FOUND);
    for (size_t i = 0; i < countof(names); i++) {
        assert_false(blobs_have(blobs, names[i]));
        assert_fails(blobs_read(blobs, names[i], &fd, NULL, &err), ERR_NOT_FOUND);
        assert_fails(blobs_remove(blobs, names[i], &err), ERR_NOT_FOUND);
    }
    assert_int_equal(fd, -1);
    blobs_close(blobs);
}

static void a_removed_blob_is_gone_and_can_come_again(void **state)
{
    struct err err;
    struct digests d;
    struct blobs *blobs = open_in(state);
    assert_ok(put(blobs, "abc", NULL, &d, &err), err);
    assert_ok(blobs_remove(blobs, d.sha256, &err), err);
    assert_false(blobs_have(blobs, d.sha256));
    assert_ok(put(blobs, "abc", NULL, &d, &err), err);
    assert_true(blobs_have(blobs, d.sha256));
    blobs_close(blobs);
}

/* It is the owner's loss and not something the caller asked for in vain. */
static void a_folder_that_is_gone_is_an_error_of_the_disk(void **state)
{
    struct err err;
    struct digests d;
    struct blob_writer *writer;
    struct blobs *blobs = open_in(state);
    auto_free char *shelf = xasprintf("%s/blobs/ba", (char *)*state);
    auto_free char *tmp = xasprintf("%s/blobs/tmp", (char *)*state);
    assert_int_equal(rmdir(shelf), 0);
    assert_int_equal(put(blobs, "abc", NULL, &d, &err), -ERR_IO);
    assert_int_equal(rmdir(tmp), 0);
    assert_int_equal(blob_begin(blobs, &writer, &err), -ERR_IO);
    blobs_close(blobs);
}

static void an_aborted_writer_leaves_nothing(void **state)
{
    struct err err;
    struct blob_writer *writer = NULL;
    struct blobs *blobs = open_in(state);
    assert_ok(blob_begin(blobs, &writer, &err), err);
    assert_ok(blob_write(writer, "abc", 3, &err), err);
    assert_int_equal(files_in(state, "tmp"), 1);
    blob_abort(writer);
    blob_abort(NULL);
    assert_int_equal(files_in(state, "tmp"), 0);
    blobs_close(blobs);
}

static void a_sealed_blob_tells_its_digests_before_it_is_kept(void **state)
{
    struct err err;
    struct digests told, kept;
    struct blob_writer *writer = NULL;
    struct blobs *blobs = open_in(state);
    assert_ok(blob_begin(blobs, &writer, &err), err);
    assert_ok(blob_write(writer, "abc", 3, &err), err);
    blob_seal(writer, &told);
    assert_string_equal(told.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_false(blobs_have(blobs, told.sha256));
    assert_ok(blob_commit(writer, told.sha256, &kept, &err), err);
    assert_string_equal(kept.sha256, told.sha256);
    assert_string_equal(kept.sha1, told.sha1);
    assert_true(blobs_have(blobs, told.sha256));
    blobs_close(blobs);
}

/* `count` blobs "x0", "x1", … ready to be committed. */
static void begin_many(struct blobs *blobs, struct blob_writer **writers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        auto_free char *text = xasprintf("x%zu", i);
        assert_int_equal(blob_begin(blobs, &writers[i], NULL), 0);
        assert_int_equal(blob_write(writers[i], text, strlen(text), NULL), 0);
    }
}

static size_t count_many(struct blobs *blobs, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        char hex[SHA256_HEX];
        auto_free char *text = xasprintf("x%zu", i);
        sha256_hex(text, strlen(text), hex);
        there += blobs_have(blobs, hex);
    }
    return there;
}

static void many_blobs_cost_two_syncs(void **state)
{
    struct err err;
    struct blob_writer *writers[100];
    struct blobs *blobs = open_in(state);
    begin_many(blobs, writers, 100);
    syncs = 0;
    assert_ok(blob_commit_all(writers, 100, &err), err);
    assert_int_equal(syncs, 2);
    assert_int_equal(count_many(blobs, 100), 100);
    assert_int_equal(files_in(state, "tmp"), 0);
    assert_ok(blob_commit_all(NULL, 0, &err), err);
    blobs_close(blobs);
}

/* Whichever sync fails, of one blob and of many: the commit fails, nothing is tried again, and a
 * full disk is not the same as a broken one. */
static void a_sync_that_failed_is_never_tried_again(void **state)
{
    static const size_t counts[] = { 1, 3, 20 };
    static const struct {
        int number;
        enum err_code code;
    } causes[] = { { EIO, ERR_IO }, { ENOSPC, ERR_FULL } };
    struct err err;

    for (size_t c = 0; c < countof(counts) * countof(causes); c++) {
        size_t count = counts[c / 2];
        for (int at = 1;; at++) {
            struct blob_writer *writers[20];
            fs_remove_tree(*state, NULL);
            struct blobs *blobs = open_in(state);
            begin_many(blobs, writers, count);
            syncs = 0;
            failing_sync = at;
            sync_errno = causes[c % 2].number;
            int rc = blob_commit_all(writers, count, &err);
            bool failed = syncs == at && rc < 0;
            failing_sync = 0;
            assert_int_equal(files_in(state, "tmp"), 0);
            assert_int_equal(blobs_are_broken(blobs), failed && sync_errno == EIO);
            if (failed) {
                assert_int_equal(rc, -(int)causes[c % 2].code);
                begin_many(blobs, writers, 1);
                assert_int_equal(blob_commit_all(writers, 1, NULL),
                                 sync_errno == EIO ? -ERR_IO : 0);
            }
            blobs_close(blobs);
            if (!failed) {
                assert_int_equal(rc, 0);
                assert_true(at > 2);
                break;
            }
        }
    }
}

static void one_folder_has_one_owner(void **state)
{
    struct err err;
    struct blobs *second = NULL;
    auto_free char *dir = xasprintf("%s/blobs", (char *)*state);
    struct blobs *blobs = open_in(state);
    assert_fails(blobs_open(dir, &second, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "in use by another process"));
    assert_null(second);
    blobs_close(blobs);
    assert_ok(blobs_open(dir, &second, &err), err);
    blobs_close(second);
}

/* --- many at once --- */

struct writer_thread {
    struct blobs *blobs;
    int failed;
};

static void *write_many(void *arg)
{
    struct writer_thread *t = arg;
    for (int i = 0; i < 100; i++) {
        char text[20];
        snprintf(text, sizeof(text), "blob %d", i % 50);
        t->failed += put(t->blobs, text, NULL, NULL, NULL) < 0;
    }
    return NULL;
}

static void threads_may_write_the_same_blobs(void **state)
{
    struct blobs *blobs = open_in(state);
    struct writer_thread threads[4];
    pthread_t ids[4];
    for (size_t i = 0; i < countof(threads); i++) {
        threads[i] = (struct writer_thread){ .blobs = blobs };
        pthread_create(&ids[i], NULL, write_many, &threads[i]);
    }
    for (size_t i = 0; i < countof(threads); i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(threads[i].failed, 0);
    }
    assert_int_equal(files_in(state, "tmp"), 0);
    blobs_close(blobs);
}

/* --- crashes --- */

/* The n-th blob: up to 600 KB, so that a kill falls into the middle of writes. */
static char *nth_text(int n, size_t *ret_len)
{
    size_t len = (size_t)(n * 7919 % 600000) + 1;
    char *text = xmalloc(len);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)((size_t)n + i % 251);
    *ret_len = len;
    return text;
}

/* Writes blobs until it is killed, and tells each number once its blob is durable. */
static void write_until_killed(const char *dir, int first, int told)
{
    struct blobs *blobs = NULL;
    if (blobs_open(dir, &blobs, NULL) < 0)
        _exit(1);
    for (int n = first;; n++) {
        struct blob_writer *writer = NULL;
        size_t len = 0;
        auto_free char *text = nth_text(n, &len);
        if (blob_begin(blobs, &writer, NULL) < 0 || blob_write(writer, text, len / 2, NULL) < 0 ||
            blob_write(writer, text + len / 2, len - len / 2, NULL) < 0 ||
            blob_commit(writer, NULL, NULL, NULL) < 0 || write(told, &n, sizeof(n)) != sizeof(n))
            _exit(1);
    }
}

static void assert_all_whole(struct blobs *blobs, void **state)
{
    for (unsigned shelf = 0; shelf < 256; shelf++) {
        auto_free char *path = xasprintf("%s/blobs/%02x", (char *)*state, shelf);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
            if (e->d_name[0] == '.')
                continue;
            struct digests d;
            auto_free char *file = xasprintf("%s/%s", path, e->d_name);
            auto_free char *name = xasprintf("%02x%s", shelf, e->d_name);
            assert_int_equal(digest_file(file, &d, NULL), 0);
            assert_string_equal(d.sha256, name);
            assert_true(blobs_have(blobs, name));
        }
        closedir(dir);
    }
}

static int kill_one_writer(void **state, int round, int first)
{
    int pipe_fds[2], n = first, last = first - 1;
    auto_free char *dir = xasprintf("%s/blobs", (char *)*state);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0)
        write_until_killed(dir, first, pipe_fds[1]);
    close(pipe_fds[1]);
    for (int i = 0; i <= round && read(pipe_fds[0], &n, sizeof(n)) == sizeof(n); i++)
        last = n;
    kill(pid, SIGKILL);
    while (read(pipe_fds[0], &n, sizeof(n)) == sizeof(n))
        last = n;
    close(pipe_fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void a_killed_writer_loses_nothing_it_told_and_leaves_nothing_half(void **state)
{
    int next = 0;
    for (int round = 0; round < 10; round++) {
        int last = kill_one_writer(state, round, next);
        struct blobs *blobs = open_in(state);
        assert_int_equal(files_in(state, "tmp"), 0);
        for (int n = next; n <= last; n++) {
            size_t len = 0;
            char hex[SHA256_HEX];
            auto_free char *text = nth_text(n, &len);
            sha256_hex(text, len, hex);
            assert_true(blobs_have(blobs, hex));
        }
        assert_all_whole(blobs, state);
        blobs_close(blobs);
        next = last + 1;
    }
}

/* --- a full disk --- */

static int fill_a_small_disk(const char *dir)
{
    struct blobs *blobs = NULL;
    struct digests d;
    struct err err;
    if (!unit_own_mounts() || mount("none", dir, "tmpfs", 0, "size=2m,mode=700") < 0)
        return 77;
    auto_free char *big = xcalloc(1, 4 << 20);
    memset(big, 'x', (4 << 20) - 1);
    if (blobs_open(dir, &blobs, &err) < 0 || put(blobs, "abc", NULL, &d, &err) < 0)
        return 1;
    if (put(blobs, big, NULL, NULL, &err) != -ERR_FULL || err.code != ERR_FULL)
        return 2;
    /* What was there is there, and so is the room. */
    bool fine = blobs_have(blobs, d.sha256) && put(blobs, "again", NULL, NULL, &err) == 0;
    blobs_close(blobs);
    return fine ? 0 : 3;
}

static void a_full_disk_is_told_as_that_and_nothing_is_lost(void **state)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_a_small_disk(*state));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 77)
        skip(); /* this kernel gives us no namespace of our own */
    assert_int_equal(status, 0);
}

static void a_blob_that_was_cut_short_is_never_committed(void **state)
{
    struct err err;
    struct blob_writer *writer = NULL;
    struct blobs *blobs = open_in(state);
    assert_ok(blob_begin(blobs, &writer, &err), err);
    assert_ok(blob_write(writer, "abc", 3, &err), err);
    assert_true(blob_write(writer, (void *)1, 4096, &err) < 0); /* no such memory: EFAULT */
    char hex[SHA256_HEX];
    sha256_hex("abc", 3, hex);
    assert_fails(blob_commit(writer, NULL, NULL, &err), ERR_IO);
    assert_false(blobs_have(blobs, hex));
    assert_int_equal(files_in(state, "tmp"), 0);
    blobs_close(blobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(what_was_committed_is_there_under_its_digest),
        unit_test_in_folder(the_same_bytes_again_are_fine_and_one_file),
        unit_test_in_folder(other_bytes_than_wanted_are_not_kept),
        unit_test_in_folder(what_is_not_there_is_not_found),
        unit_test_in_folder(a_removed_blob_is_gone_and_can_come_again),
        unit_test_in_folder(a_folder_that_is_gone_is_an_error_of_the_disk),
        unit_test_in_folder(an_aborted_writer_leaves_nothing),
        unit_test_in_folder(a_sealed_blob_tells_its_digests_before_it_is_kept),
        unit_test_in_folder(many_blobs_cost_two_syncs),
        unit_test_in_folder(a_sync_that_failed_is_never_tried_again),
        unit_test_in_folder(one_folder_has_one_owner),
        unit_test_in_folder(threads_may_write_the_same_blobs),
        unit_test_in_folder(a_killed_writer_loses_nothing_it_told_and_leaves_nothing_half),
        unit_test_in_folder(a_full_disk_is_told_as_that_and_nothing_is_lost),
        unit_test_in_folder(a_blob_that_was_cut_short_is_never_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
