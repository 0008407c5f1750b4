#include "worker/gateway.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "worker/downloads.h"
#include "worker/sandbox.h"

#define BASE "http://127.0.0.1:" GATEWAY_PORT

enum {
    /* Behind the users of all sandboxes: nobody inside is it, and it is nobody inside. */
    UID_BASE = SANDBOX_UID_BASE + SETTINGS_SLOTS_MAX * SANDBOX_UIDS,
    READY_MS = 10000,
    FLAGS_MAX = 16,
    OPEN_FILES = 1024,
};

static const char *const repository_flags[SETTINGS_REPOSITORIES] = {
    [SETTINGS_GO] = "go",
    [SETTINGS_NPM] = "npm",
    [SETTINGS_PYPI] = "pypi",
    [SETTINGS_MAVEN] = "maven",
};

/* An empty folder that is its own. */
static int folder_make(uid_t uid, struct err *err)
{
    int rc = fs_remove_tree(ROOM "/gateway", err);
    if (rc < 0)
        return rc;
    if (mkdir(ROOM "/gateway", 0711) < 0 || chown(ROOM "/gateway", uid, uid) < 0)
        return err_errno(err, "create " ROOM "/gateway");
    return 0;
}

/* NULL-terminated, owned: its members and itself. */
static char **flags_make(const struct settings *settings, const struct sos_limits *limits)
{
    char **flags = xcalloc(FLAGS_MAX, sizeof *flags);
    size_t n = 0;
    flags[n++] = xstrdup("sos-gateway");
    flags[n++] = xstrdup("--listen=" GATEWAY_SOCKET);
    flags[n++] = xstrdup("--record=" GATEWAY_RECORD);
    flags[n++] = xstrdup("--base-url=" BASE);
    flags[n++] = xasprintf("--store-url=%s", settings->store_url);
    flags[n++] = xasprintf("--ca-bundle=%s", settings->store_ca);
    flags[n++] = xasprintf("--requests-max=%d", DOWNLOADS_MAX);
    /* More than the disks that it can lie on is asked for to do harm. */
    flags[n++] = xasprintf("--bytes-max=%" PRId64, limits->disk_bytes + limits->cache_bytes);
    for (size_t i = 0; i < countof(repository_flags); i++)
        flags[n++] =
            xasprintf("--%s-repository=%s", repository_flags[i], settings->repositories[i]);
    assert(n < FLAGS_MAX);
    return flags;
}

static void flags_free(char **flags)
{
    for (char **at = flags; *at; at++)
        free(*at);
    free(flags);
}

static void limit(__rlimit_resource_t resource, rlim_t value)
{
    const struct rlimit both = { .rlim_cur = value, .rlim_max = value };
    setrlimit(resource, &both);
}

/* In the child: nobody, with three descriptors and no way up. */
static _Noreturn void child_exec(int program, char **flags, uid_t uid, int in, int out)
{
    char *const env[] = { NULL };
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a full record is an error that is told, not a death */
    sigprocmask(SIG_SETMASK, &none, NULL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, OPEN_FILES);
    limit(RLIMIT_FSIZE, DOWNLOADS_BYTES_MAX);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || chdir("/") < 0 ||
        setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        _exit(126);
    /* A death signal is forgotten when the user changes. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fexecve(program, flags, env);
    _exit(127);
}

static int child_start(const struct settings *settings, char **flags, uid_t uid, int in, int out,
                       pid_t *ret_pid, struct err *err)
{
    /* Opened by us: it need not pass the folders above. */
    auto_close int program = open(settings->gateway_program, O_RDONLY | O_CLOEXEC);
    if (program < 0)
        return err_errno(err, "open %s", settings->gateway_program);
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(err, "fork");
    if (pid == 0)
        child_exec(program, flags, uid, in, out);
    *ret_pid = pid;
    return 0;
}

static int wait_ready(int out, struct err *err)
{
    char line[16] = "";
    int64_t until_ms = clock_mono_ms() + READY_MS;
    struct pollfd ready = { .fd = out, .events = POLLIN };
    while (poll(&ready, 1, (int)(until_ms - clock_mono_ms())) < 0 && errno == EINTR)
        ;
    if (!ready.revents || read(out, line, sizeof line - 1) <= 0 || strcmp(line, "ready\n") != 0)
        return err_set(err, ERR_IO, "the gateway did not start");
    return 0;
}

/* Its standard input is the token, in a pipe that holds it whole: as the store has it now, which
 * makes another when its repositories change. */
static int token_pipe(const struct settings *settings, int *ret_fd, struct err *err)
{
    int ends[2];
    auto_free char *token = settings_store_token(settings, err);
    if (!token)
        return -(int)err->code;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    int rc = fs_write_all(ends[1], token, strlen(token));
    close(ends[1]);
    *ret_fd = ends[0];
    return rc < 0 ? err_errno(err, "hand on the token") : 0;
}

int gateway_start(const struct settings *settings, int slot, const struct sos_limits *limits,
                  pid_t *ret_pid, struct err *err)
{
    uid_t uid = (uid_t)(UID_BASE + slot);
    int ends[2];
    auto_close int in = -1;
    int rc = folder_make(uid, err);
    if (rc == 0)
        rc = token_pipe(settings, &in, err);
    if (rc < 0)
        return rc;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    auto_close int out_read = ends[0];
    auto_close int out = ends[1];
    char **flags = flags_make(settings, limits);
    rc = child_start(settings, flags, uid, in, out, ret_pid, err);
    flags_free(flags);
    close(take_fd(out));
    return rc < 0 ? rc : wait_ready(out_read, err);
}

int gateway_end(pid_t pid, struct err *err)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) == 0)
        return 0;
    return err_set(err, ERR_IO, "the gateway died with status %d", status);
}

size_t gateway_env(const struct settings *settings, char **env, size_t n, size_t max)
{
    static const char *const forms[SETTINGS_REPOSITORIES] = {
        [SETTINGS_GO] = "GOPROXY=" BASE "/artifactory/api/go/%s",
        [SETTINGS_NPM] = "npm_config_registry=" BASE "/artifactory/api/npm/%s/",
        [SETTINGS_PYPI] = "PIP_INDEX_URL=" BASE "/artifactory/api/pypi/%s/simple",
        [SETTINGS_MAVEN] = "SOS_MAVEN_REPOSITORY=" BASE "/artifactory/%s/",
    };
    assert(n + SETTINGS_REPOSITORIES <= max);
    for (size_t i = 0; i < countof(forms); i++) {
        const char *slot = strstr(forms[i], "%s");
        if (settings->repositories[i][0])
            env[n++] = xasprintf("%.*s%s%s", (int)(slot - forms[i]), forms[i],
                                 settings->repositories[i], slot + 2);
    }
    return n;
}
