#include "store/disk/headroom.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sos/base/auto.h"

struct headroom {
    char *path;
    int64_t bytes;
    atomic_bool held;
};

static int64_t free_bytes(int fd)
{
    struct statvfs vfs;
    return fstatvfs(fd, &vfs) == 0 ? (int64_t)(vfs.f_bavail * vfs.f_frsize) : 0;
}

/* Blocks that are written nowhere else, really taken: a hole would be no room. */
static bool file_has_room(int fd, int64_t bytes)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (int64_t)st.st_blocks * 512 >= bytes;
}

bool headroom_take(struct headroom *headroom)
{
    auto_close int fd = open(headroom->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    bool held = file_has_room(fd, headroom->bytes);
    if (!held && free_bytes(fd) >= 2 * headroom->bytes) {
        held = posix_fallocate(fd, 0, headroom->bytes) == 0;
        if (!held && ftruncate(fd, 0) < 0)
            held = false; /* it has a part, and is asked for the rest again */
    }
    atomic_store(&headroom->held, held);
    return held;
}

void headroom_spend(struct headroom *headroom)
{
    atomic_store(&headroom->held, false);
    unlink(headroom->path);
}

struct headroom *headroom_new(const char *path, int64_t bytes)
{
    struct headroom *headroom = xcalloc(1, sizeof *headroom);
    struct statvfs vfs;

    headroom->path = xstrdup(path);
    headroom->bytes = bytes;
    if (headroom_take(headroom) && statvfs(path, &vfs) == 0 &&
        (int64_t)(vfs.f_bavail * vfs.f_frsize) < bytes / 8)
        headroom_spend(headroom);
    return headroom;
}

void headroom_free(struct headroom *headroom)
{
    if (!headroom)
        return;
    free(headroom->path);
    free(headroom);
}

bool headroom_is_held(const struct headroom *headroom)
{
    return atomic_load(&headroom->held);
}

int headroom_check(const struct headroom *headroom, struct err *err)
{
    if (headroom_is_held(headroom))
        return 0;
    return err_set(err, ERR_FULL, "The disk is full: only reading and deleting is possible now");
}
