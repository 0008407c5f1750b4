#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "server/disk/sources_own.h"
#include "sos/base/auto.h"

enum { MANIFEST_LEVEL = 3 };

static int want_compare(const void *a, const void *b)
{
    return strcmp(((const struct want *)a)->sha256, ((const struct want *)b)->sha256);
}

struct source_wants *source_wants_new(struct tree *tree, struct blobs *blobs)
{
    struct source_wants *wants = xcalloc(1, sizeof *wants);
    wants->blobs = blobs;
    wants->tree = *tree;
    tree_init(tree);
    const struct tree *own = &wants->tree;
    wants->wants = xcalloc(own->count + 1, sizeof *wants->wants);
    for (size_t i = 0; i < own->count; i++)
        wants->wants[i] =
            (struct want){ .sha256 = own->files[i].sha256, .size_bytes = own->files[i].size_bytes };
    qsort(wants->wants, own->count, sizeof *wants->wants, want_compare);
    for (size_t i = 0; i < own->count; i++)
        if (i == 0 || want_compare(&wants->wants[i], &wants->wants[wants->count - 1]) != 0)
            wants->wants[wants->count++] = wants->wants[i];
    return wants;
}

void source_wants_free(struct source_wants *wants)
{
    if (!wants)
        return;
    tree_done(&wants->tree);
    free(wants->wants);
    free(wants->packed);
    free(wants);
}

static const struct want *want_find(const struct source_wants *wants, const char *sha256)
{
    struct want key = { .sha256 = sha256 };
    return bsearch(&key, wants->wants, wants->count, sizeof key, want_compare);
}

int source_wants_blob(void *ctx, const char *sha256, int64_t size)
{
    const struct source_wants *wants = ctx;
    const struct want *want = want_find(wants, sha256);
    return want && want->size_bytes == size;
}

size_t source_wants_files(const struct source_wants *wants)
{
    return wants->tree.count;
}

int64_t source_wants_bytes(const struct source_wants *wants)
{
    return tree_size(&wants->tree);
}

/* --- looking --- */

static int size_mismatch(struct err *err, const struct tree_file *file, int64_t size_bytes)
{
    err_set(err, ERR_INVALID,
            "'%.120s' cannot have %" PRId64 " bytes: those with its sha256 are %" PRId64,
            file->path, file->size_bytes, size_bytes);
    err_reason(err, "SIZE_MISMATCH");
    return -ERR_INVALID;
}

/* Of a link whose bytes are here: where does it lead? */
static int link_look(const struct source_wants *wants, const struct tree_file *file,
                     struct err *err)
{
    char target[TREE_PATH_MAX + 1];
    auto_close int fd = -1;
    int rc = blobs_read(wants->blobs, file->sha256, &fd, NULL, err);
    if (rc < 0)
        return rc;
    ssize_t len = read(fd, target, TREE_PATH_MAX);
    if (len < 0)
        return err_errno(err, "read blob %s", file->sha256);
    target[len] = '\0';
    if (strlen(target) == (size_t)file->size_bytes)
        return tree_link_check(file->path, target, err);
    err_set(err, ERR_INVALID, "link '%.120s' has a NUL in its target", file->path);
    err_reason(err, "LINK_INVALID");
    return -ERR_INVALID;
}

/* The tree tells one size for one digest, and that of the bytes where they are here. */
static int file_look(const struct source_wants *wants, const struct tree_file *file,
                     struct err *err)
{
    int64_t size_bytes = want_find(wants, file->sha256)->size_bytes;
    if (size_bytes != file->size_bytes)
        return size_mismatch(err, file, size_bytes);
    size_bytes = blobs_size(wants->blobs, file->sha256);
    if (size_bytes >= 0 && size_bytes != file->size_bytes)
        return size_mismatch(err, file, size_bytes);
    return size_bytes >= 0 && file->mode == TREE_SYMLINK ? link_look(wants, file, err) : 0;
}

int source_wants_look(const struct source_wants *wants, struct sos_source *ret,
                      const char **ret_path, struct err *err)
{
    for (size_t i = 0; i < wants->tree.count; i++) {
        int rc = file_look(wants, &wants->tree.files[i], err);
        if (rc < 0 && ret_path)
            *ret_path = wants->tree.files[i].path;
        if (rc < 0)
            return rc;
    }
    if (!ret)
        return 0;
    *ret = (struct sos_source){ .missing = xcalloc(wants->count + 1, sizeof *ret->missing) };
    for (size_t i = 0; i < wants->count; i++)
        if (!blobs_have(wants->blobs, wants->wants[i].sha256))
            ret->missing[ret->missing_count++] = xstrdup(wants->wants[i].sha256);
    ret->complete = ret->missing_count == 0;
    return 0;
}

/* --- packing --- */

int source_wants_pack(struct source_wants *wants, struct err *err)
{
    auto_free char *text = tree_text(&wants->tree, &wants->text_len);
    size_t room = ZSTD_compressBound(wants->text_len);
    wants->packed = xmalloc(room);
    wants->packed_len = ZSTD_compress(wants->packed, room, text, wants->text_len, MANIFEST_LEVEL);
    if (ZSTD_isError(wants->packed_len))
        return err_set(err, ERR_IO, "pack a manifest: %s", ZSTD_getErrorName(wants->packed_len));
    memcpy(wants->id, "sha256:", 7);
    sha256_hex(text, wants->text_len, wants->id + 7);
    return 0;
}

const char *source_wants_id(const struct source_wants *wants)
{
    return wants->id;
}
