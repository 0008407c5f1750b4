#include "worker/isolate.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/log.h"

static volatile pid_t kept; /* the keeper's child, for its signal handler */

static void on_term(int signal_number)
{
    if (kept > 0)
        kill(kept, signal_number);
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

static int child_run(isolate_fn fn, void *ctx)
{
    /* From inside the parent is process 0: the keeper checks nothing, it waits. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_DFL);
    /* The processes of this namespace and no others. */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return failed("mount /proc");
    return fn(ctx);
}

static int keeper_run(isolate_fn fn, void *ctx)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
        return failed("make namespaces");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return failed("make mounts private");

    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    pid_t pid = fork();
    if (pid < 0)
        return failed("fork");
    if (pid == 0) {
        sigprocmask(SIG_UNBLOCK, &term, NULL);
        _exit(child_run(fn, ctx));
    }
    kept = pid;
    signal(SIGTERM, on_term);
    sigprocmask(SIG_UNBLOCK, &term, NULL);

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
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        _exit(keeper_run(fn, ctx));
    }
    *ret_pid = pid;
    return 0;
}
