#include "worker/leftovers.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "worker/disk.h"

/* Half-unpacked images. */
static int remove_tmp_images(const char *rootfs, struct err *err)
{
    DIR *dir = opendir(rootfs);
    if (!dir)
        return err_errno(err, "open %s", rootfs);
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)))
        if (strncmp(entry->d_name, "tmp-", 4) == 0) {
            auto_free char *path = xasprintf("%s/%s", rootfs, entry->d_name);
            rc = fs_remove_tree(path, err);
        }
    closedir(dir);
    return rc;
}

int leftovers_remove(const struct settings *settings, const struct cgroups *cgroups,
                     struct err *err)
{
    auto_free char *slots = xasprintf("%s/slots", settings->state);
    auto_free char *rootfs = xasprintf("%s/rootfs", settings->state);
    int rc = cgroups_remove_all(cgroups, settings->prefix, err);
    int loops = disk_detach_all(settings->state);
    if (loops > 0)
        log_warn("worker", "loop devices of an earlier life detached", "count=%d", loops);
    if (rc == 0)
        rc = fs_remove_tree(slots, err);
    if (rc == 0)
        rc = fs_mkdirs(slots, 0700, err);
    return rc < 0 ? rc : remove_tmp_images(rootfs, err);
}

int leftovers_remove_slot(const struct settings *settings, const struct cgroups *cgroups, int slot,
                          struct err *err)
{
    char group[CGROUP_NAME_MAX];
    cgroup_slot_name(settings->prefix, settings->name, slot, group);
    auto_free char *folder = xasprintf("%s/slots/%d", settings->state, slot);
    int rc = cgroup_remove(cgroups, group, err);
    (void)disk_detach_all(folder);
    return rc < 0 ? rc : fs_remove_tree(folder, err);
}
