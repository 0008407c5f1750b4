/* sos-worker: leases builds from the server and runs each in a sandbox.
 *
 *   main: settings, leftovers, runtime, registration; then it only watches
 *     slot 0, 1, … (isolate.h, slot.h): restarted when they die
 *
 * SIGTERM and SIGINT stop it: builds in hand are given back to the queue. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/clock.h"
#include "sos/base/config.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "worker/agent.h"
#include "worker/isolate.h"
#include "worker/leftovers.h"
#include "worker/room.h"
#include "worker/sandbox.h"
#include "worker/slot.h"

enum {
    SLOTS_MAX = 256,
    NAME_MAX_LEN = 40,
    LOCK_TIMEOUT_MS = 15000, /* an earlier life's slots need a moment to die */
    PAUSE_US = 100000,
    REGISTER_PAUSE_US = 500000,
    RESTART_PAUSE_S = 1,
    STOP_TIMEOUT_S = 20,
};

static const struct config_item items[] = {
    { .name = "server-url",
      .type = CONFIG_STRING,
      .fallback = "http://127.0.0.1:8600",
      .help = "the server to work for" },
    { .name = "server-token-file",
      .type = CONFIG_STRING,
      .help = "file with the worker's token; built-in: <state>/server/worker.token" },
    { .name = "name",
      .type = CONFIG_STRING,
      .help = "of this worker, unique in the farm; built-in: the host's name" },
    { .name = "slots",
      .type = CONFIG_INT,
      .fallback = "0",
      .help = "builds at a time; 0: one for each two cores" },
    { .name = "state",
      .type = CONFIG_STRING,
      .fallback = "/var/lib/sos",
      .help = "folder for everything that is kept" },
    { .name = "images",
      .type = CONFIG_STRING,
      .help = "folder that images/make filled; built-in: <state>/images" },
    { .name = "runtime", .type = CONFIG_STRING, .fallback = "auto", .help = "auto, runc or crun" },
    { .name = "init",
      .type = CONFIG_STRING,
      .help = "the sos-init for sandboxes; built-in: beside this program" },
    { .name = "network",
      .type = CONFIG_STRING,
      .fallback = "host",
      .help = "of the step fetch; host is the only one" },
    { .name = "fetch-env",
      .type = CONFIG_LIST,
      .fallback = "GOPROXY\nGOSUMDB\nGONOSUMDB\nPIP_INDEX_URL\nUV_INDEX_URL\nnpm_config_registry\n"
                  "COREPACK_NPM_REGISTRY\nSOS_MAVEN_MIRROR\nhttp_proxy\nhttps_proxy\nno_proxy\n"
                  "HTTP_PROXY\nHTTPS_PROXY\nNO_PROXY",
      .help = "variables of the worker's environment that fetch gets" },
    { .name = "ca-bundle",
      .type = CONFIG_STRING,
      .fallback = "/etc/ssl/certs/ca-certificates.crt",
      .help = "authorities that fetch trusts; empty: the image's" },
    { .name = "cache-total",
      .type = CONFIG_BYTES,
      .fallback = "20GiB",
      .help = "room for the caches of all projects" },
};

/* --- settings --- */

static const char *or_default(const struct config *config, const char *name, const char *fallback)
{
    const char *value = config_string(config, name);
    return value[0] ? value : fallback;
}

static char *host_name(void)
{
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    return xstrdup(name[0] ? name : "worker");
}

/* sos-init beside this program, wherever that is installed. */
static char *init_beside(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return xasprintf("%s/sos-init", path);
}

static char *read_token(const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, 4096);
    char *token = NULL;
    if (fs_read(path, &text, err) == 0) {
        token = buf_take(&text);
        token[strcspn(token, " \r\n")] = '\0';
    }
    buf_done(&text);
    return token;
}

/* The variables of `names` (one a line) that are set, as NAME=value. */
static char **forwarded(const char *names)
{
    auto_free char *copy = xstrdup(names);
    char **list = xcalloc(1, sizeof *list);
    size_t count = 0;
    char *rest = copy;
    for (char *name; (name = strsep(&rest, "\n"));) {
        const char *value = name[0] ? getenv(name) : NULL;
        if (!value)
            continue;
        list = xrealloc(list, (count + 2) * sizeof *list);
        list[count++] = xasprintf("%s=%s", name, value);
        list[count] = NULL;
    }
    return list;
}

/* <state>/worker, absolute, with what is always in it. */
static char *state_open(const char *state, struct err *err)
{
    auto_free char *dir = xasprintf("%s/worker", state);
    static const char *const folders[] = { "rootfs", "caches", "slots" };
    for (size_t i = 0; i < countof(folders); i++) {
        auto_free char *path = xasprintf("%s/%s", dir, folders[i]);
        if (fs_mkdirs(path, 0700, err) < 0)
            return NULL;
    }
    char *real = realpath(dir, NULL);
    if (!real)
        err_errno(err, "resolve %s", dir);
    return real;
}

/* It becomes part of file names. */
static bool name_is_plain(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0' && name[0] != '.';
}

static int settings_read(const struct config *config, struct settings *ret, struct err *err)
{
    const char *state = config_string(config, "state");
    auto_free char *token_file = xasprintf("%s/server/worker.token", state);
    ret->name = or_default(config, "name", host_name());
    ret->server_url = config_string(config, "server-url");
    ret->images = or_default(config, "images", xasprintf("%s/images", state));
    ret->init = or_default(config, "init", init_beside());
    ret->ca_bundle = config_string(config, "ca-bundle");
    ret->fetch_env = forwarded(config_string(config, "fetch-env"));
    ret->cache_total_bytes = config_int(config, "cache-total");
    ret->slots = (int)config_int(config, "slots");
    if (ret->slots == 0)
        ret->slots = (int)(sysconf(_SC_NPROCESSORS_ONLN) + 1) / 2;
    if (ret->slots < 1 || ret->slots > SLOTS_MAX)
        return err_set(err, ERR_INVALID, "slots must be from 1 to %d", SLOTS_MAX);
    if (strcmp(config_string(config, "network"), "host") != 0)
        return err_set(err, ERR_INVALID, "network: host is the only one");
    ret->state = state_open(state, err);
    if (!ret->state)
        return -ERR_IO;
    char hash[SHA256_HEX];
    sha256_hex(ret->state, strlen(ret->state), hash);
    snprintf(ret->prefix, sizeof ret->prefix, "sos-%.8s-", hash);
    if (!name_is_plain(ret->name))
        return err_set(err, ERR_INVALID, "the worker's name must be of [A-Za-z0-9._-], at most %d",
                       NAME_MAX_LEN);
    ret->token = read_token(or_default(config, "server-token-file", token_file), err);
    return ret->token ? 0 : -ERR_IO;
}

/* --- start --- */

/* One worker to a state. Slots of an earlier life hold the lock too, until the kernel has killed
 * the last of them: who gets it is alone. */
static int state_lock(const struct settings *settings, struct err *err)
{
    auto_free char *path = xasprintf("%s/lock", settings->state);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    int64_t deadline_ms = clock_mono_ms() + LOCK_TIMEOUT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || clock_mono_ms() > deadline_ms) {
            close(fd);
            return err_set(err, ERR_CONFLICT, "another worker uses %s", settings->state);
        }
        usleep(PAUSE_US);
    }
    return 0; /* the descriptor stays open until the process ends */
}

struct probe {
    const char *wanted;
    struct settings *settings;
    const struct cgroups *cgroups;
    int rc;
    struct err err;
    struct settings found;
};

static int probe_main(void *ctx)
{
    struct probe *probe = ctx;
    probe->found = *probe->settings;
    probe->rc = room_make(probe->settings, &probe->err);
    if (probe->rc == 0)
        probe->rc = sandbox_probe(probe->wanted, &probe->found, probe->cgroups, &probe->err);
    return 0;
}

/* In namespaces as a slot has them; the answer comes back in shared memory (its pointers are to
 * static storage or to what was there before the fork). */
static int choose_runtime(const char *wanted, struct settings *settings,
                          const struct cgroups *cgroups, struct err *err)
{
    struct probe *probe =
        mmap(NULL, sizeof *probe, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(probe != MAP_FAILED);
    *probe =
        (struct probe){ .wanted = wanted, .settings = settings, .cgroups = cgroups, .rc = -ERR_IO };
    err_set(&probe->err, ERR_IO, "the sandbox could not be tried");
    pid_t pid;
    int rc = isolate_start(probe_main, probe, &pid, err);
    if (rc == 0) {
        waitpid(pid, NULL, 0);
        rc = probe->rc;
        *settings = probe->found.runtime ? probe->found : *settings;
        if (rc < 0)
            *err = probe->err;
    }
    munmap(probe, sizeof *probe);
    return rc;
}

static bool stop_is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

/* Until the server is there; only a refused token is final. */
static int register_until_done(struct settings *settings, const struct cgroups *cgroups,
                               struct err *err)
{
    struct client *client = client_new(settings->token, NULL);
    bool told = false;
    int rc;
    while ((rc = agent_register(client, settings, cgroups, err)) < 0) {
        if (rc == -ERR_DENIED || stop_is_pending())
            break;
        if (!told)
            log_warn("worker", "not registered, trying again", "error=\"%s\"", err->text);
        told = true;
        usleep(REGISTER_PAUSE_US);
    }
    client_free(client);
    return rc;
}

/* --- slots --- */

struct crew {
    struct settings *settings;
    const struct cgroups *cgroups;
    struct slot slots[SLOTS_MAX];
    pid_t pids[SLOTS_MAX]; /* 0: not running */
    char sessions[SLOTS_MAX][sizeof((struct settings *)0)->session];
};

static int crew_start(struct crew *crew, int number, struct err *err)
{
    crew->slots[number] =
        (struct slot){ .settings = crew->settings, .cgroups = crew->cgroups, .number = number };
    memcpy(crew->sessions[number], crew->settings->session, sizeof crew->sessions[number]);
    return isolate_start(slot_main, &crew->slots[number], &crew->pids[number], err);
}

static int crew_find(const struct crew *crew, pid_t pid)
{
    for (int i = 0; i < crew->settings->slots; i++)
        if (crew->pids[i] == pid)
            return i;
    return -1;
}

/* A slot has ended: clean up behind it and start it again. */
static int on_slot_end(struct crew *crew, int number, int status, struct err *err)
{
    crew->pids[number] = 0;
    int rc = leftovers_remove_slot(crew->settings, crew->cgroups, number, err);
    if (rc < 0)
        return rc;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : ISOLATE_KILLED;
    if (code == SLOT_SESSION_OVER) {
        /* Another slot may have seen it first, and we are registered anew already. */
        if (strcmp(crew->sessions[number], crew->settings->session) == 0)
            rc = register_until_done(crew->settings, crew->cgroups, err);
    } else {
        log_warn("worker", "slot died, starting it again", "slot=%d status=%d", number, code);
        sleep(RESTART_PAUSE_S);
    }
    return rc < 0 ? rc : crew_start(crew, number, err);
}

static int crew_reap(struct crew *crew, struct err *err)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        int number = crew_find(crew, pid);
        int rc = number < 0 ? 0 : on_slot_end(crew, number, status, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void crew_stop(struct crew *crew)
{
    for (int i = 0; i < crew->settings->slots; i++)
        if (crew->pids[i] > 0)
            kill(crew->pids[i], SIGTERM);
    int64_t deadline_ms = clock_mono_ms() + STOP_TIMEOUT_S * 1000;
    for (int i = 0; i < crew->settings->slots; i++) {
        while (crew->pids[i] > 0 && waitpid(crew->pids[i], NULL, WNOHANG) == 0) {
            if (clock_mono_ms() > deadline_ms)
                kill(crew->pids[i], SIGKILL);
            usleep(PAUSE_US / 10);
        }
        if (leftovers_remove_slot(crew->settings, crew->cgroups, i, NULL) < 0)
            log_error("worker", "something of a slot is left", "slot=%d", i);
    }
    /* ROOM itself stays, empty: taking it away would unmount it in the slots of another worker. */
}

/* Until a signal ends it. */
static int crew_watch(struct crew *crew, const sigset_t *signals, struct err *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < crew->settings->slots; i++)
        rc = crew_start(crew, i, err);
    if (rc == 0) {
        printf("ready %s\n", crew->settings->name);
        fflush(stdout);
        log_info("worker", "ready", "name=%s slots=%d sandbox=\"%s, cgroup %s\"",
                 crew->settings->name, crew->settings->slots, crew->settings->runtime_version,
                 crew->cgroups->kind);
    }
    while (rc == 0) {
        int number = sigwaitinfo(signals, NULL);
        if (number == SIGTERM || number == SIGINT)
            break;
        rc = crew_reap(crew, err);
    }
    crew_stop(crew);
    return rc;
}

static int worker_run(const struct config *config, struct err *err)
{
    static struct settings settings;
    static struct cgroups cgroups;
    static struct crew crew;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    if (geteuid() != 0)
        return err_set(err, ERR_DENIED, "sandboxes are made by root: start the worker as root");
    int rc = settings_read(config, &settings, err);
    if (rc == 0)
        rc = state_lock(&settings, err);
    if (rc == 0)
        rc = cgroups_find("/proc/self/mountinfo", &cgroups, err);
    if (rc == 0)
        rc = leftovers_remove(&settings, &cgroups, err);
    if (rc == 0)
        rc = choose_runtime(config_string(config, "runtime"), &settings, &cgroups, err);
    if (rc == 0)
        rc = register_until_done(&settings, &cgroups, err);
    if (rc < 0)
        return stop_is_pending() ? 0 : rc;
    crew = (struct crew){ .settings = &settings, .cgroups = &cgroups };
    return crew_watch(&crew, &signals, err);
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct err err = { 0 };
    int rc = config_load(items, countof(items), argc, argv, "/etc/sos/worker.yaml", &config, &err);
    if (rc == 0 && config_wants_help(config))
        config_help(items, countof(items), stdout);
    else if (rc == 0)
        rc = worker_run(config, &err);
    if (rc < 0)
        log_error("worker", "cannot go on", "error=\"%s\" hint=\"%s\"", err.text, err.hint);
    config_free(config);
    return rc < 0 ? 1 : 0;
}
