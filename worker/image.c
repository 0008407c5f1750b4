#include "worker/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "sos/base/spawn.h"

enum {
    ENTRY_BYTES_MAX = 1024 * 1024,
    UNPACK_TIMEOUT_MS = 15 * 60 * 1000,
    WALK_FDS = 32,
};

/* Where sandboxes mount something. What an image lacks is made. */
static const char *const mount_folders[] = {
    "dev", "proc", "sys", "run", "tmp", "src", "out", "cache", "artifact", "etc",
};
static const char *const mount_files[] = { "etc/hosts", "etc/resolv.conf" };

/* --- what there is --- */

static const char *digest_hex(const char *digest)
{
    if (!digest || strncmp(digest, "sha256:", 7) != 0 || !sha256_hex_is_valid(digest + 7))
        return NULL;
    return digest + 7;
}

static char *blob_path(const char *images, const char *digest)
{
    const char *hex = digest_hex(digest);
    return hex ? xasprintf("%s/oci/blobs/sha256/%s", images, hex) : NULL;
}

static bool variant_is_here(const char *images, const struct sos_image_variant *variant)
{
    auto_free char *path = variant ? blob_path(images, variant->digest) : NULL;
    return path && access(path, R_OK) == 0;
}

static int image_read(const char *path, struct sos_image *ret, struct err *err)
{
    struct buf text;
    buf_init(&text, ENTRY_BYTES_MAX);
    int rc = fs_read(path, &text, err);
    if (rc == 0)
        rc = sos_image_read(text.data ? text.data : "", text.len, ret, err);
    buf_done(&text);
    return rc;
}

static void worker_image_fill(struct sos_worker_image *ret, const struct sos_image *image)
{
    *ret = (struct sos_worker_image){
        .name = xstrdup(image->name),
        .build_digest = xstrdup(image->build->digest),
        .run_digest = xstrdup(image->run->digest),
    };
}

static bool is_entry(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len >= 6 && strcmp(name + len - 5, ".json") == 0;
}

int images_list(const char *images, struct sos_worker_image **ret, size_t *ret_count,
                struct err *err)
{
    DIR *dir = opendir(images);
    if (!dir)
        return err_errno(err, "open the images' folder %s", images);
    struct sos_worker_image *list = NULL;
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (!is_entry(entry->d_name))
            continue;
        auto_free char *path = xasprintf("%s/%s", images, entry->d_name);
        struct sos_image image = { 0 };
        struct err why = { 0 };
        if (image_read(path, &image, &why) < 0) {
            log_warn("image", "unreadable entry left out", "file=%s error=\"%s\"", path, why.text);
            continue;
        }
        if (image.name && variant_is_here(images, image.build) &&
            variant_is_here(images, image.run)) {
            list = xrealloc(list, (count + 1) * sizeof *list);
            worker_image_fill(&list[count++], &image);
        }
        sos_image_done(&image);
    }
    closedir(dir);
    *ret = list;
    *ret_count = count;
    return 0;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 1099511628211u; /* FNV-1a, by words */
}

/* A sum over the entries: their order in the folder is nobody's promise. */
uint64_t images_stamp(const char *images)
{
    uint64_t sum = 0;
    DIR *dir = opendir(images);
    if (!dir)
        return sum;
    struct dirent *entry;
    struct stat st;
    while ((entry = readdir(dir))) {
        if (!is_entry(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
            continue;
        uint64_t hash = mix(14695981039346656037u, (uint64_t)st.st_ino);
        hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
        hash = mix(hash, (uint64_t)st.st_mtim.tv_nsec);
        sum += mix(hash, (uint64_t)st.st_size);
    }
    closedir(dir);
    return sum;
}

/* --- hardening --- */

static struct err *walk_err; /* nftw() has no context argument; a slot is one thread */

static int walk_harden(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind == FTW_NS || kind == FTW_DNR)
        return err_set(walk_err, ERR_IO, "cannot read %s", path);
    if (S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode))
        return 0;
    /* Devices; and pipes and sockets, which work on a read-only disk and would join all builds. */
    if (!S_ISREG(st->st_mode))
        return err_set(walk_err, ERR_INVALID, "the image holds a special file: %s", path);
    if ((st->st_mode & (S_ISUID | S_ISGID)) && chmod(path, st->st_mode & 0777) < 0)
        return err_errno(walk_err, "chmod %s", path);
    if (lremovexattr(path, "security.capability") < 0 && errno != ENODATA && errno != ENOTSUP)
        return err_errno(walk_err, "drop the capabilities of %s", path);
    return 0;
}

static int harden_folder(int rootfd, const char *name, struct err *err)
{
    if (mkdirat(rootfd, name, 0755) == 0)
        return 0;
    auto_close int fd = fs_open_beneath(rootfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return err_set(err, ERR_INVALID, "/%s of the image is not a real folder", name);
    return 0;
}

static int harden_file(int rootfd, const char *name, struct err *err)
{
    auto_close int fd =
        fs_open_beneath(rootfd, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "/%s of the image is not a real file", name);
    return 0;
}

int image_harden(const char *root, struct err *err)
{
    auto_close int rootfd = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (rootfd < 0)
        return err_errno(err, "open %s", root);
    for (size_t i = 0; i < countof(mount_folders); i++)
        if (harden_folder(rootfd, mount_folders[i], err) < 0)
            return -ERR_INVALID;
    for (size_t i = 0; i < countof(mount_files); i++)
        if (harden_file(rootfd, mount_files[i], err) < 0)
            return -ERR_INVALID;

    struct err why = { 0 };
    walk_err = &why;
    int rc = nftw(root, walk_harden, WALK_FDS, FTW_PHYS | FTW_MOUNT);
    if (rc != 0 && why.code) /* -1 is nftw's own failure and a refusal of ours */
        return err_set(err, why.code, "%s", why.text);
    return rc != 0 ? err_errno(err, "walk %s", root) : 0;
}

/* --- unpacking --- */

/* A layout of its own beside, whose index names the wanted manifest and nothing else: umoci finds
 * images by tag only, and the tag may have moved on. */
static int layout_make(const char *images, const char *digest, const char *tmp, struct err *err)
{
    auto_free char *manifest = blob_path(images, digest);
    struct stat st;
    if (!manifest || stat(manifest, &st) < 0)
        return err_set(err, ERR_NOT_FOUND, "%s/oci holds no image %s", images,
                       digest ? digest : "without a digest");

    auto_free char *index = xasprintf(
        "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
        "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":%" PRId64
        ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"image\"}}]}",
        digest, (int64_t)st.st_size);
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    auto_free char *dir = xasprintf("%s/oci", tmp);
    auto_free char *index_path = xasprintf("%s/index.json", dir);
    auto_free char *layout_path = xasprintf("%s/oci-layout", dir);
    auto_free char *blobs = xasprintf("%s/oci/blobs", images);
    auto_free char *link = xasprintf("%s/blobs", dir);
    if (mkdir(dir, 0700) < 0 || symlink(blobs, link) < 0)
        return err_errno(err, "make the layout %s", dir);
    int rc = fs_write_atomic(index_path, index, strlen(index), 0600, err);
    return rc < 0 ? rc : fs_write_atomic(layout_path, layout, strlen(layout), 0600, err);
}

static int umoci_unpack(const char *tmp, struct err *err)
{
    auto_free char *image = xasprintf("%s/oci:image", tmp);
    auto_free char *bundle = xasprintf("%s/bundle", tmp);
    const char *argv[] = { "umoci", "unpack", "--image", image, bundle, NULL };
    struct spawn spawn = { .argv = argv, .timeout_ms = UNPACK_TIMEOUT_MS };
    struct buf said;
    buf_init(&said, 16384);
    int rc = spawn_run(&spawn, &said, &said, err);
    buf_done(&said);
    return rc;
}

/* Everything into `tmp`, then one rename. */
static int image_make(const char *images, const char *digest, const char *tmp, const char *final,
                      struct err *err)
{
    if (mkdir(tmp, 0700) < 0)
        return err_errno(err, "create %s", tmp);
    int rc = layout_make(images, digest, tmp, err);
    if (rc == 0)
        rc = umoci_unpack(tmp, err);
    if (rc < 0)
        return rc;

    auto_free char *bundle = xasprintf("%s/bundle", tmp);
    auto_free char *root = xasprintf("%s/rootfs", bundle);
    rc = image_harden(root, err);
    if (rc < 0)
        return rc;
    if (chmod(bundle, 0711) < 0 || chmod(root, 0755) < 0)
        return err_errno(err, "chmod %s", root);
    auto_close int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0)
        return err_errno(err, "sync %s", root);
    if (rename(bundle, final) < 0)
        return err_errno(err, "rename %s", bundle);
    return 0;
}

char *image_root(const char *rootfs, const char *digest)
{
    return xasprintf("%s/%s/rootfs", rootfs, digest_hex(digest));
}

int image_prepare(const char *images, const char *rootfs, const char *digest, struct err *err)
{
    const char *hex = digest_hex(digest);
    if (!hex)
        return err_set(err, ERR_INVALID, "\"%s\" is no digest of an image", digest ? digest : "");
    auto_free char *final = xasprintf("%s/%s", rootfs, hex);
    auto_free char *lock = xasprintf("%s.lock", final);
    auto_close int lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0)
        return err_errno(err, "lock %s", lock);

    if (access(final, F_OK) < 0) {
        auto_free char *tmp = xasprintf("%s/tmp-%s", rootfs, hex);
        int rc = fs_remove_tree(tmp, err);
        if (rc == 0)
            rc = image_make(images, digest, tmp, final, err);
        (void)fs_remove_tree(tmp, NULL);
        if (rc < 0) {
            err_wrap(err, "unpack image %.19s", digest);
            return rc;
        }
    }
    return 0;
}
