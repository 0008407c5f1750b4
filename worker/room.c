#include "worker/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/fs.h"

enum { FILE_BYTES_MAX = 8 * 1024 * 1024 };

static const char *const folders[] = {
    "inside",  "bundle", "runtime",  "build-root", "run-root",
    "scratch", "cache",  "artifact", "empty",
};

static int write_file(const char *name, const void *data, size_t len, mode_t mode, struct err *err)
{
    auto_free char *path = xasprintf(ROOM "/inside/%s", name);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(err, "create %s", path);
    if (write(fd, data, len) != (ssize_t)len)
        return err_errno(err, "write %s", path);
    return 0;
}

/* Copies: a file that the host replaces meanwhile does not change under a build. */
static int copy_file(const char *source, const char *name, mode_t mode, struct err *err)
{
    struct buf bytes;
    buf_init(&bytes, FILE_BYTES_MAX);
    int rc = fs_read(source, &bytes, err);
    if (rc == 0)
        rc = write_file(name, bytes.data ? bytes.data : "", bytes.len, mode, err);
    buf_done(&bytes);
    return rc;
}

static int fill_inside(const struct settings *settings, struct err *err)
{
    static const char hosts[] = "127.0.0.1 localhost sos\n::1 localhost\n";
    int rc = copy_file(settings->init, "init", 0755, err);
    if (rc == 0 && settings->ca_bundle[0])
        rc = copy_file(settings->ca_bundle, "ca.crt", 0644, err);
    if (rc == 0)
        rc = write_file("hosts", hosts, strlen(hosts), 0644, err);
    if (rc == 0) /* to mount a socket at */
        rc = write_file("gateway.sock", "", 0, 0644, err);
    if (rc < 0)
        return rc;
    /* A host without these still has builds that need no names. */
    if (copy_file("/etc/hosts", "host-hosts", 0644, NULL) < 0)
        rc = write_file("host-hosts", hosts, strlen(hosts), 0644, err);
    if (rc == 0 && copy_file("/etc/resolv.conf", "resolv.conf", 0644, NULL) < 0)
        rc = write_file("resolv.conf", "", 0, 0644, err);
    return rc;
}

int room_make(const struct settings *settings, struct err *err)
{
    if (mkdir(ROOM, 0711) < 0 && errno != EEXIST)
        return err_errno(err, "create " ROOM);
    if (mount("sos", ROOM, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711,size=64m,nr_inodes=4096") < 0)
        return err_errno(err, "mount a tmpfs at " ROOM);
    for (size_t i = 0; i < countof(folders); i++) {
        auto_free char *path = xasprintf(ROOM "/%s", folders[i]);
        if (mkdir(path, 0755) < 0)
            return err_errno(err, "create %s", path);
    }
    return fill_inside(settings, err);
}

int room_bind(const char *source, const char *target, bool read_only, struct err *err)
{
    if (mount(source, target, NULL, MS_BIND, NULL) < 0)
        return err_errno(err, "bind %s to %s", source, target);
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | (read_only ? MS_RDONLY : 0);
    if (mount(NULL, target, NULL, flags, NULL) < 0)
        return err_errno(err, "remount %s", target);
    return 0;
}

void room_unbind(const char *target)
{
    while (umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
        ;
}
