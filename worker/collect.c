#include "worker/collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { COPY_BYTES = 256 * 1024 };

static int refuse(struct err *err, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct err *err, const char *reason, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(err, ERR_INVALID, "%s", text);
    err_reason(err, reason);
    return -ERR_INVALID;
}

int collect_name_check(const char *name, struct err *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(name);
    if (len == 0 || len > COLLECT_NAME_MAX || !strchr(letters, name[0]))
        return refuse(err, "ARTIFACT_REFUSED", "an artifact's name is not a plain file name");
    for (size_t i = 0; i < len; i++)
        if (!strchr(letters, name[i]) && !strchr("._+-", name[i]))
            return refuse(err, "ARTIFACT_REFUSED",
                          "an artifact's name holds more than letters, digits and ._+-");
    return 0;
}

/* Open one file of the folder and prove what it is. */
static int file_open(int dirfd, const char *name, uid_t uid, const struct sos_limits *limits,
                     int *ret_fd, struct stat *ret_st, struct err *err)
{
    auto_close int fd =
        fs_open_beneath(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 && (errno == ELOOP || errno == ENXIO || errno == EXDEV))
        return refuse(err, "ARTIFACT_REFUSED", "artifact %s is not a regular file", name);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return refuse(err, "ARTIFACT_REFUSED", "artifact %s cannot be read: %s", name,
                      strerror(errno));
    if (!S_ISREG(st.st_mode))
        return refuse(err, "ARTIFACT_REFUSED", "artifact %s is not a regular file", name);
    if (st.st_uid != uid)
        return refuse(err, "ARTIFACT_REFUSED", "artifact %s belongs to somebody else", name);
    if (st.st_nlink != 1)
        return refuse(err, "ARTIFACT_REFUSED", "artifact %s has more than one link", name);
    if (st.st_size > limits->artifact_bytes)
        return refuse(err, "ARTIFACT_TOO_BIG",
                      "artifact %s has %" PRId64 " bytes; %" PRId64 " are allowed", name,
                      (int64_t)st.st_size, limits->artifact_bytes);
    *ret_fd = take_fd(fd);
    *ret_st = st;
    return 0;
}

static int copy_bytes(int from, int to, int64_t size_bytes, struct digests *ret, struct err *err)
{
    struct hasher *hasher = hasher_new();
    auto_free char *room = xmalloc(COPY_BYTES);
    int64_t left = size_bytes;
    int rc = 0;
    while (rc == 0 && left > 0) {
        size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        ssize_t got = read(from, room, want);
        if (got < 0)
            rc = err_errno(err, "read the artifact");
        else if (got == 0)
            rc = err_set(err, ERR_IO, "the artifact ended too early");
        else {
            hasher_add(hasher, room, (size_t)got);
            if (fs_write_all(to, room, (size_t)got) < 0)
                rc = err_errno(err, "write the collected artifact");
            left -= got;
        }
    }
    if (rc == 0)
        hasher_end(hasher, ret);
    hasher_free(hasher);
    return rc;
}

static int file_copy(int dirfd, const char *name, uid_t uid, const struct sos_limits *limits,
                     int targetfd, struct collected_file *ret, struct err *err)
{
    int rc = collect_name_check(name, err);
    if (rc < 0)
        return rc;
    auto_close int from = -1;
    struct stat st = { 0 };
    rc = file_open(dirfd, name, uid, limits, &from, &st, err);
    if (rc < 0)
        return rc;
    mode_t mode = st.st_mode & S_IXUSR ? 0755 : 0644;
    auto_close int to = openat(targetfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (to < 0 || fchmod(to, mode) < 0)
        return err_errno(err, "create the copy of artifact %s", name);
    rc = copy_bytes(from, to, st.st_size, &ret->digests, err);
    if (rc == 0)
        snprintf(ret->name, sizeof ret->name, "%.128s", name); /* checked: no longer */
    return rc;
}

/* In the order of their names, so that the result does not depend on the folder's. */
static int by_name(const void *a, const void *b)
{
    const struct collected_file *x = a;
    const struct collected_file *y = b;
    return strcmp(x->name, y->name);
}

/* Sparse files can be larger together than the disk they came from. */
static int total_check(const struct collected *collected, const struct sos_limits *limits,
                       struct err *err)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < collected->count; i++)
        bytes += collected->files[i].digests.size_bytes;
    if (bytes > limits->disk_bytes)
        return refuse(err, "ARTIFACT_TOO_BIG",
                      "the artifact's files have more than %" PRId64 " bytes together",
                      limits->disk_bytes);
    return 0;
}

static int folder_copy(DIR *dir, uid_t uid, const struct sos_limits *limits, int targetfd,
                       struct collected *ret, struct err *err)
{
    size_t count_max = COLLECT_FILES_MAX;
    if (limits->artifact_files > 0 && (size_t)limits->artifact_files < count_max)
        count_max = (size_t)limits->artifact_files;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (ret->count == count_max)
            return refuse(err, "ARTIFACT_REFUSED", "more than %zu artifact files", count_max);
        int rc = file_copy(dirfd(dir), entry->d_name, uid, limits, targetfd,
                           &ret->files[ret->count], err);
        if (rc < 0)
            return rc;
        ret->count++;
        rc = total_check(ret, limits, err);
        if (rc < 0)
            return rc;
    }
    if (ret->count == 0)
        return refuse(err, "ARTIFACT_MISSING", "the build left no file in /out/artifact");
    qsort(ret->files, ret->count, sizeof ret->files[0], by_name);
    return 0;
}

int collect_copy(const char *out_dir, uid_t uid, const struct sos_limits *limits,
                 const char *target_dir, struct collected *ret, struct err *err)
{
    ret->count = 0;
    auto_close int targetfd = open(target_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_close int outfd = open(out_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (targetfd < 0 || outfd < 0)
        return err_errno(err, "open %s", targetfd < 0 ? target_dir : out_dir);
    int fd = fs_open_beneath(outfd, "artifact", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0 && errno == ENOENT)
        return refuse(err, "ARTIFACT_MISSING", "the build made no /out/artifact");
    if (fd < 0)
        return refuse(err, "ARTIFACT_REFUSED", "/out/artifact is not a real folder");
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_errno(err, "read /out/artifact");
    }
    int rc = folder_copy(dir, uid, limits, targetfd, ret, err);
    closedir(dir);
    return rc;
}
