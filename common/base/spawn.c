#include "sos/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/utf8.h"

enum { TAIL_MAX = 512, SAY_MAX = 160, DRAIN_ROUNDS = 80 };

/* One of the program's outputs, and the end of what came through it. */
struct stream {
    int fd;           /* -1 once it ended */
    struct buf *keep; /* may be NULL */
    char tail[TAIL_MAX];
    size_t tail_len;
};

struct run {
    pid_t pid;
    int pidfd;
    struct stream out;
    struct stream errout; /* never opened when both go to one buf: order is kept then */
    int64_t deadline_ms;  /* 0: none */
    bool timed_out;
};

static void stream_keep(struct stream *stream, const char *data, size_t len)
{
    if (stream->keep) {
        struct buf *buf = stream->keep;
        size_t room = buf->max - buf->len;
        (void)buf_add(buf, data, len < room ? len : room);
        buf->over = buf->over || len > room;
    }
    if (len >= TAIL_MAX) {
        memcpy(stream->tail, data + len - TAIL_MAX, TAIL_MAX);
        stream->tail_len = TAIL_MAX;
        return;
    }
    size_t keep = stream->tail_len < TAIL_MAX - len ? stream->tail_len : TAIL_MAX - len;
    memmove(stream->tail, stream->tail + stream->tail_len - keep, keep);
    memcpy(stream->tail + keep, data, len);
    stream->tail_len = keep + len;
}

/* Takes what is there now, without waiting: more than a pipe holds, but not for
 * ever when somebody left behind writes on. */
static void stream_drain(struct stream *stream)
{
    char part[16384];
    for (int rounds = DRAIN_ROUNDS; stream->fd >= 0 && rounds > 0; rounds--) {
        ssize_t got = read(stream->fd, part, sizeof(part));
        if (got > 0) {
            stream_keep(stream, part, (size_t)got);
            if ((size_t)got < sizeof(part))
                return;
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && errno == EAGAIN) {
            return;
        } else {
            close(stream->fd);
            stream->fd = -1;
        }
    }
}

/* The last line that is not empty, made harmless. */
static void stream_last_line(const struct stream *stream, char ret[SAY_MAX])
{
    size_t end = stream->tail_len;
    while (end > 0 && (unsigned char)stream->tail[end - 1] <= ' ')
        end--;
    size_t start = end;
    while (start > 0 && stream->tail[start - 1] != '\n' && end - start < SAY_MAX - 1)
        start--;
    size_t at = 0;
    while (start < end) {
        uint32_t code = 0;
        size_t size = utf8_next(stream->tail + start, end - start, &code);
        if (size == 0 || utf8_is_unsafe(code)) {
            ret[at++] = '?';
        } else {
            memcpy(ret + at, stream->tail + start, size);
            at += size;
        }
        start += size ? size : 1;
    }
    ret[at] = '\0';
}

/* --- starting --- */

static int open_pipe(struct stream *stream, int *ret_write_fd, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    stream->fd = ends[0];
    *ret_write_fd = ends[1];
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return err_errno(err, "pipe");
    return 0;
}

/* A clean child: no signal blocked or ignored, a process group of its own. */
static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attr);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETPGROUP);
}

static int start(const struct spawn *spawn, struct run *run, int out_fd, int err_fd,
                 struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (spawn->dir)
        posix_spawn_file_actions_addchdir_np(&actions, spawn->dir);
    set_attributes(&attr);

    errno = posix_spawnp(&run->pid, spawn->argv[0], &actions, &attr, (char **)spawn->argv,
                         spawn->env ? (char **)spawn->env : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (errno != 0)
        return err_errno(err, "start %s", spawn->argv[0]);
    run->pidfd = pidfd_open(run->pid, 0);
    if (run->pidfd < 0) {
        kill(-run->pid, SIGKILL);
        waitpid(run->pid, NULL, 0);
        return err_errno(err, "watch %s", spawn->argv[0]);
    }
    return 0;
}

/* --- waiting --- */

static int ms_left(const struct run *run)
{
    if (run->deadline_ms == 0 || run->timed_out)
        return -1;
    int64_t left = run->deadline_ms - clock_mono_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Until the program ends.  Whoever it left behind may hold the pipes open: they
 * are not waited for. */
static void wait_for_end(struct run *run)
{
    for (;;) {
        struct pollfd fds[] = { { run->out.fd, POLLIN, 0 },
                                { run->errout.fd, POLLIN, 0 },
                                { run->pidfd, POLLIN, 0 } };
        int rc = poll(fds, countof(fds), ms_left(run));
        if (rc == 0 && ms_left(run) == 0) {
            run->timed_out = true;
            kill(-run->pid, SIGKILL);
        }
        stream_drain(&run->out);
        stream_drain(&run->errout);
        if (rc > 0 && fds[2].revents)
            return;
    }
}

static int judge(const struct spawn *spawn, const struct run *run, int status, struct err *err)
{
    const char *name = spawn->argv[0];
    if (run->timed_out) {
        err_set(err, ERR_LIMIT, "%s did not end within %.1f s and was killed", name,
                (double)spawn->timeout_ms / 1000);
        err_reason(err, "TIMEOUT");
        return -ERR_LIMIT;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    char said[SAY_MAX];
    stream_last_line(run->errout.tail_len > 0 ? &run->errout : &run->out, said);
    const char *colon = said[0] ? ": " : "";
    if (WIFEXITED(status))
        return err_set(err, ERR_IO, "%s ended with status %d%s%s", name, WEXITSTATUS(status), colon,
                       said);
    return err_set(err, ERR_IO, "%s was ended by SIG%s%s%s", name, sigabbrev_np(WTERMSIG(status)),
                   colon, said);
}

static int run_to_end(const struct spawn *spawn, struct run *run, struct err *err)
{
    auto_close int out_fd = -1;
    auto_close int err_fd = -1;
    bool one_pipe = run->out.keep && run->out.keep == run->errout.keep;
    int rc = open_pipe(&run->out, &out_fd, err);
    if (rc == 0 && !one_pipe)
        rc = open_pipe(&run->errout, &err_fd, err);
    if (rc == 0)
        rc = start(spawn, run, out_fd, one_pipe ? out_fd : err_fd, err);
    if (rc < 0)
        return rc;
    close(take_fd(out_fd)); /* so that the pipes end with the program */
    if (err_fd >= 0)
        close(take_fd(err_fd));

    wait_for_end(run);
    int status = 0;
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return judge(spawn, run, status, err);
}

int spawn_run(const struct spawn *spawn, struct buf *out, struct buf *errout, struct err *err)
{
    struct run run = {
        .pidfd = -1,
        .out = { .fd = -1, .keep = out },
        .errout = { .fd = -1, .keep = errout },
        .deadline_ms = spawn->timeout_ms > 0 ? clock_mono_ms() + spawn->timeout_ms : 0,
    };
    int rc = run_to_end(spawn, &run, err);
    if (run.pidfd >= 0)
        close(run.pidfd);
    if (run.out.fd >= 0)
        close(run.out.fd);
    if (run.errout.fd >= 0)
        close(run.errout.fd);
    return rc;
}
