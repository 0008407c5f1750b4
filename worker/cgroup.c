#include "worker/cgroup.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"

enum { EMPTY_TIMEOUT_MS = 10000, EMPTY_PAUSE_US = 2000 };

void cgroup_slot_name(const char *prefix, const char *worker, int slot, char ret[CGROUP_NAME_MAX])
{
    snprintf(ret, CGROUP_NAME_MAX, "%s%.40s-%d", prefix, worker, slot);
}

/* One line of mountinfo (proc(5)): the mount point is field 5, the type follows " - ". */
static void roots_add(struct cgroups *cgroups, char *line)
{
    char *dash = strstr(line, " - ");
    char path[CGROUP_PATH_MAX];
    char type[16];
    if (!dash || sscanf(line, "%*s %*s %*s %*s %255s", path) != 1 ||
        sscanf(dash + 3, "%15s", type) != 1 || cgroups->count == CGROUP_ROOTS_MAX)
        return;
    bool unified = strcmp(type, "cgroup2") == 0;
    if (!unified && strcmp(type, "cgroup") != 0)
        return;
    struct cgroup_root *root = &cgroups->roots[cgroups->count++];
    memcpy(root->path, path, sizeof path);
    root->unified = unified;
}

static bool limits_swap(const struct cgroups *cgroups)
{
    if (strcmp(cgroups->kind, "v2") == 0)
        return true;
    for (size_t i = 0; i < cgroups->count; i++) {
        auto_free char *file = xasprintf("%s/memory.memsw.limit_in_bytes", cgroups->roots[i].path);
        if (access(file, F_OK) == 0)
            return true;
    }
    return false;
}

int cgroups_find(const char *mountinfo, struct cgroups *ret, struct err *err)
{
    auto_fclose FILE *file = fopen(mountinfo, "re");
    if (!file)
        return err_errno(err, "open %s", mountinfo);

    struct cgroups found = { .kind = "v1" };
    auto_free char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, file) > 0)
        roots_add(&found, line);

    size_t unified = 0;
    for (size_t i = 0; i < found.count; i++)
        unified += found.roots[i].unified;
    if (found.count == 0)
        return err_set(err, ERR_NOT_FOUND, "no control group hierarchy is mounted");
    if (unified > 0)
        found.kind = unified == found.count ? "v2" : "hybrid";
    found.limits_swap = limits_swap(&found);
    *ret = found;
    return 0;
}

/* The number behind `key` in a file of "key number" lines; 0 when there is none. */
static int64_t file_number(const char *folder, const char *name, const char *key)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    auto_fclose FILE *file = fopen(path, "re");
    char word[64];
    int64_t number;
    if (file)
        while (fscanf(file, "%63s %" SCNd64, word, &number) == 2)
            if (strcmp(word, key) == 0)
                return number;
    return 0;
}

void cgroup_usage(const struct cgroups *cgroups, const char *name, struct cgroup_usage *ret)
{
    *ret = (struct cgroup_usage){ 0 };
    for (size_t i = 0; i < cgroups->count; i++) {
        auto_free char *folder = xasprintf("%s/%s", cgroups->roots[i].path, name);
        const char *memory = cgroups->roots[i].unified ? "memory.events" : "memory.oom_control";
        ret->oom_kills += file_number(folder, memory, "oom_kill");
        ret->pids_refused += file_number(folder, "pids.events", "max");
    }
}

/* Kill what is in one hierarchy's group.  A process of another PID namespace shows as 0. */
static void group_kill(const char *folder)
{
    auto_free char *path = xasprintf("%s/cgroup.procs", folder);
    auto_fclose FILE *file = fopen(path, "re");
    int pid;
    while (file && fscanf(file, "%d", &pid) == 1)
        if (pid > 0)
            kill(pid, SIGKILL);
}

static int root_remove(const struct cgroup_root *root, const char *name, struct err *err)
{
    auto_free char *folder = xasprintf("%s/%s", root->path, name);
    int64_t deadline_ms = clock_mono_ms() + EMPTY_TIMEOUT_MS;
    /* EBUSY lasts until the kernel is through with the last dead process. */
    while (rmdir(folder) < 0) {
        if (errno == ENOENT)
            return 0;
        if (errno != EBUSY || clock_mono_ms() > deadline_ms)
            return err_errno(err, "remove control group %s", folder);
        if (root->unified) {
            auto_free char *path = xasprintf("%s/cgroup.kill", folder);
            auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
            if (fd >= 0 && write(fd, "1", 1) < 0)
                return err_errno(err, "write %s", path);
        }
        group_kill(folder);
        usleep(EMPTY_PAUSE_US);
    }
    return 0;
}

int cgroup_remove(const struct cgroups *cgroups, const char *name, struct err *err)
{
    assert(strncmp(name, "sos-", 4) == 0 && !strchr(name, '/'));
    int rc = 0;
    for (size_t i = 0; i < cgroups->count; i++) {
        int one = root_remove(&cgroups->roots[i], name, err);
        if (one < 0)
            rc = one;
    }
    return rc;
}

int cgroups_remove_all(const struct cgroups *cgroups, const char *prefix, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < cgroups->count; i++) {
        DIR *dir = opendir(cgroups->roots[i].path);
        if (!dir)
            return err_errno(err, "open %s", cgroups->roots[i].path);
        struct dirent *entry;
        while ((entry = readdir(dir)))
            if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
                int one = root_remove(&cgroups->roots[i], entry->d_name, err);
                if (one < 0)
                    rc = one;
            }
        closedir(dir);
    }
    return rc;
}
