#include "server/disk/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "sos/base/id.h"

enum { NAME_MAX_BYTES = ID_MAX + 24 };

struct logs {
    int dir_fd;
    int64_t size_max;
};

int logs_open(const char *dir, int64_t size_max, struct logs **ret, struct err *err)
{
    int rc = fs_mkdirs_durable(dir, 0700, err);
    if (rc < 0)
        return rc;
    auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open %s", dir);
    struct logs *logs = xcalloc(1, sizeof *logs);
    logs->dir_fd = take_fd(fd);
    logs->size_max = size_max;
    *ret = logs;
    return 0;
}

void logs_close(struct logs *logs)
{
    if (!logs)
        return;
    close(logs->dir_fd);
    free(logs);
}

/* "<build>/<attempt>.log"; only an id that is one of ours ever becomes a path. */
static int name_of(const char *build, int32_t attempt, char ret_name[NAME_MAX_BYTES],
                   struct err *err)
{
    if (!id_is_valid("bld", build) || attempt <= 0)
        return err_set(err, ERR_INVALID, "this is no id of an attempt");
    snprintf(ret_name, NAME_MAX_BYTES, "%s/%" PRId32 ".log", build, attempt);
    return 0;
}

/* For writing, made when it is not there, with its folder. */
static int file_make(struct logs *logs, const char *build, const char *name, int *ret_fd,
                     struct err *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(logs->dir_fd, name, flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(logs->dir_fd, build, 0700) < 0 && errno != EEXIST)
            return err_errno(err, "make the folder of log %s", name);
        fd = openat(logs->dir_fd, name, flags, 0600);
    }
    if (fd < 0)
        return err_errno(err, "open log %s", name);
    *ret_fd = fd;
    return 0;
}

static int file_write(int fd, int64_t offset, const char *data, size_t len, int64_t *size,
                      struct err *err)
{
    while (len > 0) {
        ssize_t done = pwrite(fd, data, len, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_errno(err, "write a log");
        data += done;
        offset += done;
        len -= (size_t)done;
        *size = offset;
    }
    return 0;
}

/* The part of the data that is new and within the cap. */
static int append_at(struct logs *logs, int fd, int64_t offset, const char *data, size_t len,
                     int64_t *size, struct err *err)
{
    if (offset < 0 || offset > *size) {
        int rc =
            err_set(err, ERR_CONFLICT,
                    "the log has %" PRId64 " bytes; %" PRId64 " would leave a gap", *size, offset);
        err_reason(err, "LOG_GAP");
        return rc;
    }
    uint64_t known = (uint64_t)(*size - offset);
    if (known >= len)
        return 0;
    size_t fresh = len - (size_t)known;
    int64_t room = logs->size_max > *size ? logs->size_max - *size : 0;
    size_t kept = (int64_t)fresh > room ? (size_t)room : fresh;
    int rc = file_write(fd, *size, data + known, kept, size, err);
    if (rc == 0 && kept < fresh) {
        rc = err_set(err, ERR_LIMIT, "a log has at most %" PRId64 " bytes", logs->size_max);
        err_reason(err, "LOG_LIMIT");
    }
    return rc;
}

int log_append(struct logs *logs, const char *build, int32_t attempt, int64_t offset,
               const void *data, size_t len, int64_t *ret_size, struct err *err)
{
    char name[NAME_MAX_BYTES];
    int rc = name_of(build, attempt, name, err);
    if (rc < 0)
        return rc;
    auto_close int fd = -1;
    rc = file_make(logs, build, name, &fd, err);
    if (rc < 0)
        return rc;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, "stat log %s", name);
    *ret_size = st.st_size;
    return append_at(logs, fd, offset, data, len, ret_size, err);
}

static int folder_sync(int dir_fd, const char *name, struct err *err)
{
    auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open the folder of a log");
    return fsync(fd) < 0 ? err_errno(err, "sync the folder of a log") : 0;
}

int log_end(struct logs *logs, const char *build, int32_t attempt, struct err *err)
{
    char name[NAME_MAX_BYTES];
    int rc = name_of(build, attempt, name, err);
    if (rc < 0)
        return rc;
    auto_close int fd = openat(logs->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, "open log %s", name);
    if (fsync(fd) < 0)
        return err_errno(err, "sync log %s", name);
    rc = folder_sync(logs->dir_fd, build, err);
    return rc < 0 ? rc : folder_sync(logs->dir_fd, ".", err);
}

int log_open(struct logs *logs, const char *build, int32_t attempt, int *ret_fd, int64_t *ret_size,
             struct err *err)
{
    char name[NAME_MAX_BYTES];
    int rc = name_of(build, attempt, name, err);
    if (rc < 0)
        return rc;
    auto_close int fd = openat(logs->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_errno(err, "open log %s", name);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, "stat log %s", name);
    *ret_size = st.st_size;
    *ret_fd = take_fd(fd);
    return 0;
}
