#include <jansson.h>

#include "tests/unit/unit.h"
#include "worker/sandbox.h"

static const char *const args[] = { "/run/sos/init", "--", "/opt/sos/recipe", "build", NULL };
static const char *const env[] = { "A=b", NULL };
static const struct sos_limits limits = {
    .memory_bytes = 1000, .cpu_millis = 1500, .pids = 7, .disk_bytes = 5000
};

static json_t *spec_of(bool network, const char *kind)
{
    static const struct settings settings = { .prefix = "sos-12345678-", .name = "w", .slots = 4 };
    struct cgroups cgroups = { .kind = kind, .limits_swap = true };
    struct sandbox sandbox;
    sandbox_init(&sandbox, &settings, &cgroups, 3);
    struct sandbox_run run = { .rootfs = "/r",
                               .work = "/w",
                               .args = args,
                               .env = env,
                               .network = network,
                               .limits = &limits };
    auto_free char *text = sandbox_spec(&sandbox, &run);
    json_t *spec = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(spec);
    return spec;
}

/* "a.b.c" */
static json_t *at(json_t *value, const char *path)
{
    auto_free char *copy = xstrdup(path);
    char *rest = copy;
    for (char *key; (key = strsep(&rest, "."));)
        value = json_object_get(value, key);
    assert_non_null(value);
    return value;
}

static bool has_namespace(json_t *spec, const char *type)
{
    size_t i;
    json_t *one;
    json_array_foreach(at(spec, "linux.namespaces"), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "type")), type) ==
                                0) return true;
    return false;
}

static json_t *mount_of(json_t *spec, const char *target)
{
    size_t i;
    json_t *one;
    json_array_foreach(at(spec, "mounts"), i,
                       one) if (strcmp(json_string_value(json_object_get(one, "destination")),
                                       target) == 0) return one;
    return NULL;
}

static void no_capability_in_any_set(void **state)
{
    (void)state;
    json_t *spec = spec_of(true, "v1");
    json_t *sets = at(spec, "process.capabilities");
    assert_int_equal(json_object_size(sets), 5);
    const char *name;
    json_t *set;
    json_object_foreach(sets, name, set) assert_int_equal(json_array_size(set), 0);
    assert_true(json_is_true(at(spec, "process.noNewPrivileges")));
    assert_true(json_is_true(at(spec, "root.readonly")));
    assert_int_equal(json_integer_value(at(spec, "process.user.uid")), 1000);
    json_decref(spec);
}

static void only_fetch_shares_the_hosts_network(void **state)
{
    (void)state;
    static const char *const always[] = { "user", "pid", "mount", "ipc", "uts", "cgroup" };
    for (int network = 0; network <= 1; network++) {
        json_t *spec = spec_of(network, "v1");
        for (size_t i = 0; i < countof(always); i++)
            assert_true(has_namespace(spec, always[i]));
        assert_int_equal(has_namespace(spec, "network"), !network);
        assert_int_equal(mount_of(spec, "/etc/resolv.conf") != NULL, network);
        json_decref(spec);
    }
}

static void each_slot_has_users_of_its_own(void **state)
{
    (void)state;
    json_t *spec = spec_of(false, "v1");
    json_t *map = json_array_get(at(spec, "linux.uidMappings"), 0);
    assert_int_equal(json_integer_value(json_object_get(map, "hostID")), 0x130000);
    assert_int_equal(json_integer_value(json_object_get(map, "size")), 0x10000);
    assert_int_equal(sandbox_uid(3), 0x130000 + 1000);
    assert_string_equal(json_string_value(at(spec, "linux.cgroupsPath")), "/sos-12345678-w-3");
    json_decref(spec);
}

static void limits_are_what_the_image_says(void **state)
{
    (void)state;
    json_t *spec = spec_of(false, "v2");
    json_t *resources = at(spec, "linux.resources");
    assert_int_equal(json_integer_value(at(resources, "memory.limit")), 1000);
    assert_int_equal(json_integer_value(at(resources, "memory.swap")), 1000);
    assert_int_equal(json_integer_value(at(resources, "pids.limit")), 7);
    assert_int_equal(json_integer_value(at(resources, "cpu.quota")), 150000);
    json_t *unified = json_object_get(resources, "unified");
    assert_string_equal(json_string_value(json_object_get(unified, "memory.oom.group")), "1");
    json_decref(spec);
}

static void every_memory_file_system_is_bounded(void **state)
{
    (void)state;
    json_t *spec = spec_of(true, "v1");
    size_t i;
    json_t *one;
    json_array_foreach(at(spec, "mounts"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "type")), "tmpfs") != 0)
            continue;
        auto_free char *options = json_dumps(json_object_get(one, "options"), 0);
        assert_non_null(strstr(options, "size="));
        assert_non_null(strstr(options, "nr_inodes="));
    }
    json_decref(spec);
}

/* The filter answers ENOSYS to what it does not know, so that a C library falls back. */
static void the_filter_denies_by_default(void **state)
{
    (void)state;
    json_t *spec = spec_of(false, "v1");
    json_t *seccomp = at(spec, "linux.seccomp");
    assert_string_equal(json_string_value(at(seccomp, "defaultAction")), "SCMP_ACT_ERRNO");
    assert_int_equal(json_integer_value(at(seccomp, "defaultErrnoRet")), 38);
    static const char *const never[] = { "ptrace",     "bpf",    "mount",  "unshare",
                                         "setns",      "keyctl", "clone3", "io_uring_setup",
                                         "userfaultfd" };
    size_t i;
    json_t *rule;
    json_array_foreach(at(seccomp, "syscalls"), i, rule)
    {
        const char *action = json_string_value(json_object_get(rule, "action"));
        if (strcmp(action, "SCMP_ACT_ALLOW") != 0)
            continue;
        auto_free char *names = json_dumps(json_object_get(rule, "names"), 0);
        for (size_t k = 0; k < countof(never); k++) {
            auto_free char *quoted = xasprintf("\"%s\"", never[k]);
            assert_null(strstr(names, quoted));
        }
    }
    json_decref(spec);
}

static bool lets_pass(json_t *spec, const char *name, int value)
{
    size_t i;
    json_t *rule;
    json_array_foreach(at(spec, "linux.seccomp.syscalls"), i, rule)
    {
        json_t *arg = json_array_get(json_object_get(rule, "args"), 0);
        const char *of = json_string_value(json_array_get(json_object_get(rule, "names"), 0));
        if (strcmp(of, name) == 0 && json_integer_value(json_object_get(arg, "valueTwo")) == value)
            return true;
    }
    return false;
}

/* Their names would be the host's, and every other build's. */
static void a_fetch_has_no_unix_sockets_with_names(void **state)
{
    (void)state;
    for (int network = 0; network <= 1; network++) {
        json_t *spec = spec_of(network, "v1");
        assert_int_equal(lets_pass(spec, "socket", 1 /* AF_UNIX */), !network);
        assert_int_equal(lets_pass(spec, "socketpair", 2 /* SOCK_DGRAM */), !network);
        assert_true(lets_pass(spec, "socketpair", 1 /* SOCK_STREAM */));
        json_decref(spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_capability_in_any_set),
        cmocka_unit_test(only_fetch_shares_the_hosts_network),
        cmocka_unit_test(each_slot_has_users_of_its_own),
        cmocka_unit_test(limits_are_what_the_image_says),
        cmocka_unit_test(every_memory_file_system_is_bounded),
        cmocka_unit_test(the_filter_denies_by_default),
        cmocka_unit_test(a_fetch_has_no_unix_sockets_with_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
