/* config.json of one sandbox: https://github.com/opencontainers/runtime-spec, config.md and
 * config-linux.md of 1.0.2.  docs/decisions/0002 tells why. */
#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sos/base/auto.h"
#include "worker/room.h"
#include "worker/sandbox.h"

/* seccomp.json, embedded by the linker (CMakeLists.txt). */
extern const char sandbox_seccomp_json[];
extern const size_t sandbox_seccomp_json_len;

enum {
    CPU_PERIOD_US = 100000,
    OPEN_FILES = 4096,
    OPEN_FILES_HARD = 65536,
    LOCKED_BYTES = 64 * 1024,
    SIGNALS = 4096,
    QUEUE_BYTES = 819200, /* the kernel's own default */
    OOM_SCORE = 500,      /* the build goes before the farm */
};

static json_t *strings(const char *const *list)
{
    json_t *array = json_array();
    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *rlimit(const char *type, int64_t soft, int64_t hard)
{
    return json_pack("{s:s, s:I, s:I}", "type", type, "soft", (json_int_t)soft, "hard",
                     (json_int_t)hard);
}

/* As many as the worker itself may have: nobody can hand on more. */
static int64_t open_files_hard(void)
{
    struct rlimit own;
    if (getrlimit(RLIMIT_NOFILE, &own) < 0 || own.rlim_max > OPEN_FILES_HARD)
        return OPEN_FILES_HARD;
    return (int64_t)own.rlim_max;
}

static json_t *process(const struct sandbox_run *run)
{
    int64_t files = open_files_hard();
    json_t *limits =
        json_pack("[o, o, o, o, o, o, o, o]", rlimit("RLIMIT_CORE", 0, 0),
                  rlimit("RLIMIT_NICE", 0, 0), rlimit("RLIMIT_RTPRIO", 0, 0),
                  rlimit("RLIMIT_NOFILE", files < OPEN_FILES ? files : OPEN_FILES, files),
                  rlimit("RLIMIT_MEMLOCK", LOCKED_BYTES, LOCKED_BYTES),
                  rlimit("RLIMIT_SIGPENDING", SIGNALS, SIGNALS),
                  rlimit("RLIMIT_MSGQUEUE", QUEUE_BYTES, QUEUE_BYTES),
                  rlimit("RLIMIT_FSIZE", run->limits->disk_bytes, run->limits->disk_bytes));
    json_t *capabilities = json_pack("{s:[], s:[], s:[], s:[], s:[]}", "bounding", "effective",
                                     "inheritable", "permitted", "ambient");
    return json_pack("{s:b, s:{s:i, s:i, s:i}, s:o, s:o, s:s, s:o, s:o, s:b, s:i}", "terminal", 0,
                     "user", "uid", SANDBOX_USER, "gid", SANDBOX_USER, "umask", 022, "args",
                     strings(run->args), "env", strings(run->env), "cwd", "/src", "capabilities",
                     capabilities, "rlimits", limits, "noNewPrivileges", 1, "oomScoreAdj",
                     OOM_SCORE);
}

/* `options` are separated by commas. */
static void add_mount(json_t *mounts, const char *type, const char *source, const char *target,
                      const char *options)
{
    json_t *list = json_array();
    auto_free char *copy = xstrdup(options);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, ","));)
        json_array_append_new(list, json_string(word));
    json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:o}", "type", type, "source", source,
                                            "destination", target, "options", list));
}

/* The kernel's own file systems. With the host's network sysfs cannot be mounted: it belongs to
 * the owner of the network namespace; an empty folder stands there then. */
static void add_kernel_mounts(json_t *mounts, bool network)
{
    add_mount(mounts, "proc", "proc", "/proc", "nosuid,noexec,nodev");
    add_mount(mounts, "tmpfs", "tmpfs", "/dev",
              "nosuid,strictatime,mode=755,size=64k,nr_inodes=64");
    add_mount(mounts, "devpts", "devpts", "/dev/pts",
              "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,max=64");
    add_mount(mounts, "tmpfs", "shm", "/dev/shm",
              "nosuid,noexec,nodev,mode=1777,size=256m,nr_inodes=16384");
    add_mount(mounts, "tmpfs", "tmpfs", "/run",
              "nosuid,noexec,nodev,mode=755,size=64k,nr_inodes=64");
    if (network)
        add_mount(mounts, "tmpfs", "tmpfs", "/sys",
                  "ro,nosuid,noexec,nodev,mode=755,size=64k,nr_inodes=64");
    else
        add_mount(mounts, "sysfs", "sysfs", "/sys", "ro,nosuid,noexec,nodev");
    /* So that a Java machine sees the limits that it lives under. */
    add_mount(mounts, "cgroup", "cgroup", "/sys/fs/cgroup", "ro,nosuid,noexec,nodev,relatime");
}

static void add_bind(json_t *mounts, const char *source, const char *target, bool write)
{
    /* What may be written lies on disks mounted nosuid,nodev already: a plain bind keeps that. */
    add_mount(mounts, "bind", source, target, write ? "bind" : "bind,ro,nosuid,nodev");
}

static json_t *build_mounts(const struct sandbox_run *run)
{
    static const char *const work[] = { "src", "out", "tmp" };
    json_t *mounts = json_array();
    add_kernel_mounts(mounts, run->network);
    add_bind(mounts, ROOM "/inside", "/run/sos", false);
    if (run->gateway)
        add_bind(mounts, run->gateway, SANDBOX_GATEWAY, false);
    add_bind(mounts, run->network ? ROOM "/inside/host-hosts" : ROOM "/inside/hosts", "/etc/hosts",
             false);
    if (run->network)
        add_bind(mounts, ROOM "/inside/resolv.conf", "/etc/resolv.conf", false);
    for (size_t i = 0; i < countof(work); i++) {
        auto_free char *source = xasprintf("%s/%s", run->work, work[i]);
        auto_free char *target = xasprintf("/%s", work[i]);
        add_bind(mounts, source, target, true);
    }
    if (run->cache)
        add_bind(mounts, run->cache, "/cache", true);
    if (run->artifact)
        add_bind(mounts, run->artifact, "/artifact", false);
    return mounts;
}

static json_t *namespaces(bool network)
{
    static const char *const kinds[] = {
        "user", "pid", "mount", "ipc", "uts", "cgroup", "network"
    };
    json_t *list = json_array();
    for (size_t i = 0; i < countof(kinds) - (network ? 1 : 0); i++)
        json_array_append_new(list, json_pack("{s:s}", "type", kinds[i]));
    return list;
}

static json_t *resources(const struct sandbox *sandbox, const struct sos_limits *limits)
{
    json_t *memory = json_pack("{s:I}", "limit", (json_int_t)limits->memory_bytes);
    /* Memory and swap together: no swap of its own. */
    if (sandbox->cgroups.limits_swap)
        json_object_set_new(memory, "swap", json_integer((json_int_t)limits->memory_bytes));
    json_int_t quota = (json_int_t)limits->cpu_millis * CPU_PERIOD_US / 1000;
    json_t *ret =
        json_pack("{s:[{s:b, s:s}], s:o, s:{s:I}, s:{s:I, s:I}}", "devices", "allow", 0, "access",
                  "rwm", "memory", memory, "pids", "limit", (json_int_t)limits->pids, "cpu",
                  "quota", quota, "period", (json_int_t)CPU_PERIOD_US);
    /* One killed process means a broken build: the kernel ends all of it where it can. */
    if (strcmp(sandbox->cgroups.kind, "v2") == 0)
        json_object_set_new(ret, "unified", json_pack("{s:s}", "memory.oom.group", "1"));
    return ret;
}

static json_t *id_map(int slot)
{
    return json_pack("[{s:i, s:i, s:i}]", "containerID", 0, "hostID",
                     SANDBOX_UID_BASE + slot * SANDBOX_UIDS, "size", SANDBOX_UIDS);
}

/* Allow a system call when its argument `arg`, under `mask`, is `value`. */
static void allow_call(json_t *rules, const char *name, int arg, int64_t mask, int value)
{
    json_array_append_new(rules, json_pack("{s:[s], s:s, s:[{s:i, s:s, s:I, s:i}]}", "names", name,
                                           "action", "SCMP_ACT_ALLOW", "args", "index", arg, "op",
                                           "SCMP_CMP_MASKED_EQ", "value", (json_int_t)mask,
                                           "valueTwo", value));
}

/* The filter.  A unix socket with a name but no file belongs to the network namespace: where that
 * is the host's, two builds could pass each other descriptors by it (CVE-2024-27297) and reach the
 * host's services.  There only pairs are left, of the kinds that cannot be told another address. */
static json_t *seccomp(bool network)
{
    enum { TYPE_MASK = 0xf };
    json_error_t fault;
    json_t *filter = json_loadb(sandbox_seccomp_json, sandbox_seccomp_json_len, 0, &fault);
    json_t *rules = json_object_get(filter, "syscalls");
    assert(rules);
    allow_call(rules, "socketpair", 1, TYPE_MASK, SOCK_STREAM);
    allow_call(rules, "socketpair", 1, TYPE_MASK, SOCK_SEQPACKET);
    if (!network) {
        allow_call(rules, "socketpair", 1, TYPE_MASK, SOCK_DGRAM);
        allow_call(rules, "socket", 0, UINT32_MAX, AF_UNIX);
    }
    return filter;
}

static json_t *linux_part(const struct sandbox *sandbox, const struct sandbox_run *run)
{
    static const char *const masked[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        /* The names of the files behind other builds' disks. */
        "/sys/block",
        "/sys/class/block",
        "/sys/dev/block",
        "/sys/devices/virtual/block",
        "/sys/devices/virtual/powercap",
        "/sys/firmware",
        "/sys/fs/selinux",
        NULL,
    };
    static const char *const read_only[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
    };
    auto_free char *group = xasprintf("/%s", sandbox->cgroup);
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "uidMappings",
                     id_map(sandbox->slot), "gidMappings", id_map(sandbox->slot), "namespaces",
                     namespaces(run->network), "cgroupsPath", group, "resources",
                     resources(sandbox, run->limits), "maskedPaths", strings(masked),
                     "readonlyPaths", strings(read_only), "seccomp", seccomp(run->network));
}

/* A slot's share of what the kernel counts for the host's root and all below it: half of it for all
 * slots together. */
static void add_user_limit(json_t *args, const char *name, const char *host_path, int slots)
{
    int64_t number = 0;
    auto_fclose FILE *file = fopen(host_path, "re");
    if (!file || fscanf(file, "%" SCNd64, &number) != 1)
        return;
    auto_free char *limit = xasprintf("%s=%" PRId64, name, number / (2 * slots) + 1);
    json_array_append_new(args, json_string(limit));
}

static json_t *hooks(const struct sandbox *sandbox)
{
    int slots = sandbox->settings->slots;
    json_t *args = json_pack("[s, s]", "sos-init", "--user-limits");
    add_user_limit(args, "max_inotify_instances", "/proc/sys/fs/inotify/max_user_instances", slots);
    add_user_limit(args, "max_inotify_watches", "/proc/sys/fs/inotify/max_user_watches", slots);
    return json_pack("{s:[{s:s, s:o}]}", "createContainer", "path", ROOM "/inside/init", "args",
                     args);
}

char *sandbox_spec(const struct sandbox *sandbox, const struct sandbox_run *run)
{
    json_t *spec = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o, s:o}", "ociVersion", "1.0.2",
                             "process", process(run), "root", "path", run->rootfs, "readonly", 1,
                             "hostname", "sos", "mounts", build_mounts(run), "linux",
                             linux_part(sandbox, run), "hooks", hooks(sandbox));
    assert(spec);
    char *text = json_dumps(spec, JSON_COMPACT);
    json_decref(spec);
    assert(text);
    return text;
}
