#include "sos/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include "tests/unit/unit.h"

/* Runs a shell script; its output in `out` (of 4 KiB). */
static int shell(const char *script, int64_t timeout_ms, struct buf *out, struct err *err)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    buf_init(out, 4096);
    return spawn_run(&(struct spawn){ .argv = argv, .timeout_ms = timeout_ms }, out, out, err);
}

static void output_is_kept_as_it_was(void **state)
{
    struct buf out;
    struct err err;
    (void)state;
    assert_ok(shell("printf 'a\\000b'; printf c >&2", 0, &out, &err), err);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "a\0bc", 4);
    buf_done(&out);
}

static void the_two_outputs_can_be_told_apart(void **state)
{
    const char *const argv[] = { "sh", "-c", "echo out; echo err >&2", NULL };
    struct buf out, errout;
    struct err err;
    (void)state;
    buf_init(&out, 100);
    buf_init(&errout, 100);
    assert_ok(spawn_run(&(struct spawn){ .argv = argv }, &out, &errout, &err), err);
    assert_string_equal(out.data, "out\n");
    assert_string_equal(errout.data, "err\n");
    buf_done(&out);
    buf_done(&errout);
    assert_ok(spawn_run(&(struct spawn){ .argv = argv }, NULL, NULL, &err), err);
}

static void a_failure_names_the_program_its_status_and_its_last_line(void **state)
{
    struct buf out;
    struct err err;
    (void)state;
    assert_fails(shell("echo one; echo 'no such \x1b[1mthing'; exit 7", 0, &out, &err), ERR_IO);
    assert_string_equal(err.text, "sh ended with status 7: no such ?[1mthing");
    buf_done(&out);
    assert_fails(shell("kill -SEGV $$", 0, &out, &err), ERR_IO);
    assert_string_equal(err.text, "sh was ended by SIGSEGV");
    buf_done(&out);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    const char *const argv[] = { "sos-no-such-program", NULL };
    struct err err;
    (void)state;
    assert_fails(spawn_run(&(struct spawn){ .argv = argv }, NULL, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "sos-no-such-program"));
}

static void what_is_too_much_is_read_and_dropped(void **state)
{
    struct buf out;
    struct err err;
    (void)state;
    assert_ok(shell("head -c 3000000 /dev/zero", 0, &out, &err), err);
    assert_int_equal(out.len, 4096);
    assert_true(out.over);
    buf_done(&out);
}

static void only_three_descriptors_and_no_ignored_signal_pass(void **state)
{
    struct buf out;
    struct err err;
    (void)state;
    int leaked = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    assert_true(dup2(leaked, 57) == 57);
    signal(SIGPIPE, SIG_IGN);
    assert_fails(shell("ls /proc/$$/fd; kill -PIPE $$", 0, &out, &err), ERR_IO);
    signal(SIGPIPE, SIG_DFL);
    close(leaked);
    close(57);
    assert_string_equal(out.data, "0\n1\n2\n");
    assert_non_null(strstr(err.text, "ended by SIGPIPE"));
    buf_done(&out);
}

static void environment_and_folder_are_as_asked(void **state)
{
    const char *const argv[] = { "sh", "-c", "pwd; echo $COLOUR; echo $HOME; cat", NULL };
    const char *const env[] = { "COLOUR=blue", NULL };
    struct spawn spawn = { .argv = argv, .env = env, .dir = "/" };
    struct buf out;
    struct err err;
    (void)state;
    buf_init(&out, 100);
    assert_ok(spawn_run(&spawn, &out, NULL, &err), err);
    assert_string_equal(out.data, "/\nblue\n\n");
    buf_done(&out);
}

/* Who has the lock can only be gone when we get it. */
static void a_time_out_kills_the_whole_group(void **state)
{
    struct buf out;
    struct err err;
    auto_free char *lock = xasprintf("%s/lock", (char *)*state);
    auto_free char *script =
        xasprintf("exec 9>%s; flock 9; trap '' TERM; sleep 1000 9>&9 & echo ready; wait", lock);
    assert_fails(shell(script, 300, &out, &err), ERR_LIMIT);
    assert_string_equal(err.reason, "TIMEOUT");
    assert_string_equal(err.text, "sh did not end within 0.3 s and was killed");
    auto_close int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    buf_done(&out);
}

static void who_is_left_behind_is_not_waited_for(void **state)
{
    struct buf out;
    struct err err;
    (void)state;
    assert_ok(shell("sleep 1000 & echo $!", 0, &out, &err), err);
    pid_t left = (pid_t)strtol(out.data, NULL, 10);
    assert_true(left > 1);
    assert_int_equal(kill(left, SIGKILL), 0); /* it was still there, with our pipe */
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_kept_as_it_was),
        cmocka_unit_test(the_two_outputs_can_be_told_apart),
        cmocka_unit_test(a_failure_names_the_program_its_status_and_its_last_line),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(what_is_too_much_is_read_and_dropped),
        cmocka_unit_test(only_three_descriptors_and_no_ignored_signal_pass),
        cmocka_unit_test(environment_and_folder_are_as_asked),
        unit_test_in_folder(a_time_out_kills_the_whole_group),
        cmocka_unit_test(who_is_left_behind_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
