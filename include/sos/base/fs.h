/* fs.h - the few things about folders and files that many need. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

int fs_mkdirs(const char *path, mode_t mode, struct err *err); /* with parents; there is fine */
/* The same for a folder that must outlive a power cut: its name is synced, made now or before. */
int fs_mkdirs_durable(const char *path, mode_t mode, struct err *err);
int fs_read(const char *path, struct buf *ret, struct err *err); /* whole file up to ret->max */
/* All of it, however often write(2) takes a part; -1 and errno. */
int fs_write_all(int fd, const void *data, size_t len);
/* Exactly `len` bytes from where the descriptor is; -1 and errno (EIO: there are fewer). */
int fs_read_all(int fd, void *room, size_t len);
/* Whole and durable or not at all: temp file, fsync, rename, fsync of the folder. */
int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
/* Remove a tree (or a file) of any depth without following links or crossing into other mounts;
 * absent is fine.  Nobody may be changing it meanwhile: what is deep is moved up to be emptied. */
int fs_remove_tree(const char *path, struct err *err);
int fs_sync_folder(const char *path, struct err *err); /* makes its names durable */

/* open(2) of a path that is resolved beneath the folder `dirfd`: no link anywhere on it, no other
 * mount, no way out by "..".  O_CLOEXEC is added.  -1 and errno on failure: ELOOP for a link,
 * EXDEV for what leads out.  By openat2(2): Linux 5.6 or newer, there is no other way (ENOSYS). */
int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);
