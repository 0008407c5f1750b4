#include "worker/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/spawn.h"

/* EXT4_IOC_SHUTDOWN and EXT4_GOING_FLAGS_NOLOGFLUSH of fs/ext4/ext4.h, which no header exports. */
#define FS_SHUTDOWN _IOR('X', 125, uint32_t)
enum { SHUTDOWN_NO_FLUSH = 2 };

enum {
    LOOP_TRIES = 64, /* other slots take devices at the same time */
    LOOP_MAJOR = 7,  /* Documentation/admin-guide/devices.txt */
    MKE2FS_TIMEOUT_MS = 60000,
    FULL_BYTES = 256 * 1024,
    FULL_INODES = 16,
};

int disk_make(const char *path, int64_t bytes, uid_t uid, gid_t gid, struct err *err)
{
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, "create %s", path);
    if (ftruncate(fd, bytes) < 0)
        return err_errno(err, "size %s", path);

    /* No journal: after a crash the file is thrown away. The tables are written when needed. */
    auto_free char *options = xasprintf("lazy_itable_init=1,nodiscard,root_owner=%u:%u", uid, gid);
    const char *argv[] = { "mke2fs",
                           "-q",
                           "-F",
                           "-t",
                           "ext4",
                           "-m",
                           "0",
                           "-i",
                           "16384",
                           "-O",
                           "^has_journal,^resize_inode",
                           "-E",
                           options,
                           path,
                           NULL };
    struct spawn spawn = { .argv = argv, .timeout_ms = MKE2FS_TIMEOUT_MS };
    struct buf said;
    buf_init(&said, 4096);
    int rc = spawn_run(&spawn, &said, &said, err);
    buf_done(&said);
    return rc;
}

/* /dev/loopN, made when no device manager did. */
static int loop_open(int number, struct err *err)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/loop%d", number);
    if (mknod(path, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)number)) < 0 && errno != EEXIST)
        return err_errno(err, "create %s", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? err_errno(err, "open %s", path) : fd;
}

/* Put the file on a free loop device: its descriptor (which keeps it) and its path. */
static int loop_attach(int file_fd, const char *name, char ret_path[32], struct err *err)
{
    auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return err_errno(err, "open /dev/loop-control");

    struct loop_config config = { .fd = (unsigned)file_fd, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
    snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", name);
    for (int i = 0; i < LOOP_TRIES; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return err_errno(err, "find a free loop device");
        auto_close int fd = loop_open(number, err);
        if (fd < 0)
            return fd;
        if (ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
            snprintf(ret_path, 32, "/dev/loop%d", number);
            return take_fd(fd);
        }
        if (errno != EBUSY)
            return err_errno(err, "attach %s to a loop device", name);
    }
    return err_set(err, ERR_LIMIT, "no loop device is free");
}

int disk_mount(const char *path, const char *mountpoint, struct err *err)
{
    auto_close int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return err_errno(err, "open %s", path);
    char device[32];
    auto_close int loop = loop_attach(file, path, device, err);
    if (loop < 0)
        return loop;
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOATIME;
    if (mount(device, mountpoint, "ext4", flags, "noinit_itable,nobarrier") < 0) {
        int code = errno;
        err_errno(err, "mount %s", path);
        return code == EINVAL || code == EUCLEAN ? err_set(err, ERR_INVALID, "%s is damaged", path)
                                                 : -ERR_IO;
    }
    return 0;
}

/* A file system that is still in use somewhere outlives its mount, and with it the claim on the
 * device.  To mount its file once more then would corrupt both. */
int disk_unmount(const char *mountpoint, struct err *err)
{
    struct stat st;
    if (stat(mountpoint, &st) < 0)
        return err_errno(err, "stat %s", mountpoint);
    if (major(st.st_dev) != LOOP_MAJOR)
        return err_set(err, ERR_IO, "no disk is mounted at %s", mountpoint);
    char path[32];
    snprintf(path, sizeof path, "/dev/loop%u", minor(st.st_dev));
    auto_close int device = open(path, O_RDONLY | O_CLOEXEC); /* so that it stays this disk's */
    if (device < 0 || umount2(mountpoint, UMOUNT_NOFOLLOW) < 0)
        return err_errno(err, "unmount %s", mountpoint);
    auto_close int alone = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
    return alone < 0 ? err_errno(err, "release the disk of %s", mountpoint) : 0;
}

int disk_discard(const char *mountpoint, struct err *err)
{
    auto_close int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t flags = SHUTDOWN_NO_FLUSH;
    if (fd >= 0)
        (void)ioctl(fd, FS_SHUTDOWN, &flags);
    if (fd >= 0)
        close(take_fd(fd));
    return disk_unmount(mountpoint, err);
}

void disk_trim(const char *mountpoint)
{
    auto_close int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct fstrim_range range = { .len = UINT64_MAX };
    if (fd >= 0)
        (void)ioctl(fd, FITRIM, &range);
}

bool disk_is_full(const char *mountpoint)
{
    struct statvfs fs;
    if (statvfs(mountpoint, &fs) < 0)
        return false;
    return fs.f_bavail * fs.f_frsize < FULL_BYTES || fs.f_favail < FULL_INODES;
}

/* A user namespace in which the id `from` is the host's `to`.  Gives a descriptor that keeps it.
 * Its first process only has to live until then. */
static int user_map(uid_t from, uid_t to, struct err *err)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        for (;;)
            pause();
    if (pid < 0)
        return err_errno(err, "make a user namespace");

    auto_free char *line = xasprintf("%u %u 1", from, to);
    auto_free char *uids = xasprintf("/proc/%d/uid_map", pid);
    auto_free char *gids = xasprintf("/proc/%d/gid_map", pid);
    auto_free char *space = xasprintf("/proc/%d/ns/user", pid);
    auto_close int uid_fd = open(uids, O_WRONLY | O_CLOEXEC);
    auto_close int gid_fd = open(gids, O_WRONLY | O_CLOEXEC);
    int fd = -1;
    if (write(uid_fd, line, strlen(line)) > 0 && write(gid_fd, line, strlen(line)) > 0)
        fd = open(space, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? err_errno(err, "map the user %u to %u", from, to) : fd;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return rc;
}

int disk_show_owner(const char *mountpoint, uid_t from, uid_t to, struct err *err)
{
    auto_close int map = user_map(from, to, err);
    if (map < 0)
        return map;
    auto_close int tree =
        open_tree(AT_FDCWD, mountpoint, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)map };
    /* The new mount keeps the file system when the old one goes. */
    if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ||
        umount2(mountpoint, UMOUNT_NOFOLLOW) < 0 ||
        move_mount(tree, "", AT_FDCWD, mountpoint, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_errno(err, "change the owner that %s shows", mountpoint);
    return 0;
}

static bool loop_detach_below(const char *name, const char *folder)
{
    char path[64];
    char backing[4096];
    snprintf(path, sizeof path, "/sys/block/%.20s/loop/backing_file", name);
    auto_fclose FILE *file = fopen(path, "re");
    if (!file || !fgets(backing, sizeof backing, file))
        return false;
    size_t len = strlen(folder);
    if (strncmp(backing, folder, len) != 0 || backing[len] != '/')
        return false;
    snprintf(path, sizeof path, "/dev/%.20s", name);
    auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd >= 0 && ioctl(fd, LOOP_CLR_FD) == 0;
}

int disk_detach_all(const char *folder)
{
    DIR *dir = opendir("/sys/block");
    if (!dir)
        return 0;
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, "loop", 4) == 0)
            count += loop_detach_below(entry->d_name, folder);
    closedir(dir);
    return count;
}
