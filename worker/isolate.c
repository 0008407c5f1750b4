#include "worker/isolate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/log.h"

static volatile pid_t kept; /* the keeper's child, for its signal handler */
static volatile int stop;   /* in the child: it is to end */

static void on_keeper_signal(int signal_number)
{
    if (signal_number == SIGTERM)
        kill(kept, SIGTERM);
    /* SIGINT comes from a terminal, to all of us at once: the child has its own. */
}

static void on_child_signal(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* From now on; those that came before wait, blocked. */
static void handle_stop(void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigset_t set = stop_signals();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Die when `parent` dies, also when it already has. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ISOLATE_FAILED);
}

static int failed(const char *what)
{
    struct err err;
    err_errno(&err, "%s", what);
    log_error("isolate", "no sandbox can run here", "error=\"%s\"", err.text);
    return ISOLATE_FAILED;
}

/* `alive` is a pipe whose other end only the keeper has. */
static int child_run(isolate_fn fn, void *ctx, int alive)
{
    /* From inside the parent is process 0, which says nothing: the pipe tells if it died before. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte;
    if (read(alive, &byte, 1) == 0)
        return ISOLATE_FAILED;
    close(alive);
    /* The processes of this namespace and no others. */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return failed("mount /proc");
    return fn(ctx, &stop);
}

/* The signals that stop us are blocked until their handlers are there: the kernel throws away what
 * comes to a process 1 without a handler. */
static int keeper_run(isolate_fn fn, void *ctx)
{
    int alive[2];
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
        return failed("make namespaces");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return failed("make mounts private");
    if (pipe2(alive, O_CLOEXEC | O_NONBLOCK) < 0)
        return failed("make a pipe");

    pid_t pid = fork();
    if (pid < 0)
        return failed("fork");
    if (pid == 0) {
        close(alive[1]);
        handle_stop(on_child_signal);
        _exit(child_run(fn, ctx, alive[0]));
    }
    kept = pid;
    handle_stop(on_keeper_signal);

    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return ISOLATE_FAILED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ISOLATE_KILLED;
}

void isolate_kill_rest(void)
{
    assert(getpid() == 1);
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

int isolate_start(isolate_fn fn, void *ctx, pid_t *ret_pid, struct err *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(err, "fork");
    if (pid == 0) {
        die_with(parent);
        sigset_t set = stop_signals();
        sigprocmask(SIG_SETMASK, &set, NULL);
        _exit(keeper_run(fn, ctx));
    }
    *ret_pid = pid;
    return 0;
}
