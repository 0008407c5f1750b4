#include "sos/base/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "sos/base/auto.h"

enum { COPY_SIZE = 262144 };

struct packer {
    struct archive *archive;
    struct blobs *blobs;
    int64_t epoch_s;
    pack_write_fn write;
    void *ctx;
    int stopped;    /* what `write` returned to stop */
    bool abandoned; /* an entry could not be made: nothing more goes out */
};

/* libarchive leaks its buffer when this fails (3.6), so it never does: once
 * stopped, bytes go nowhere. */
static la_ssize_t on_bytes(struct archive *archive, void *ctx, const void *data, size_t len)
{
    struct packer *packer = ctx;
    (void)archive;
    if (packer->stopped == 0 && !packer->abandoned)
        packer->stopped = packer->write(packer->ctx, data, len);
    return (la_ssize_t)len;
}

static int pack_failed(const struct packer *packer, struct err *err)
{
    if (packer->stopped < 0 && packer->stopped >= -ERR_FULL)
        return err_set(err, (enum err_code) - packer->stopped, "the archive was not taken");
    if (packer->stopped != 0)
        return err_set(err, ERR_IO, "the archive was not taken");
    return err_set(err, ERR_IO, "write the archive: %s", archive_error_string(packer->archive));
}

/* Only what matters to a build, so that the same tree gives the same bytes. */
static struct archive_entry *make_entry(const struct packer *packer, const struct tree_file *file)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        abort();
    archive_entry_copy_pathname(entry, file->path);
    archive_entry_set_mtime(entry, (time_t)packer->epoch_s, 0);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_filetype(entry, file->mode == TREE_SYMLINK ? AE_IFLNK : AE_IFREG);
    archive_entry_set_perm(entry, file->mode == TREE_REGULAR ? 0644 : 0755);
    archive_entry_set_size(entry, file->mode == TREE_SYMLINK ? 0 : file->size_bytes);
    return entry;
}

static int open_blob(const struct packer *packer, const struct tree_file *file, int *ret_fd,
                     struct err *err)
{
    auto_close int fd = -1;
    int64_t size_bytes = 0;
    int rc = blobs_read(packer->blobs, file->sha256, &fd, &size_bytes, err);
    if (rc < 0)
        return rc;
    if (size_bytes != file->size_bytes)
        return err_set(err, ERR_INVALID, "'%.120s' has %ld bytes, its manifest says %ld",
                       file->path, size_bytes, file->size_bytes);
    *ret_fd = take_fd(fd);
    return 0;
}

static int pack_bytes(const struct packer *packer, const struct tree_file *file, int fd,
                      struct err *err)
{
    auto_free char *part = xmalloc(COPY_SIZE);
    for (int64_t left = file->size_bytes; left > 0;) {
        ssize_t got = read(fd, part, COPY_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read blob %s", file->sha256);
        if (got == 0 || got > left)
            return err_set(err, ERR_IO, "blob %s changed its size", file->sha256);
        if (archive_write_data(packer->archive, part, (size_t)got) != got || packer->stopped != 0)
            return pack_failed(packer, err);
        left -= got;
    }
    return 0;
}

static int set_target(struct archive_entry *entry, const struct tree_file *file, int fd,
                      struct err *err)
{
    char target[TREE_PATH_MAX + 1];
    ssize_t len = read(fd, target, TREE_PATH_MAX);
    if (len < 0)
        return err_errno(err, "read blob %s", file->sha256);
    target[len] = '\0';
    if (strlen(target) != (size_t)file->size_bytes)
        return err_set(err, ERR_INVALID, "link '%.120s' has a NUL in its target", file->path);
    archive_entry_copy_symlink(entry, target);
    return tree_link_check(file->path, target, err);
}

static int pack_file(const struct packer *packer, const struct tree_file *file, struct err *err)
{
    auto_close int fd = -1;
    int rc = open_blob(packer, file, &fd, err);
    if (rc < 0)
        return rc;
    struct archive_entry *entry = make_entry(packer, file);
    if (file->mode == TREE_SYMLINK)
        rc = set_target(entry, file, fd, err);
    if (rc == 0 && archive_write_header(packer->archive, entry) != ARCHIVE_OK)
        rc = pack_failed(packer, err);
    if (rc == 0 && file->mode != TREE_SYMLINK)
        rc = pack_bytes(packer, file, fd, err);
    archive_entry_free(entry);
    return rc;
}

static int pack_files(struct packer *packer, const struct tree *tree, struct err *err)
{
    struct archive *archive = packer->archive;
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_zstd(archive);
    archive_write_set_filter_option(archive, "zstd", "compression-level", "3");
    archive_write_set_bytes_per_block(archive, COPY_SIZE);
    archive_write_set_bytes_in_last_block(archive, 1);
    if (archive_write_open(archive, packer, NULL, on_bytes, NULL) != ARCHIVE_OK)
        return pack_failed(packer, err);
    for (size_t i = 0; i < tree->count; i++) {
        int rc = pack_file(packer, &tree->files[i], err);
        if (rc < 0) {
            packer->abandoned = true; /* it must not look whole */
            return rc;
        }
    }
    if (archive_write_close(archive) != ARCHIVE_OK || packer->stopped != 0)
        return pack_failed(packer, err);
    return 0;
}

int pack_tree(const struct tree *tree, struct blobs *blobs, int64_t epoch_s, pack_write_fn write,
              void *ctx, struct err *err)
{
    struct packer packer = {
        .archive = archive_write_new(),
        .blobs = blobs,
        .epoch_s = epoch_s,
        .write = write,
        .ctx = ctx,
    };
    /* libarchive takes names in the thread's locale; ours are UTF-8 whatever that is. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!packer.archive || !utf8)
        abort();
    locale_t before = uselocale(utf8);
    int rc = pack_files(&packer, tree, err);
    archive_write_free(packer.archive);
    uselocale(before);
    freelocale(utf8);
    return rc;
}
