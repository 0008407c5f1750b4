#include "sos/base/blob.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { NAME_MAX_LEN = 80, MANY = 8 };

struct blobs {
    char *dir;
    int dirfd;
    int lockfd; /* flock held as long as we live */
    atomic_ulong next_temp;
    atomic_bool broken; /* a sync failed */
};

struct blob_writer {
    struct blobs *blobs;
    int fd;
    bool failed; /* a write was cut short: never to be committed */
    char temp[NAME_MAX_LEN];
    struct hasher *hasher;
    bool sealed;   /* `digests` are told; no more bytes come */
    bool is_there; /* the same bytes have their name already */
    struct digests digests;
};

/* --- the folder --- */

/* "ab/cdef…" */
static void blob_name(const char *sha256, char ret[NAME_MAX_LEN])
{
    snprintf(ret, NAME_MAX_LEN, "%.2s/%s", sha256, sha256 + 2);
}

static int take_lock(struct blobs *blobs, struct err *err)
{
    blobs->lockfd = openat(blobs->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (blobs->lockfd < 0)
        return err_errno(err, "open %s/lock", blobs->dir);
    if (flock(blobs->lockfd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return err_errno(err, "lock %s", blobs->dir);
    err_set(err, ERR_CONFLICT, "%s is in use by another process", blobs->dir);
    err_hint(err, "stop the other one, or give this one a folder of its own");
    return -ERR_CONFLICT;
}

/* All folders a blob's name may start with, so that a commit never makes one.
 * With the lock held, whatever is in tmp/ was left by a crash. */
static int make_folders(struct blobs *blobs, struct err *err)
{
    auto_free char *tmp = xasprintf("%s/tmp", blobs->dir);
    int rc = fs_remove_tree(tmp, err);
    if (rc == 0)
        rc = fs_mkdirs(tmp, 0700, err);
    for (unsigned shelf = 0; rc == 0 && shelf < 256; shelf++) {
        char name[3];
        snprintf(name, sizeof(name), "%02x", shelf & 255);
        if (mkdirat(blobs->dirfd, name, 0700) < 0 && errno != EEXIST)
            rc = err_errno(err, "make %s/%s", blobs->dir, name);
    }
    if (rc == 0 && fsync(blobs->dirfd) < 0)
        rc = err_errno(err, "sync %s", blobs->dir);
    return rc;
}

int blobs_open(const char *dir, struct blobs **ret, struct err *err)
{
    int rc = fs_mkdirs_durable(dir, 0700, err);
    if (rc < 0)
        return rc;
    struct blobs *blobs = xcalloc(1, sizeof(*blobs));
    blobs->dir = xstrdup(dir);
    blobs->lockfd = -1;
    blobs->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = blobs->dirfd < 0 ? err_errno(err, "open %s", dir) : take_lock(blobs, err);
    if (rc == 0)
        rc = make_folders(blobs, err);
    if (rc < 0) {
        blobs_close(blobs);
        return rc;
    }
    *ret = blobs;
    return 0;
}

void blobs_close(struct blobs *blobs)
{
    if (!blobs)
        return;
    if (blobs->lockfd >= 0)
        close(blobs->lockfd);
    if (blobs->dirfd >= 0)
        close(blobs->dirfd);
    free(blobs->dir);
    free(blobs);
}

bool blobs_have(struct blobs *blobs, const char *sha256)
{
    char name[NAME_MAX_LEN];
    if (!sha256_hex_is_valid(sha256))
        return false;
    blob_name(sha256, name);
    return faccessat(blobs->dirfd, name, F_OK, 0) == 0;
}

int64_t blobs_size(struct blobs *blobs, const char *sha256)
{
    char name[NAME_MAX_LEN];
    struct stat st;
    if (!sha256_hex_is_valid(sha256))
        return -1;
    blob_name(sha256, name);
    return fstatat(blobs->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

int blobs_read(struct blobs *blobs, const char *sha256, int *ret_fd, int64_t *ret_size,
               struct err *err)
{
    char name[NAME_MAX_LEN];
    if (!sha256_hex_is_valid(sha256))
        return err_set(err, ERR_NOT_FOUND, "no blob '%.64s'", sha256);
    blob_name(sha256, name);
    auto_close int fd = openat(blobs->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, "blob %s", sha256);
    if (ret_size)
        *ret_size = st.st_size;
    *ret_fd = take_fd(fd);
    return 0;
}

int blobs_remove(struct blobs *blobs, const char *sha256, struct err *err)
{
    char name[NAME_MAX_LEN];
    if (!sha256_hex_is_valid(sha256))
        return err_set(err, ERR_NOT_FOUND, "no blob '%.64s'", sha256);
    blob_name(sha256, name);
    if (unlinkat(blobs->dirfd, name, 0) < 0)
        return err_errno(err, "remove blob %s", sha256);
    return 0;
}

bool blobs_are_broken(struct blobs *blobs)
{
    return atomic_load(&blobs->broken);
}

int64_t blobs_free_bytes(struct blobs *blobs)
{
    struct statvfs vfs;
    if (fstatvfs(blobs->dirfd, &vfs) < 0)
        return -1;
    return (int64_t)(vfs.f_bavail * vfs.f_frsize);
}

/* --- a blob on its way in --- */

/* A folder of ours that is gone is nothing the caller asked for in vain. */
static int own_errno(struct err *err, const char *what, const char *name)
{
    struct err own;
    struct err *told = err ? err : &own;
    int rc = err_errno(told, "%s %s", what, name);
    if (rc == -ERR_NOT_FOUND)
        rc = err_set(told, ERR_IO, "%s %s: it is gone", what, name);
    return rc;
}

int blob_begin(struct blobs *blobs, struct blob_writer **ret, struct err *err)
{
    struct blob_writer *writer = xcalloc(1, sizeof(*writer));
    writer->blobs = blobs;
    snprintf(writer->temp, sizeof(writer->temp), "tmp/%lu", atomic_fetch_add(&blobs->next_temp, 1));
    writer->fd = openat(blobs->dirfd, writer->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        int rc = own_errno(err, "create a file in tmp of", blobs->dir);
        free(writer);
        return rc;
    }
    writer->hasher = hasher_new();
    *ret = writer;
    return 0;
}

int blob_write(struct blob_writer *writer, const void *data, size_t len, struct err *err)
{
    assert(!writer->sealed);
    if (fs_write_all(writer->fd, data, len) < 0) {
        writer->failed = true;
        return err_errno(err, "write a blob in %s", writer->blobs->dir);
    }
    hasher_add(writer->hasher, data, len);
    return 0;
}

int blob_follow(struct blob_writer *writer, int *ret_fd, struct err *err)
{
    int fd = openat(writer->blobs->dirfd, writer->temp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return own_errno(err, "follow a blob in", writer->blobs->dir);
    *ret_fd = fd;
    return 0;
}

static void writer_free(struct blob_writer *writer)
{
    close(writer->fd);
    hasher_free(writer->hasher);
    free(writer);
}

void blob_abort(struct blob_writer *writer)
{
    if (!writer)
        return;
    unlinkat(writer->blobs->dirfd, writer->temp, 0);
    writer_free(writer);
}

void blob_seal(struct blob_writer *writer, struct digests *ret)
{
    if (!writer->sealed)
        hasher_end(writer->hasher, &writer->digests);
    writer->sealed = true;
    *ret = writer->digests;
}

/* --- committing: bytes first, then the name, then the folder that holds the name --- */

/* The kernel says once that it could not write; asked again it may say that all is well. */
static int not_synced(struct blobs *blobs, struct err *err, const char *what)
{
    int rc = err_errno(err, "sync %s in %s", what, blobs->dir);
    if (rc != -ERR_FULL)
        atomic_store(&blobs->broken, true);
    return rc;
}

static int check_whole(const struct blob_writer *writer, struct err *err)
{
    if (writer->failed)
        return err_set(err, ERR_IO, "a blob was cut short and is not kept");
    if (atomic_load(&writer->blobs->broken))
        return err_set(err, ERR_IO, "%s could not be synced before", writer->blobs->dir);
    return 0;
}

/* Makes the bytes ready to be synced.  Those that are there already were synced before they got
 * their name. */
static int prepare(struct blob_writer *writer, struct err *err)
{
    struct digests digests;
    blob_seal(writer, &digests);
    int rc = check_whole(writer, err);
    writer->is_there = rc == 0 && blobs_size(writer->blobs, digests.sha256) == digests.size_bytes;
    if (rc == 0 && !writer->is_there && fchmod(writer->fd, 0400) < 0)
        rc = err_errno(err, "change the mode of a blob in %s", writer->blobs->dir);
    return rc;
}

static int sync_bytes(struct blob_writer *const *writers, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!writers[i]->is_there && fsync(writers[i]->fd) < 0)
            return not_synced(writers[i]->blobs, err, "a blob");
    return 0;
}

/* Somebody was faster with the same bytes, or a damaged file has the name: that one goes. */
static int name_take(const struct blob_writer *writer, const char *name, struct err *err)
{
    int dirfd = writer->blobs->dirfd;
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_size == writer->digests.size_bytes)
        return 0;
    if (renameat(dirfd, writer->temp, dirfd, name) < 0)
        return own_errno(err, "name blob", writer->digests.sha256);
    return 0;
}

static int give_name(const struct blob_writer *writer, struct err *err)
{
    int dirfd = writer->blobs->dirfd;
    char name[NAME_MAX_LEN];
    blob_name(writer->digests.sha256, name);
    if (writer->is_there || linkat(dirfd, writer->temp, dirfd, name, 0) == 0)
        return 0;
    if (errno == EEXIST)
        return name_take(writer, name, err);
    return own_errno(err, "name blob", writer->digests.sha256);
}

/* Also for bytes that were there: the folder may still be on its way, in another thread. */
static int sync_shelf(struct blobs *blobs, unsigned shelf, struct err *err)
{
    char name[3];
    snprintf(name, sizeof(name), "%02x", shelf & 255);
    auto_close int fd = openat(blobs->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return own_errno(err, "open a folder of", blobs->dir);
    return fsync(fd) < 0 ? not_synced(blobs, err, "a folder") : 0;
}

static int sync_shelves(struct blob_writer *const *writers, size_t count, struct err *err)
{
    bool used[256] = { false };
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        char hex[3] = { writers[i]->digests.sha256[0], writers[i]->digests.sha256[1], '\0' };
        used[strtoul(hex, NULL, 16) & 255] = true;
    }
    for (unsigned shelf = 0; rc == 0 && shelf < countof(used); shelf++)
        if (used[shelf])
            rc = sync_shelf(writers[0]->blobs, shelf, err);
    return rc;
}

/* Two syncs of everything cost less than two for each of many small files, whatever else is being
 * written here (on ext4 a tenth, of 64 files). */
static int sync_everything(struct blobs *blobs, struct err *err)
{
    return syncfs(blobs->dirfd) < 0 ? not_synced(blobs, err, "all") : 0;
}

int blob_commit_all(struct blob_writer *const *writers, size_t count, struct err *err)
{
    bool many = count >= MANY;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = prepare(writers[i], err);
    if (rc == 0)
        rc = many ? sync_everything(writers[0]->blobs, err) : sync_bytes(writers, count, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = give_name(writers[i], err);
    if (rc == 0)
        rc = many ? sync_everything(writers[0]->blobs, err) : sync_shelves(writers, count, err);
    for (size_t i = 0; i < count; i++)
        blob_abort(writers[i]);
    return rc;
}

int blob_check(struct blob_writer *writer, const char *want_sha256, struct digests *ret,
               struct err *err)
{
    blob_seal(writer, ret);
    if (strcmp(want_sha256, ret->sha256) == 0)
        return 0;
    err_set(err, ERR_INVALID, "the bytes have SHA-256 %s, not %.64s", ret->sha256, want_sha256);
    err_reason(err, "DIGEST_MISMATCH");
    return -ERR_INVALID;
}

int blob_commit(struct blob_writer *writer, const char *want_sha256, struct digests *ret,
                struct err *err)
{
    struct digests digests;
    int rc = 0;
    if (want_sha256)
        rc = blob_check(writer, want_sha256, &digests, err);
    if (rc < 0) {
        blob_abort(writer);
        return rc;
    }
    blob_seal(writer, &digests);
    rc = blob_commit_all(&writer, 1, err);
    if (rc == 0 && ret)
        *ret = digests;
    return rc;
}
