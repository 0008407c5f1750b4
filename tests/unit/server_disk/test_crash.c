#include <signal.h>
#include <sys/wait.h>

#include "disk.h"
#include "sos/base/buf.h"

enum { ROUNDS = 20, ACKS_BEFORE_KILL = 12 };

/* The child: submit and finish builds for ever; after each commit, and never before, acknowledge
 * the number on the pipe, as the server would to its client. */
static _Noreturn void submit_for_ever(void **state, int ack_fd)
{
    struct disk disk;
    char source[TREE_ID_MAX];
    disk_open(&disk, state);
    source_make(&disk, "x", source);
    for (;;) {
        struct build_row row, made;
        row_make(&row, source, "demo");
        struct submit_key key = { .subject = "ann", .key = row.msg.id, .body_sha256 = "aa" };
        submit(&disk, &row, &key, &made);
        if (made.msg.number % 3 == 0)
            change(&disk, &made, SOS_BUILD_STATE_FAILED, "finish_fail");
        int32_t number = made.msg.number;
        if (write(ack_fd, &number, sizeof number) != sizeof number)
            _exit(1);
        build_row_done(&made);
        build_row_done(&row);
    }
}

/* Kill the child after some acknowledgements; the last number that it told. */
static int32_t run_and_kill(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        submit_for_ever(state, ends[1]);
    }
    close(ends[1]);
    int32_t last = 0, number;
    for (int i = 0; i < ACKS_BEFORE_KILL; i++)
        if (read(ends[0], &number, sizeof number) == sizeof number)
            last = number;
    kill(child, SIGKILL);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        last = number; /* told before it died */
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return last;
}

/* Killed in the middle of its work again and again: every acknowledged build is there, in the state
 * that was acknowledged, with its history and its key; and at most one more for each kill. */
static void every_acknowledged_build_survives_a_kill(void **state)
{
    int32_t last = 0;
    struct buf untold; /* builds that were committed and, killed in between, never acknowledged */
    buf_init(&untold, 1024);
    buf_add_str(&untold, "0");
    for (int round = 1; round <= ROUNDS; round++) {
        int32_t told = run_and_kill(state);
        assert_true(told >= last + ACKS_BEFORE_KILL);
        last = told;

        struct disk disk;
        disk_open(&disk, state);
        int64_t builds = count(&disk, "SELECT count(*) FROM builds");
        assert_in_range(builds, last, last + 1);
        if (builds > last)
            buf_printf(&untold, ",%d", (int)builds);
        last = (int32_t)builds;
        assert_int_equal(count(&disk, "SELECT max(number) FROM builds"), builds);
        assert_int_equal(count(&disk, "SELECT count(*) FROM idempotency"), builds);
        auto_free char *unfinished = xasprintf("SELECT count(*) FROM builds WHERE number %% 3 = 0"
                                               " AND state <> 'FAILED' AND number NOT IN (%s)",
                                               untold.data);
        assert_int_equal(count(&disk, unfinished), 0);
        assert_int_equal(count(&disk, "SELECT count(*) FROM builds WHERE state <> (SELECT state"
                                      " FROM events WHERE build = builds.number"
                                      " ORDER BY revision DESC LIMIT 1)"),
                         0);
        assert_int_equal(count(&disk, "SELECT count(*) FROM pragma_integrity_check"
                                      " WHERE integrity_check <> 'ok'"),
                         0);
        disk_close(&disk);
    }
    buf_done(&untold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(every_acknowledged_build_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
