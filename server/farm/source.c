/* source.c - source trees: the manifest first, then the blobs that lack, then the archive. */
#include <string.h>

#include "server/farm/state.h"
#include "sos/base/pack.h"
#include "sos/base/tree.h"

/* One moment for every file, so that the same tree is the same archive: 1980, the first that every
 * archive format can tell.  A build's own epoch travels in its lease. */
enum { ARCHIVE_EPOCH_S = 315532800 };

/* --- the manifest --- */

struct source_create {
    struct task task;
    struct farm *farm;
    struct sos_manifest manifest;
    struct sos_source source;
    farm_source_fn done;
    void *ctx;
};

static int tree_mode_of(enum sos_source_file_mode mode, enum tree_mode *ret)
{
    switch (mode) {
    case SOS_SOURCE_FILE_MODE_REGULAR:
        *ret = TREE_REGULAR;
        return 0;
    case SOS_SOURCE_FILE_MODE_EXECUTABLE:
        *ret = TREE_EXECUTABLE;
        return 0;
    case SOS_SOURCE_FILE_MODE_SYMLINK:
        *ret = TREE_SYMLINK;
        return 0;
    case SOS_SOURCE_FILE_MODE_UNSPECIFIED:
        break;
    }
    return -ERR_INVALID;
}

static int tree_from_manifest(const struct sos_manifest *manifest, int64_t bytes_max,
                              struct tree *tree, struct err *err)
{
    for (size_t i = 0; i < manifest->files_count; i++) {
        const struct sos_source_file *file = &manifest->files[i];
        enum tree_mode mode;
        if (tree_mode_of(file->mode, &mode) < 0)
            return err_set(err, ERR_INVALID, "files/%zu/mode is missing", i);
        if (!file->path || !file->sha256)
            return err_set(err, ERR_INVALID, "files/%zu has no path or no sha256", i);
        int rc = tree_add(tree, file->path, mode, file->size_bytes, file->sha256, err);
        if (rc < 0)
            return rc;
    }
    if (tree->count == 0)
        return err_set(err, ERR_INVALID, "a source has at least one file");
    if (tree_size(tree) > bytes_max) {
        err_set(err, ERR_LIMIT, "the source has %lld bytes, %lld are allowed",
                (long long)tree_size(tree), (long long)bytes_max);
        return err_reason(err, "SOURCE_TOO_BIG");
    }
    return tree_seal(tree, err);
}

static void source_create_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);
    struct farm *farm = create->farm;
    struct tree tree;

    tree_init(&tree);
    task->rc =
        tree_from_manifest(&create->manifest, farm->config.source_bytes_max, &tree, &task->err);
    if (task->rc == 0)
        task->rc =
            sources_put(farm->db, farm->blobs, &tree, clock_wall_ms(), &create->source, &task->err);
    tree_done(&tree);
}

static void on_source_created(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    create->done(create->ctx, task->rc, &create->source, &task->err);
    sos_source_done(&create->source);
    sos_manifest_done(&create->manifest);
    free(create);
}

void farm_source_create(struct farm *farm, struct sos_manifest *manifest, farm_source_fn done,
                        void *ctx)
{
    struct source_create *create = xcalloc(1, sizeof *create);

    *create = (struct source_create){ .farm = farm, .done = done, .ctx = ctx };
    create->manifest = *manifest;
    *manifest = (struct sos_manifest){ 0 };
    strand_post(farm->writer, &create->task, source_create_work, on_source_created);
}

/* --- the archive --- */

struct archive {
    struct task task;
    struct farm *farm;
    char id[TREE_ID_MAX];
    struct tree tree;
    farm_file_fn done;
    void *ctx;
};

static void archive_free(void *ctx)
{
    struct archive *archive = ctx;

    tree_done(&archive->tree);
    free(archive);
}

static int write_all(void *ctx, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(*(int *)ctx, at, len);
        if (n < 0)
            return -ERR_IO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int archive_make(void *ctx, int fd, struct err *err)
{
    struct archive *archive = ctx;
    int rc = pack_tree(&archive->tree, archive->farm->blobs, ARCHIVE_EPOCH_S, write_all, &fd, err);

    if (rc == -ERR_NOT_FOUND) {
        err_set(err, ERR_CONFLICT, "blobs of this source are not here yet");
        rc = err_reason(err, "SOURCE_INCOMPLETE");
    }
    return rc;
}

static void tree_work(struct task *task)
{
    struct archive *archive = container_of(task, struct archive, task);

    task->rc = sources_tree(archive->farm->read_db, archive->id, &archive->tree, &task->err);
}

/* The key of the file: the hex of the id. */
static const char *archive_key(const char *id)
{
    return strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
}

static void on_tree(struct task *task)
{
    struct archive *archive = container_of(task, struct archive, task);

    if (task->rc < 0) {
        archive->done(archive->ctx, task->rc, -1, 0, &task->err);
        archive_free(archive);
        return;
    }
    cache_get(archive->farm, archive->farm->archiver, archive_key(archive->id), archive_make,
              archive_free, archive, archive->done, archive->ctx);
}

static bool source_id_is_valid(const char *id)
{
    return strncmp(id, "sha256:", 7) == 0 && sha256_hex_is_valid(id + 7);
}

int source_id_check(const char *id, struct err *err)
{
    if (source_id_is_valid(id))
        return 0;
    err_set(err, ERR_NOT_FOUND, "no source has this id");
    return err_reason(err, "SOURCE_NOT_FOUND");
}

void farm_source_archive(struct farm *farm, const char *source, farm_file_fn done, void *ctx)
{
    struct err err = { 0 };
    int rc = source_id_check(source, &err);

    if (rc < 0) {
        done(ctx, rc, -1, 0, &err);
        return;
    }
    if (cache_try(farm, archive_key(source), done, ctx))
        return;
    struct archive *archive = xcalloc(1, sizeof *archive);
    *archive = (struct archive){ .farm = farm, .done = done, .ctx = ctx };
    snprintf(archive->id, sizeof archive->id, "%s", source);
    tree_init(&archive->tree);
    strand_post(farm->reader, &archive->task, tree_work, on_tree);
}
