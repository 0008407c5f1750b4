/* Running sandboxes by an OCI runtime: https://github.com/opencontainers/runtime-spec, and
 * the command line that runc and crun share. */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/fs.h"
#include "sos/base/spawn.h"
#include "worker/isolate.h"
#include "worker/room.h"

#define CONFIG  ROOM "/bundle/config.json"
#define PIDFILE ROOM "/bundle/pid"
#define LOGFILE ROOM "/bundle/log"
#define STATE   ROOM "/runtime"

enum { START_TIMEOUT_MS = 30000, SMALL_FILE_MAX = 65536 };

static const char container_id[] = "step";

void sandbox_init(struct sandbox *sandbox, const struct settings *settings,
                  const struct cgroups *cgroups, int slot)
{
    *sandbox = (struct sandbox){ .settings = settings, .cgroups = *cgroups, .slot = slot };
    cgroup_slot_name(settings->prefix, settings->name, slot, sandbox->cgroup);
}

uid_t sandbox_uid(int slot)
{
    return (uid_t)(SANDBOX_UID_BASE + slot * SANDBOX_UIDS + SANDBOX_USER);
}

static int spec_write(const struct sandbox *sandbox, const struct sandbox_run *run, struct err *err)
{
    auto_free char *text = sandbox_spec(sandbox, run);
    size_t len = strlen(text);
    auto_close int fd = open(CONFIG, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "create " CONFIG);
    if (write(fd, text, len) != (ssize_t)len)
        return err_errno(err, "write " CONFIG);
    return 0;
}

/* The runtime's own word, from its log: runc's "level=error msg=…" lines, crun's bare ones. */
static int runtime_failed(const char *runtime, struct err *err)
{
    struct buf text;
    buf_init(&text, SMALL_FILE_MAX);
    (void)fs_read(LOGFILE, &text, NULL);
    const char *said = text.data ? text.data : "it does not say why";
    const char *message = strstr(said, "msg=");
    said = message ? message : said;
    int rc = err_set(err, ERR_IO, "%s could not start the sandbox: %.*s", runtime,
                     (int)strcspn(said, "\n"), said);
    buf_done(&text);
    return rc;
}

/* A standard input that is at its end.  Not /dev/null: a runtime gives the three streams to the
 * sandbox's user, and would give away the host's device.  The caller owns *ret_fd. */
static int input_open(int *ret_fd, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    close(ends[1]);
    *ret_fd = ends[0];
    return 0;
}

/* Only 0, 1 and 2 pass to the runtime, and of the environment only the path: it would mount a
 * NOTIFY_SOCKET into the sandbox and hand on the descriptors of LISTEN_FDS. */
static int runtime_spawn(const char *runtime, int in_fd, int out_fd, pid_t *ret_pid,
                         struct err *err)
{
    const char *argv[] = { runtime, "--root",     STATE,      "--log",        LOGFILE,
                           "run",   "--detach",   "--bundle", ROOM "/bundle", "--pid-file",
                           PIDFILE, container_id, NULL };
    auto_free char *path = xasprintf("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *const env[] = { path, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in_fd, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, 1);
    posix_spawn_file_actions_adddup2(&files, out_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    int code = posix_spawnp(ret_pid, runtime, &files, &attr, (char *const *)argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    errno = code;
    return code ? err_errno(err, "run %s", runtime) : 0;
}

/* Wait for the runtime itself, which is through once the sandbox runs. */
static int runtime_wait(pid_t pid, int *ret_status, struct err *err)
{
    auto_close int pidfd = pidfd_open(pid, 0);
    struct pollfd wait = { .fd = pidfd, .events = POLLIN };
    int ready = 0;
    while (pidfd >= 0 && (ready = poll(&wait, 1, START_TIMEOUT_MS)) < 0 && errno == EINTR)
        ;
    if (ready <= 0)
        kill(pid, SIGKILL);
    if (waitpid(pid, ret_status, 0) < 0)
        return err_errno(err, "wait for the runtime");
    return ready <= 0 ? err_set(err, ERR_IO, "the runtime hangs") : 0;
}

static int pid_read(pid_t *ret_pid, struct err *err)
{
    struct buf text;
    buf_init(&text, 32);
    int rc = fs_read(PIDFILE, &text, err);
    if (rc == 0) {
        *ret_pid = (pid_t)strtol(text.data ? text.data : "", NULL, 10);
        rc = *ret_pid > 1 ? 0 : err_set(err, ERR_IO, "the runtime told no process");
    }
    buf_done(&text);
    return rc;
}

int sandbox_start(const struct sandbox *sandbox, const struct sandbox_run *run, int out_fd,
                  pid_t *ret_pid, struct err *err)
{
    (void)unlink(PIDFILE);
    (void)unlink(LOGFILE);
    int rc = spec_write(sandbox, run, err);
    if (rc < 0)
        return rc;
    /* So that "> /dev/stderr" works inside. */
    if (fchown(out_fd, sandbox_uid(sandbox->slot), sandbox_uid(sandbox->slot)) < 0)
        return err_errno(err, "give the output to the build's user");

    pid_t runtime;
    int status;
    auto_close int in_fd = -1;
    rc = input_open(&in_fd, err);
    if (rc == 0)
        rc = runtime_spawn(sandbox->settings->runtime, in_fd, out_fd, &runtime, err);
    if (rc == 0)
        rc = runtime_wait(runtime, &status, err);
    if (rc < 0)
        return rc;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return runtime_failed(sandbox->settings->runtime, err);
    return pid_read(ret_pid, err);
}

int sandbox_end(const struct sandbox *sandbox, struct err *err)
{
    isolate_kill_rest();
    int rc = cgroup_remove(&sandbox->cgroups, sandbox->cgroup, err);
    /* What "runtime delete" would do besides. */
    auto_free char *state = xasprintf(STATE "/%s", container_id);
    if (rc == 0)
        rc = fs_remove_tree(state, err);
    return rc;
}

/* --- which runtime --- */

static int runtime_version(const char *runtime, char *ret, size_t ret_max, struct err *err)
{
    const char *argv[] = { runtime, "--version", NULL };
    struct spawn spawn = { .argv = argv, .timeout_ms = START_TIMEOUT_MS };
    struct buf said;
    buf_init(&said, 4096);
    int rc = spawn_run(&spawn, &said, NULL, err);
    char version[32] = "";
    if (rc == 0 &&
        sscanf(said.data ? said.data : "", "%*s version %31[0-9A-Za-z.+~-]", version) == 1)
        snprintf(ret, ret_max, "%s %s", runtime, version);
    else if (rc == 0)
        snprintf(ret, ret_max, "%s", runtime);
    buf_done(&said);
    return rc;
}

/* A root that holds nothing but the places to mount at; the command is sos-init itself. */
static int probe_root(struct err *err)
{
    static const char *const places[] = {
        "dev", "proc", "sys", "run", "etc", "src", "out", "tmp", "cache", "artifact",
    };
    for (size_t i = 0; i < countof(places); i++) {
        auto_free char *path = xasprintf(ROOM "/build-root/%s", places[i]);
        auto_free char *work = xasprintf(ROOM "/scratch/%s", places[i]);
        if ((mkdir(path, 0755) < 0 || mkdir(work, 0755) < 0) && errno != EEXIST)
            return err_errno(err, "create %s", path);
    }
    auto_close int hosts = open(ROOM "/build-root/etc/hosts", O_CREAT | O_CLOEXEC, 0644);
    return hosts < 0 ? err_errno(err, "create the hosts file of the probe") : 0;
}

static int probe_one(const struct settings *settings, const struct cgroups *cgroups,
                     struct err *err)
{
    static const char *const args[] = { "/run/sos/init", "--", "/run/sos/init", "--version", NULL };
    static const char *const env[] = { "PATH=/bin", NULL };
    struct sos_limits limits = {
        .memory_bytes = 1 << 28, .cpu_millis = 1000, .pids = 64, .disk_bytes = 1 << 20
    };
    struct sandbox_run run = { .rootfs = ROOM "/build-root",
                               .work = ROOM "/scratch",
                               .args = args,
                               .env = env,
                               .limits = &limits };
    struct sandbox sandbox;
    sandbox_init(&sandbox, settings, cgroups, 0);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    auto_close int in = pipe_fds[0];
    auto_close int out = pipe_fds[1];
    (void)in;

    pid_t pid;
    int status = 0;
    int rc = sandbox_start(&sandbox, &run, out, &pid, err);
    if (rc == 0 && (waitpid(pid, &status, 0) < 0 || status != 0))
        rc = err_set(err, ERR_IO, "the first sandbox ended with status %d", status);
    int end = sandbox_end(&sandbox, rc == 0 ? err : NULL);
    return rc < 0 ? rc : end;
}

int sandbox_probe(const char *wanted, struct settings *settings, const struct cgroups *cgroups,
                  struct err *err)
{
    static const char *const candidates[] = { "crun", "runc" };
    int rc = probe_root(err);
    if (rc < 0)
        return rc;
    rc = err_set(err, ERR_INVALID, "\"%s\" is no runtime: auto, runc or crun", wanted);
    for (size_t i = 0; i < countof(candidates); i++) {
        if (strcmp(wanted, "auto") != 0 && strcmp(wanted, candidates[i]) != 0)
            continue;
        settings->runtime = candidates[i];
        rc = runtime_version(candidates[i], settings->runtime_version,
                             sizeof settings->runtime_version, err);
        if (rc == 0)
            rc = probe_one(settings, cgroups, err);
        if (rc == 0)
            return 0;
    }
    return rc;
}
