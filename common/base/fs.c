#include "sos/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sos/base/auto.h"
#include "sos/base/id.h"

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = (flags & (O_CREAT | __O_TMPFILE)) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

static int mkdir_or_there(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0)
        return 0;
    int why = errno;
    struct stat st;
    if (why == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = why == EEXIST ? ENOTDIR : why;
    return -1;
}

int fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
    auto_free char *part = xstrdup(path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir_or_there(part, mode) < 0)
            return err_errno(err, "make folder %s", part);
        *slash = '/';
    }
    if (mkdir_or_there(path, mode) < 0)
        return err_errno(err, "make folder %s", path);
    return 0;
}

/* The folder a path is in (gives) and its last element. */
static char *split_path(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int fs_mkdirs_durable(const char *path, mode_t mode, struct err *err)
{
    const char *name = NULL;
    auto_free char *folder = split_path(path, &name);
    struct stat st;

    int rc = stat(folder, &st) == 0 ? 0 : fs_mkdirs_durable(folder, mode, err);
    if (rc == 0 && mkdir_or_there(path, mode) < 0)
        rc = err_errno(err, "make folder %s", path);
    return rc < 0 ? rc : fs_sync_folder(folder, err);
}

int fs_read(const char *path, struct buf *ret, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    char part[16384];
    for (;;) {
        ssize_t got = read(fd, part, sizeof(part));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read %s", path);
        if (got == 0)
            return 0;
        if (buf_add(ret, part, (size_t)got) < 0)
            return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, ret->max);
    }
}

int fs_sync_folder(const char *path, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_errno(err, "sync folder %s", path);
    return 0;
}

int fs_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t put = write(fd, p, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        p += put;
        len -= (size_t)put;
    }
    return 0;
}

int fs_read_all(int fd, void *room, size_t len)
{
    for (char *at = room; len > 0;) {
        ssize_t got = read(fd, at, len);
        if (got == 0)
            errno = EIO;
        if (got == 0 || (got < 0 && errno != EINTR))
            return -1;
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
    return 0;
}

static int write_durable(const char *path, const void *data, size_t len, mode_t mode,
                         struct err *err)
{
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "create %s", path);
    if (fs_write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return err_errno(err, "write %s", path);
    return 0;
}

int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
    const char *name = NULL;
    auto_free char *folder = split_path(path, &name);
    uint64_t nonce = 0;
    random_bytes(&nonce, sizeof(nonce));
    auto_free char *temp = xasprintf("%s/.%s.%016lx", folder, name, nonce);

    int rc = write_durable(temp, data, len, mode, err);
    if (rc == 0 && rename(temp, path) < 0)
        rc = err_errno(err, "rename %s to %s", temp, path);
    if (rc < 0) {
        unlink(temp);
        return rc;
    }
    return fs_sync_folder(folder, err);
}

/* --- removing a tree ---
 *
 * Depth costs neither stack nor descriptors: a folder found inside another is
 * moved up beside the one that is being emptied, and emptied in its turn. */

struct removal {
    int top;        /* the folder whose entries are being removed */
    uint64_t nonce; /* of the names that folders moved up get */
    uint64_t moved;
};

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A folder to read and change, even when its mode forbids its owner; -1 and errno. */
static int open_folder(int dirfd, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = fs_open_beneath(dirfd, name, flags, 0);
    if (fd < 0 && errno == EACCES) {
        auto_close int path_fd = fs_open_beneath(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        char self[40];
        snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
        if (path_fd < 0 || chmod(self, 0700) < 0)
            return -1;
        fd = fs_open_beneath(dirfd, name, flags, 0);
    }
    /* Entries of a read-only folder cannot go; root does not need this and may fail. */
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700);
    return fd;
}

/* Removes `name`, or moves it up when it is a folder that is not empty. */
static int remove_or_lift(struct removal *removal, int dirfd, const char *name)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return -1;

    auto_close int fd = open_folder(dirfd, name); /* refuses a mount, makes the mode right */
    if (fd < 0)
        return -1;
    char lifted[48];
    snprintf(lifted, sizeof(lifted), ".%016lx-%lu", removal->nonce, removal->moved++);
    return renameat(dirfd, name, removal->top, lifted);
}

typedef int (*entry_fn)(struct removal *removal, int dirfd, const char *name);

/* Calls `each` for every entry of the folder `fd`, which it takes; how many there were, or -1. */
static int each_entry(struct removal *removal, int fd, entry_fn each)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -1;
    }
    int count = 0;
    struct dirent *entry = NULL;
    while (count >= 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (!is_dot(entry->d_name))
            count = each(removal, dirfd(dir), entry->d_name) < 0 ? -1 : 1;
    int why = errno;
    closedir(dir);
    errno = why;
    return why != 0 ? -1 : count;
}

/* An entry of the top: a file goes, a folder is emptied by lifting its folders. */
static int remove_top_entry(struct removal *removal, int dirfd, const char *name)
{
    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    int fd = open_folder(dirfd, name);
    if (fd < 0 || each_entry(removal, fd, remove_or_lift) < 0)
        return -1;
    return unlinkat(dirfd, name, AT_REMOVEDIR);
}

static int empty_top(struct removal *removal)
{
    int found;
    do {
        int fd = fs_open_beneath(removal->top, ".", O_RDONLY | O_DIRECTORY, 0);
        found = fd < 0 ? -1 : each_entry(removal, fd, remove_top_entry);
    } while (found > 0);
    return found;
}

/* `name` in the folder `parent`: a file, a link or a tree. */
static int remove_tree_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    auto_close int top = open_folder(parent, name);
    if (top < 0)
        return -1;
    struct removal removal = { .top = top };
    random_bytes(&removal.nonce, sizeof(removal.nonce));
    if (empty_top(&removal) < 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR);
}

int fs_remove_tree(const char *path, struct err *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    auto_free char *trimmed = xstrndup(path, len);
    const char *name = NULL;
    auto_free char *folder = split_path(trimmed, &name);
    if (name[0] == '\0' || is_dot(name))
        return err_set(err, ERR_INVALID, "refusing to remove '%s'", path);

    auto_close int parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 && errno == ENOENT)
        return 0;
    if (parent < 0 || remove_tree_at(parent, name) < 0) {
        if (errno == EXDEV || errno == EBUSY)
            return err_set(err, ERR_CONFLICT, "remove %s: something is mounted in it", path);
        return err_errno(err, "remove %s", path);
    }
    return 0;
}
