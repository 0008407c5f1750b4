/* fs.h - the few things about folders and files that many need. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

int fs_mkdirs(const char *path, mode_t mode, struct err *err);     /* with parents; there is fine */
int fs_read(const char *path, struct buf *ret, struct err *err);   /* whole file up to ret->max */
/* Whole and durable or not at all: temp file, fsync, rename, fsync of the folder. */
int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
/* Remove a tree without following links or crossing into other mounts; absent is fine. */
int fs_remove_tree(const char *path, struct err *err);
