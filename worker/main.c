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
#include "sos/base/clock.h"
#include "sos/base/config.h"
#include "sos/base/log.h"
#include "worker/agent.h"
#include "worker/isolate.h"
#include "worker/leftovers.h"
#include "worker/room.h"
#include "worker/sandbox.h"
#include "worker/settings.h"
#include "worker/slot.h"

enum {
    LOCK_TIMEOUT_MS = 15000, /* an earlier life's slots need a moment to die */
    PAUSE_US = 100000,
    REGISTER_PAUSE_US = 500000,
    RESTART_PAUSE_S = 1,
    STOP_TIMEOUT_S = 20,
};

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

static int probe_main(void *ctx, const volatile int *stop)
{
    (void)stop; /* it is short */
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
    struct slot slots[SETTINGS_SLOTS_MAX];
    pid_t pids[SETTINGS_SLOTS_MAX]; /* 0: not running */
    char sessions[SETTINGS_SLOTS_MAX][sizeof((struct settings *)0)->session];
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
    int rc = config_load(settings_items, settings_items_count, argc, argv, "/etc/sos/worker.yaml",
                         &config, &err);
    if (rc == 0 && config_wants_help(config))
        config_help(settings_items, settings_items_count, stdout);
    else if (rc == 0)
        rc = worker_run(config, &err);
    if (rc < 0)
        log_error("worker", "cannot go on", "error=\"%s\" hint=\"%s\"", err.text, err.hint);
    config_free(config);
    return rc < 0 ? 1 : 0;
}
