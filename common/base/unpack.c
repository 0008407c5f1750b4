/* Every entry is opened beneath the folder, element by element, by openat2(2):
 * a link on the way is refused by the kernel, so what an archive made earlier can
 * never lead a later entry astray.  The zstd frame is undone here and not in
 * libarchive, whose window and ratio cannot be capped. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/zstd_in.h"
#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "sos/base/pack.h"

enum { PART = 262144, HEADERS_PER_FILE = 4096, SLACK = 1 << 20 };

struct unpacker {
    struct archive *archive;
    int archive_fd;
    struct zstd_in zstd;
    char packed[PART];
    ZSTD_inBuffer in;
    char block[PART]; /* what libarchive reads from */
    size_t block_len;
    int reading; /* negative code of the read callback, told by `err` */
    struct err *err;

    int dirfd;
    int uid;
    int gid;
    int64_t bytes_left;
    int64_t files_left;
    int parent_fd; /* the folder of the entry before, -1: none */
    char parent[TREE_PATH_MAX + 1];
};

static int unsafe(struct unpacker *u, const char *path, const char *why)
{
    err_set(u->err, ERR_INVALID, "archive entry '%.120s' %s", path ? path : "", why);
    err_reason(u->err, "ARCHIVE_UNSAFE");
    return -ERR_INVALID;
}

static int too_big(struct unpacker *u, const char *what)
{
    err_set(u->err, ERR_LIMIT, "the archive has more %s than allowed", what);
    err_reason(u->err, "ARCHIVE_TOO_BIG");
    return -ERR_LIMIT;
}

/* --- the bytes --- */

static int refill(struct unpacker *u)
{
    ssize_t got;
    do
        got = read(u->archive_fd, u->packed, sizeof(u->packed));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_errno(u->err, "read the archive");
    u->in = (ZSTD_inBuffer){ u->packed, (size_t)got, 0 };
    if (got > 0 || u->zstd.ended)
        return 0;
    err_set(u->err, ERR_INVALID, "the archive is cut short");
    err_reason(u->err, "ARCHIVE_DAMAGED");
    return -ERR_INVALID;
}

/* The next bytes of the tar into `block`; none at its end, which is also that of the file. */
static int next_block(struct unpacker *u)
{
    ZSTD_outBuffer out = { u->block, sizeof(u->block), 0 };
    u->block_len = 0;
    while (out.pos == 0) {
        int rc = u->in.pos == u->in.size ? refill(u) : 0;
        if (rc == 0 && u->zstd.ended && u->in.size == 0)
            return 0;
        if (rc == 0)
            rc = zstd_in_step(&u->zstd, &u->in, &out, u->err);
        if (rc < 0)
            return rc;
    }
    u->block_len = out.pos;
    return 0;
}

static la_ssize_t on_read(struct archive *archive, void *ctx, const void **ret_block)
{
    struct unpacker *u = ctx;
    u->reading = next_block(u);
    if (u->reading < 0) {
        archive_set_error(archive, EIO, "unreadable");
        return -1;
    }
    *ret_block = u->block;
    return (la_ssize_t)u->block_len;
}

/* libarchive failed: because our reading did, or because this is no tar. */
static int damaged(struct unpacker *u)
{
    if (u->reading < 0)
        return u->reading;
    const char *why = archive_error_string(u->archive);
    err_set(u->err, ERR_INVALID, "the archive is damaged: %.120s", why ? why : "not a tar");
    err_reason(u->err, "ARCHIVE_DAMAGED");
    return -ERR_INVALID;
}

static bool is_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Behind the tar's end only zeros, then the end of the frame, then that of the file. */
static int check_end(struct unpacker *u)
{
    int64_t unread = u->zstd.out - archive_filter_bytes(u->archive, 0);
    size_t len = unread > 0 && unread <= (int64_t)u->block_len ? (size_t)unread : 0;
    const char *at = u->block + u->block_len - len;
    while (is_zero(at, len)) {
        int rc = next_block(u);
        if (rc < 0 || u->block_len == 0)
            return rc;
        at = u->block;
        len = u->block_len;
    }
    err_set(u->err, ERR_INVALID, "something follows the archive's end");
    err_reason(u->err, "ARCHIVE_DAMAGED");
    return -ERR_INVALID;
}

/* --- folders --- */

/* A failed open or make of what an entry names: a link or a file in the way is
 * the archive's doing, the rest the disk's. */
static int not_made(struct unpacker *u, const char *path)
{
    switch (errno) {
    case ELOOP:
    case ENOTDIR:
        return unsafe(u, path, "goes through a link or a file");
    case EXDEV:
        return unsafe(u, path, "leaves the folder");
    case EEXIST:
    case EISDIR:
        return unsafe(u, path, "is there twice");
    case ENAMETOOLONG:
        return unsafe(u, path, "is too long for this disk");
    case ENOSYS:
        return err_set(u->err, ERR_IO, "unpacking needs openat2(2): Linux 5.6 or newer");
    default:
        return err_errno(u->err, "unpack '%.120s'", path);
    }
}

static int own(const struct unpacker *u, int fd, mode_t mode)
{
    if ((u->uid >= 0 || u->gid >= 0) && fchown(fd, (uid_t)u->uid, (gid_t)u->gid) < 0)
        return -1;
    return fchmod(fd, mode);
}

/* The folder `name` in the folder `at`, made when it is not there; -1 and errno. */
static int enter_folder(const struct unpacker *u, int at, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = fs_open_beneath(at, name, flags, 0);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(at, name, 0700) < 0 || (fd = fs_open_beneath(at, name, flags, 0)) < 0)
        return -1;
    if (own(u, fd, 0755) < 0) {
        close(take_fd(fd));
        return -1;
    }
    return fd;
}

/* Makes the folder `path` the current parent; "" is the top. */
static int enter_path(struct unpacker *u, const char *path)
{
    if (u->parent_fd >= 0 && strcmp(u->parent, path) == 0)
        return 0;
    auto_close int fd = fs_open_beneath(u->dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return not_made(u, path);
    char rest[TREE_PATH_MAX + 1];
    memcpy(rest, path, strlen(path) + 1);
    char *save = NULL;
    for (char *name = strtok_r(rest, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
        int next = enter_folder(u, fd, name);
        if (next < 0)
            return not_made(u, path);
        close(fd);
        fd = next;
    }
    if (u->parent_fd >= 0)
        close(u->parent_fd);
    u->parent_fd = take_fd(fd);
    memcpy(u->parent, path, strlen(path) + 1);
    return 0;
}

/* Enters the folder that `path` is in; its last element in *ret_name. */
static int enter_parent(struct unpacker *u, const char *path, const char **ret_name)
{
    char parent[TREE_PATH_MAX + 1] = "";
    const char *slash = strrchr(path, '/');
    if (slash) {
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = '\0';
    }
    *ret_name = slash ? slash + 1 : path;
    return enter_path(u, parent);
}

/* --- entries --- */

static int copy_data(struct unpacker *u, int fd, const char *path, int64_t size)
{
    auto_free char *part = xmalloc(PART);
    int64_t done = 0;
    for (;;) {
        la_ssize_t got = archive_read_data(u->archive, part, PART);
        if (got < 0)
            return damaged(u);
        done += got;
        if (done > size || (got == 0 && done < size))
            return unsafe(u, path, "has other bytes than its size says");
        if (got == 0)
            return 0;
        if (fs_write_all(fd, part, (size_t)got) < 0)
            return err_errno(u->err, "write '%.120s'", path);
    }
}

static int unpack_file(struct unpacker *u, struct archive_entry *entry, const char *path)
{
    int64_t size = archive_entry_size(entry);
    if (!archive_entry_size_is_set(entry) || size < 0)
        return unsafe(u, path, "has no size");
    if (size > u->bytes_left)
        return too_big(u, "bytes");
    u->bytes_left -= size;

    const char *name = NULL;
    int rc = enter_parent(u, path, &name);
    if (rc < 0)
        return rc;
    auto_close int fd =
        fs_open_beneath(u->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return not_made(u, path);
    rc = copy_data(u, fd, path, size);
    if (rc < 0)
        return rc;
    const struct timespec times[] = { { 0, UTIME_OMIT }, { archive_entry_mtime(entry), 0 } };
    mode_t mode = (archive_entry_perm(entry) & 0100) ? 0755 : 0644;
    if (own(u, fd, mode) < 0 || futimens(fd, times) < 0)
        return err_errno(u->err, "set the mode of '%.120s'", path);
    return 0;
}

static int unpack_link(struct unpacker *u, struct archive_entry *entry, const char *path)
{
    const char *target = archive_entry_symlink(entry);
    struct err why;
    if (!target || tree_link_check(path, target, &why) < 0)
        return unsafe(u, path, target ? "is a link that leaves the tree" : "is a link to nowhere");
    const char *name = NULL;
    int rc = enter_parent(u, path, &name);
    if (rc < 0)
        return rc;
    if (symlinkat(target, u->parent_fd, name) < 0)
        return not_made(u, path);
    if ((u->uid >= 0 || u->gid >= 0) &&
        fchownat(u->parent_fd, name, (uid_t)u->uid, (gid_t)u->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(u->err, "set the owner of '%.120s'", path);
    return 0;
}

static int unpack_entry(struct unpacker *u, struct archive_entry *entry)
{
    const char *given = archive_entry_pathname(entry);
    mode_t type = archive_entry_filetype(entry);
    if (u->files_left-- == 0)
        return too_big(u, "entries");
    if (!given)
        return unsafe(u, given, "has no name that is UTF-8");

    size_t len = strlen(given);
    if (type == AE_IFDIR && len > 0 && given[len - 1] == '/')
        len--;
    auto_free char *path = xstrndup(given, len);
    struct err why;
    if (tree_path_check(path, &why) < 0)
        return unsafe(u, path, why.text);
    if (archive_entry_hardlink(entry))
        return unsafe(u, path, "is a hard link");
    if (archive_entry_sparse_count(entry) > 0)
        return unsafe(u, path, "is a sparse file");
    switch (type) {
    case AE_IFREG:
        return unpack_file(u, entry, path);
    case AE_IFLNK:
        return unpack_link(u, entry, path);
    case AE_IFDIR:
        return enter_path(u, path);
    default:
        return unsafe(u, path, "is neither a file, a folder nor a link");
    }
}

static int unpack_all(struct unpacker *u)
{
    archive_read_support_format_tar(u->archive);
    if (archive_read_open(u->archive, u, NULL, on_read, NULL) != ARCHIVE_OK)
        return damaged(u);
    for (;;) {
        struct archive_entry *entry = NULL;
        int rc = archive_read_next_header(u->archive, &entry);
        if (rc == ARCHIVE_EOF)
            return check_end(u);
        if (rc != ARCHIVE_OK)
            return damaged(u);
        rc = unpack_entry(u, entry);
        if (rc < 0)
            return rc;
    }
}

/* No limit of the caller's may be passed by what is not file bytes: headers and padding. */
static int64_t out_max(const struct unpack_limits *limits)
{
    int64_t headers = 0, all = 0;
    if (__builtin_mul_overflow(limits->files_max, HEADERS_PER_FILE, &headers) ||
        __builtin_add_overflow(limits->bytes_max, headers + SLACK, &all))
        return INT64_MAX;
    return all;
}

int unpack_tree(int archive_fd, int dirfd, const struct unpack_limits *limits, int uid, int gid,
                struct err *err)
{
    struct err local;
    struct unpacker *u = xcalloc(1, sizeof(*u));
    u->archive = archive_read_new();
    u->archive_fd = archive_fd;
    u->err = err ? err : &local;
    u->dirfd = dirfd;
    u->uid = uid;
    u->gid = gid;
    u->bytes_left = limits->bytes_max;
    u->files_left = limits->files_max;
    u->parent_fd = -1;
    zstd_in_init(&u->zstd, out_max(limits), limits->ratio_max);
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!u->archive || !utf8)
        abort();

    locale_t before = uselocale(utf8); /* libarchive gives names in the thread's locale */
    int rc = unpack_all(u);
    archive_read_free(u->archive);
    uselocale(before);
    freelocale(utf8);
    zstd_in_done(&u->zstd);
    if (u->parent_fd >= 0)
        close(u->parent_fd);
    free(u);
    return rc;
}
