/* disk.h - file systems of a fixed size: ext4 in a sparse file on a loop device.
 *
 * That is a build's quota.  The mounts live in the caller's own mount namespace
 * and the loop devices clear themselves: when the last process of the namespace
 * is gone, so are both.
 *
 * A build never sees the raw bytes: the kernel's own driver wrote whatever it
 * will read again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sos/base/err.h"

/* Make the file `path` with an empty file system of `bytes`, its root folder owned by uid:gid. */
int disk_make(const char *path, int64_t bytes, uid_t uid, gid_t gid, struct err *err);
/* Mount it at `mountpoint` (nosuid, nodev).  -ERR_INVALID when it is no such file system. */
int disk_mount(const char *path, const char *mountpoint, struct err *err);
/* 0 only when it was unmounted cleanly, nobody uses it any more and everything is in the file.  Not
 * mounted: -ERR_IO. */
int disk_unmount(const char *mountpoint, struct err *err);

/* Unmount one whose content nobody wants any more, without writing it out first. */
int disk_discard(const char *mountpoint, struct err *err);

/* Give freed blocks back to the file's own file system, as far as that can. */
void disk_trim(const char *mountpoint);

/* So little is left that the next write may fail. */
bool disk_is_full(const char *mountpoint);
/* Show files of the user and group `from` on the disk as those of `to`, and keep what `to` makes as
 * `from`'s: an id-mapped mount (mount_setattr(2), Linux 5.12), however many files there are. Nobody
 * else can make files on it then. */
int disk_show_owner(const char *mountpoint, uid_t from, uid_t to, struct err *err);

/* Detach every loop device whose file lies below `folder`: what an earlier life left.  Gives their
 * number. */
int disk_detach_all(const char *folder);
