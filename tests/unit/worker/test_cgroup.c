#include <sys/stat.h>

#include "tests/unit/unit.h"
#include "worker/cgroup.h"

static void put(const char *folder, const char *name, const char *text)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    struct err err = { 0 };
    assert_ok(fs_write_atomic(path, text, strlen(text), 0600, &err), err);
}

/* Hierarchies as plain folders under the test's own. */
static char *mountinfo(const char *folder, const char *const *types, size_t count)
{
    auto_fclose FILE *text = NULL;
    char *path = xasprintf("%s/mountinfo", folder);
    text = fopen(path, "we");
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        fprintf(text, "%zu 1 0:%zu / %s/h%zu rw - %s none rw\n", i, i, folder, i, types[i]);
    fprintf(text, "90 1 8:1 / / rw - ext4 /dev/vda rw\n");
    return path;
}

static void the_host_is_told_by_its_hierarchies(void **state)
{
    static const struct {
        const char *types[2];
        const char *kind;
    } hosts[] = { { { "cgroup", "cgroup" }, "v1" },
                  { { "cgroup", "cgroup2" }, "hybrid" },
                  { { "cgroup2", "cgroup2" }, "v2" } };
    for (size_t i = 0; i < countof(hosts); i++) {
        auto_free char *path = mountinfo(*state, hosts[i].types, 2);
        struct cgroups found;
        struct err err = { 0 };
        assert_ok(cgroups_find(path, &found, &err), err);
        assert_int_equal(found.count, 2);
        assert_string_equal(found.kind, hosts[i].kind);
    }
    auto_free char *none = mountinfo(*state, NULL, 0);
    struct cgroups found;
    assert_fails(cgroups_find(none, &found, NULL), ERR_NOT_FOUND);
}

static void usage_is_read_in_each_dialect(void **state)
{
    static const char *const dialects[][2] = {
        { "cgroup", "memory.oom_control" },
        { "cgroup2", "memory.events" },
    };
    auto_free char *root = xasprintf("%s/h0", (char *)*state);
    auto_free char *group = xasprintf("%s/sos-x", root);
    struct err err = { 0 };
    assert_ok(fs_mkdirs(group, 0700, &err), err);
    put(group, "pids.events", "max 12\n");
    for (size_t i = 0; i < countof(dialects); i++) {
        put(group, dialects[i][1], "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        auto_free char *path = mountinfo(*state, dialects[i], 1);
        struct cgroups found;
        struct cgroup_usage usage;
        assert_ok(cgroups_find(path, &found, &err), err);
        cgroup_usage(&found, "sos-x", &usage);
        assert_int_equal(usage.oom_kills, 3);
        assert_int_equal(usage.pids_refused, 12);
        cgroup_usage(&found, "sos-absent", &usage);
        assert_int_equal(usage.oom_kills + usage.pids_refused, 0);
    }
}

static void removal_takes_one_prefix_and_nothing_else(void **state)
{
    static const char *const names[] = { "h0/sos-1-a", "h0/sos-1-b", "h0/sos-2-a", "h0/user" };
    struct err err = { 0 };
    for (size_t i = 0; i < countof(names); i++) {
        auto_free char *path = xasprintf("%s/%s", (char *)*state, names[i]);
        assert_ok(fs_mkdirs(path, 0700, &err), err);
    }
    static const char *const types[] = { "cgroup" };
    auto_free char *path = mountinfo(*state, types, 1);
    struct cgroups found;
    assert_ok(cgroups_find(path, &found, &err), err);
    assert_ok(cgroups_remove_all(&found, "sos-1-", &err), err);
    assert_ok(cgroup_remove(&found, "sos-1-a", &err), err);
    for (size_t i = 0; i < countof(names); i++) {
        auto_free char *group = xasprintf("%s/%s", (char *)*state, names[i]);
        assert_int_equal(access(group, F_OK), i < 2 ? -1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(the_host_is_told_by_its_hierarchies),
        unit_test_in_folder(usage_is_read_in_each_dialect),
        unit_test_in_folder(removal_takes_one_prefix_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
