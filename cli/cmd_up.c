/* cmd_up.c - sos up: a whole farm on one machine, in the foreground.
 *
 *   store --ready--> server --ready--> worker --ready--> "the farm is up"
 *
 * One that dies is started again with the port it had; SIGTERM or SIGINT ends
 * them all, the worker first. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/login.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"

enum {
    READY_MS = 60000,
    RESTART_MS = 1000,
    RESTART_MAX_MS = 30000,
    STEADY_MS = 30000,
    STOP_MS = 20000,
    ARGS_MAX = 24
};

static const struct config_item items[] = {
    { .name = "state",
      .type = CONFIG_STRING,
      .fallback = "/var/lib/sos",
      .help = "folder of all that lasts" },
    { .name = "images",
      .type = CONFIG_STRING,
      .help = "folder that images/make wrote; empty: STATE/images" },
    { .name = "address",
      .type = CONFIG_STRING,
      .fallback = "127.0.0.1",
      .help = "address to serve on" },
    { .name = "port", .type = CONFIG_INT, .fallback = "8600", .help = "of the server" },
    { .name = "store-port", .type = CONFIG_INT, .fallback = "8601", .help = "of the store" },
    { .name = "slots", .type = CONFIG_INT, .fallback = "2", .help = "builds at once" },
    { .name = "worker-name",
      .type = CONFIG_STRING,
      .fallback = "local",
      .help = "name of the worker" },
    { .name = "network",
      .type = CONFIG_STRING,
      .fallback = "gateway",
      .help = "of builds that fetch: gateway (the store) or host" },
    { .name = "login",
      .type = CONFIG_BOOL,
      .fallback = "true",
      .help = "keep the admin token for this user" },
};

struct child {
    const char *name;     /* "sos-store" */
    char *args[ARGS_MAX]; /* owned */
    pid_t pid;
    int64_t start_ms;
    int64_t pause_ms; /* before the next start */
    int64_t due_ms;   /* when to start again; 0: it runs */
};

struct up {
    struct cli *cli;
    const char *state;
    char *images;
    char *programs; /* folder of this program's own file */
    struct child store, server, worker;
    char *store_url, *server_url;
};

static void arg(struct child *child, char *text)
{
    for (size_t i = 0; i + 1 < ARGS_MAX; i++)
        if (!child->args[i]) {
            child->args[i] = text;
            return;
        }
    abort();
}

/* In the child: die with the parent, default signals, standard output into the pipe. */
static void child_exec(const struct up *up, const struct child *child, int out)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(out, STDOUT_FILENO);
    auto_free char *path = xasprintf("%s/%s", up->programs, child->name);
    execv(path, child->args);
    execvp(child->name, child->args);
    fprintf(stderr, "error: %s: %s\n", child->name, strerror(errno));
    _exit(127);
}

/* The "ready URL" line, or NULL; the URL is given (free()). */
static char *ready_read(int fd)
{
    char line[300];
    size_t len = 0;
    int64_t until = clock_mono_ms() + READY_MS;
    while (len + 1 < sizeof line && clock_mono_ms() < until && !interrupted()) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        if (poll(&poll_fd, 1, 200) <= 0)
            continue;
        ssize_t n = read(fd, line + len, 1);
        if (n <= 0)
            return NULL;
        if (line[len] == '\n') {
            line[len] = '\0';
            return strncmp(line, "ready ", 6) == 0 ? xstrdup(line + 6) : NULL;
        }
        len++;
    }
    return NULL;
}

static int start_failed(const struct child *child, struct err *err)
{
    err_set(err, ERR_CONFLICT, "%s did not start", child->name);
    err_hint(err, "its own words stand above; another port: --port N --store-port N, "
                  "another folder: --state DIR");
    return -ERR_CONFLICT;
}

/* Start it and wait until it serves.  The pipe stays open in the child only: it says no more. */
static int child_start(const struct up *up, struct child *child, char **ret_url, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    child->start_ms = clock_mono_ms();
    child->due_ms = 0;
    child->pid = fork();
    if (child->pid < 0)
        return err_errno(err, "fork");
    if (child->pid == 0)
        child_exec(up, child, ends[1]);
    close(ends[1]);
    auto_free char *url = ready_read(ends[0]);
    close(ends[0]);
    if (!url)
        return start_failed(child, err);
    if (ret_url)
        *ret_url = take_ptr(url);
    return 0;
}

static char *listen_flag(const struct config *config, const char *port)
{
    return xasprintf("--listen=%s:%lld", config_string(config, "address"),
                     (long long)config_int(config, port));
}

static int store_start(struct up *up, struct err *err)
{
    const struct config *config = up->cli->config;
    arg(&up->store, xstrdup("sos-store"));
    arg(&up->store, xasprintf("--state=%s", up->state));
    arg(&up->store, xasprintf("--images=%s", up->images));
    arg(&up->store, listen_flag(config, "store-port"));
    return child_start(up, &up->store, &up->store_url, err);
}

static int server_start(struct up *up, struct err *err)
{
    const struct config *config = up->cli->config;
    arg(&up->server, xstrdup("sos-server"));
    arg(&up->server, xasprintf("--state=%s", up->state));
    arg(&up->server, xasprintf("--images=%s", up->images));
    arg(&up->server, listen_flag(config, "port"));
    arg(&up->server, xasprintf("--store-url=%s/artifactory", up->store_url));
    arg(&up->server, xasprintf("--store-token-file=%s/store/admin.token", up->state));
    return child_start(up, &up->server, &up->server_url, err);
}

static int worker_start(struct up *up, struct err *err)
{
    const struct config *config = up->cli->config;
    arg(&up->worker, xstrdup("sos-worker"));
    arg(&up->worker, xasprintf("--state=%s", up->state));
    arg(&up->worker, xasprintf("--images=%s", up->images));
    arg(&up->worker, xasprintf("--server-url=%s", up->server_url));
    arg(&up->worker, xasprintf("--server-token-file=%s/server/worker.token", up->state));
    arg(&up->worker, xasprintf("--network=%s", config_string(config, "network")));
    arg(&up->worker, xasprintf("--store-url=%s/artifactory", up->store_url));
    arg(&up->worker, xasprintf("--store-token-file=%s/store/gateway.token", up->state));
    arg(&up->worker, xasprintf("--slots=%lld", (long long)config_int(config, "slots")));
    arg(&up->worker, xasprintf("--name=%s", config_string(config, "worker-name")));
    return child_start(up, &up->worker, NULL, err);
}

/* The one who starts a farm is its admin: keep the token. */
static void login_first(struct up *up)
{
    struct err err = { 0 };
    auto_free char *path = xasprintf("%s/server/admin.token", up->state);
    struct buf token;
    buf_init(&token, 512);
    free((char *)up->cli->server);
    up->cli->server = xstrdup(up->server_url);
    if (fs_read(path, &token, &err) == 0 && token.data) {
        token.data[strcspn(token.data, "\n")] = '\0';
        if (login_keep(up->cli, token.data, &err) < 0)
            log_warn("up", "login not kept", "why=%s", err.text);
    }
    buf_done(&token);
}

static void child_ended(struct child *child, int status)
{
    bool steady = clock_mono_ms() - child->start_ms > STEADY_MS;
    child->pause_ms = steady || child->pause_ms == 0 ? RESTART_MS : child->pause_ms * 2;
    child->pause_ms = child->pause_ms > RESTART_MAX_MS ? RESTART_MAX_MS : child->pause_ms;
    child->due_ms = clock_mono_ms() + child->pause_ms;
    child->pid = 0;
    log_warn("up", "program ended, starting it again", "program=%s %s=%d in_ms=%lld", child->name,
             WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
             (long long)child->pause_ms);
}

static void children_watch(struct up *up)
{
    struct child *all[] = { &up->store, &up->server, &up->worker };
    struct err err = { 0 };
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < countof(all); i++)
            if (all[i]->pid == pid)
                child_ended(all[i], status);
    for (size_t i = 0; i < countof(all); i++)
        if (all[i]->due_ms && clock_mono_ms() >= all[i]->due_ms &&
            child_start(up, all[i], NULL, &err) < 0)
            log_error("up", "not started", "program=%s why=%s", all[i]->name, err.text);
}

static void child_stop(struct child *child)
{
    int status;
    int64_t until = clock_mono_ms() + STOP_MS;
    if (child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        poll(NULL, 0, 20);
        if (clock_mono_ms() > until)
            kill(child->pid, SIGKILL);
    }
    child->pid = 0;
}

/* The port that was free first stays its port when it is started again. */
static void port_pin(struct child *child, const char *url)
{
    const char *address = strstr(url, "://");
    for (size_t i = 0; address && child->args[i]; i++)
        if (strncmp(child->args[i], "--listen=", 9) == 0) {
            free(child->args[i]);
            child->args[i] = xasprintf("--listen=%s", address + 3);
        }
}

/* What to do now, for whoever sits in front of it. */
static void next_say(const struct up *up)
{
    fprintf(stderr,
            "\n  The farm is up at %s (store: %s/artifactory); Ctrl-C stops it.\n"
            "  In another terminal, in a project of yours:\n",
            up->server_url, up->store_url);
    if (strcmp(up->server_url, SERVER_BUILT_IN) != 0)
        fprintf(stderr, "    export SOS_SERVER=%s\n", up->server_url);
    fprintf(stderr, "    sos build             what is in this folder\n"
                    "    sos queue             what runs and waits\n"
                    "    sos doctor            when something is amiss\n");
    if (config_bool(up->cli->config, "login"))
        fprintf(stderr, "  You are logged in as its admin on this machine.");
    else
        fprintf(stderr, "  Log in first: sos login --token-file %s/server/admin.token", up->state);
    fprintf(stderr, " State: %s\n\n", up->state);
}

static int up_all(struct up *up, struct err *err)
{
    int rc = fs_mkdirs(up->state, 0755, err);
    rc = rc < 0 ? rc : store_start(up, err);
    if (rc < 0)
        return rc;
    port_pin(&up->store, up->store_url);
    rc = server_start(up, err);
    if (rc < 0)
        return rc;
    port_pin(&up->server, up->server_url);
    if (config_bool(up->cli->config, "login"))
        login_first(up);
    return worker_start(up, err);
}

static int run(struct cli *cli)
{
    char self[4096];
    struct err err = { 0 };
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    struct up up = { .cli = cli,
                     .state = config_string(cli->config, "state"),
                     .store = { .name = "sos-store" },
                     .server = { .name = "sos-server" },
                     .worker = { .name = "sos-worker" },
                     .programs = xstrndup(self, slash ? (size_t)(slash - self) : 0) };
    const char *images = config_string(cli->config, "images");
    up.images = images[0] ? xstrdup(images) : xasprintf("%s/images", up.state);
    interrupts_hold();
    int rc = up_all(&up, &err);
    if (rc == 0) {
        printf("ready %s\n", up.server_url);
        fflush(stdout);
        if (!cli->quiet && isatty(STDERR_FILENO))
            next_say(&up);
    }
    while (rc == 0 && !interrupted()) {
        children_watch(&up);
        poll(NULL, 0, 200);
    }
    child_stop(&up.worker);
    child_stop(&up.server);
    child_stop(&up.store);
    return rc < 0 && !interrupted() ? cli_fail(cli, &err) : EXIT_OK;
}

const struct command command_up = {
    .name = "up",
    .args = "",
    .summary = "Run a whole farm on this machine: store, server and a worker.",
    .items = items,
    .items_count = countof(items),
    .run = run,
    .no_project = true,
};
