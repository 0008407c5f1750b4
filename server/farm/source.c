/* source.c - source trees: the manifest first, then the blobs that lack, then the archive.
 *
 *   manifest --parsed, looked at--> put --> listed, part by part --> looked at --> told
 *              (upload strand)     (writer)       (writer)        (upload strand)  (writer)
 *
 * A manifest of 200,000 files is 30 MB of JSON: neither the loop nor the writer strand may be held
 * by it. */
#include <errno.h>
#include <string.h>

#include "server/farm/state.h"
#include "sos/base/fs.h"
#include "sos/base/pack.h"
#include "sos/base/tree.h"

/* One moment for every file, so that the same tree is the same archive: 1980, the first that every
 * archive format can tell.  A build's own epoch travels in its lease. */
enum { ARCHIVE_EPOCH_S = 315532800 };

/* --- the manifest --- */

struct source_create {
    struct task task;
    struct farm *farm;
    struct strand *strand; /* of what is not the database's */
    char *json;
    size_t json_len;
    struct source_wants *wants;
    int64_t number;
    size_t listed;
    struct sos_source source;
    struct wire_fault fault; /* where the manifest is wrong; pointer "": nowhere */
    farm_manifest_fn done;
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

/* What `err` says is wrong with a file of the manifest (SIZE_MAX: with all of them). */
static void fault_at(struct wire_fault *fault, size_t file, const char *field,
                     const struct err *err)
{
    if (file == SIZE_MAX)
        snprintf(fault->pointer, sizeof fault->pointer, "/files");
    else
        snprintf(fault->pointer, sizeof fault->pointer, "/files/%zu%s", file, field);
    snprintf(fault->message, sizeof fault->message, "%.*s", (int)sizeof fault->message - 1,
             err->text);
}

static int file_add(struct tree *tree, const struct sos_source_file *file, struct err *err)
{
    enum tree_mode mode;

    if (tree_mode_of(file->mode, &mode) < 0)
        return err_set(err, ERR_INVALID, "its mode is missing");
    if (!file->path || !file->sha256)
        return err_set(err, ERR_INVALID, "its path or its sha256 is missing");
    return tree_add(tree, file->path, mode, file->size_bytes, file->sha256, err);
}

static int tree_from_manifest(const struct sos_manifest *manifest, int64_t bytes_max,
                              struct tree *tree, struct wire_fault *fault, struct err *err)
{
    for (size_t i = 0; i < manifest->files_count; i++) {
        int rc = file_add(tree, &manifest->files[i], err);
        if (rc < 0) {
            fault_at(fault, i, "", err);
            return rc;
        }
    }
    if (tree_size(tree) > bytes_max) {
        err_set(err, ERR_LIMIT, "the source has %lld bytes, %lld are allowed",
                (long long)tree_size(tree), (long long)bytes_max);
        err_reason(err, "SOURCE_TOO_BIG");
        return -ERR_LIMIT;
    }
    int rc = tree->count ? tree_seal(tree, err)
                         : err_set(err, ERR_INVALID, "a source has at least one file");
    if (rc < 0)
        fault_at(fault, SIZE_MAX, "", err);
    return rc;
}

static size_t file_find(const struct sos_manifest *manifest, const char *path)
{
    for (size_t i = 0; path && i < manifest->files_count; i++)
        if (strcmp(manifest->files[i].path, path) == 0)
            return i;
    return SIZE_MAX;
}

static int wants_from_manifest(struct source_create *create, const struct sos_manifest *manifest,
                               struct err *err)
{
    struct farm *farm = create->farm;
    const char *path = NULL;
    struct tree tree;

    tree_init(&tree);
    int rc =
        tree_from_manifest(manifest, farm->config.source_bytes_max, &tree, &create->fault, err);
    if (rc < 0) {
        tree_done(&tree);
        return rc;
    }
    create->wants = source_wants_new(&tree, farm->blobs);
    rc = source_wants_look(create->wants, NULL, &path, err);
    if (rc == -ERR_INVALID)
        fault_at(&create->fault, file_find(manifest, path), "/sizeBytes", err);
    return rc < 0 ? rc : source_wants_pack(create->wants, err);
}

/* --- blocking work --- */

static void parse_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);
    struct sos_manifest manifest;

    task->rc = wire_parse(&sos_manifest_type, create->json, create->json_len, WIRE_STRICT,
                          &manifest, &create->fault, &task->err);
    free(take_ptr(create->json));
    if (task->rc < 0)
        return;
    task->rc = wants_from_manifest(create, &manifest, &task->err);
    sos_manifest_done(&manifest);
}

static void put_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    task->rc =
        sources_put(create->farm->db, create->wants, clock_wall_ms(), &create->number, &task->err);
}

static void list_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    task->rc =
        sources_list(create->farm->db, create->number, create->wants, &create->listed, &task->err);
}

static void look_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    task->rc = source_wants_look(create->wants, &create->source, NULL, &task->err);
    create->source.id = xstrdup(source_wants_id(create->wants));
    source_wants_free(take_ptr(create->wants)); /* large: not on the loop */
}

static void tell_work(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);
    auto_free char *id = xstrdup(create->source.id);

    task->rc = sources_tell(create->farm->db, id, &create->source, &task->err);
}

/* --- events --- */

static void source_create_end(struct source_create *create, int rc, const struct err *err)
{
    bool fault = rc == -ERR_INVALID && create->fault.pointer[0];

    create->done(create->ctx, rc, &create->source, fault ? &create->fault : NULL, err);
    sos_source_done(&create->source);
    source_wants_free(create->wants);
    free(create->json);
    free(create);
}

static void on_told(struct task *task)
{
    struct err err = task->err;

    source_create_end(container_of(task, struct source_create, task), task->rc, &err);
}

static void on_looked(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    if (task->rc < 0)
        on_told(task);
    else
        strand_post(create->farm->writer, task, tell_work, on_told);
}

/* When the farm stops, the uploaders are gone before the writer. */
static void source_create_look(struct source_create *create)
{
    struct err err = { 0 };

    if (create->farm->stopping)
        source_create_end(create, err_set(&err, ERR_IO, "the farm is stopping"), &err);
    else
        strand_post(create->strand, &create->task, look_work, on_looked);
}

/* Part by part: between two of them others have their turn. */
static void on_listed(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    if (task->rc < 0)
        on_told(task);
    else if (task->rc > 0)
        strand_post(create->farm->writer, task, list_work, on_listed);
    else
        source_create_look(create);
}

static void on_put(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    if (task->rc < 0)
        on_told(task);
    else if (task->rc > 0)
        source_create_look(create);
    else
        strand_post(create->farm->writer, task, list_work, on_listed);
}

static void on_parsed(struct task *task)
{
    struct source_create *create = container_of(task, struct source_create, task);

    if (task->rc < 0)
        on_told(task);
    else
        strand_post(create->farm->writer, task, put_work, on_put);
}

void farm_source_create(struct farm *farm, const char *json, size_t len, farm_manifest_fn done,
                        void *ctx)
{
    struct source_create *create = xcalloc(1, sizeof *create);

    *create = (struct source_create){ .farm = farm, .json_len = len, .done = done, .ctx = ctx };
    create->strand = upload_strand(farm);
    create->json = xmalloc(len + 1);
    memcpy(create->json, json, len);
    strand_post(create->strand, &create->task, parse_work, on_parsed);
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

static int on_packed(void *ctx, const void *data, size_t len)
{
    if (fs_write_all(*(int *)ctx, data, len) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? -ERR_FULL : -ERR_IO;
}

static int archive_make(void *ctx, int fd, struct err *err)
{
    struct archive *archive = ctx;
    int rc = pack_tree(&archive->tree, archive->farm->blobs, ARCHIVE_EPOCH_S, on_packed, &fd, err);

    if (rc == -ERR_NOT_FOUND) {
        err_set(err, ERR_CONFLICT, "blobs of this source are not here yet");
        err_reason(err, "SOURCE_INCOMPLETE");
        rc = -ERR_CONFLICT;
    }
    return rc;
}

static void tree_work(struct task *task)
{
    struct archive *archive = container_of(task, struct archive, task);

    task->rc = sources_tree(archive->farm->read_db, archive->id, &archive->tree, &task->err);
}

/* An artifact whose bytes are a manifest has the digest of that source: each kind has its names.
 * Gives; free(). */
static char *archive_key(const char *id)
{
    return xasprintf("source-%s", id + strlen("sha256:"));
}

static void on_tree(struct task *task)
{
    struct archive *archive = container_of(task, struct archive, task);

    if (task->rc < 0) {
        archive->done(archive->ctx, task->rc, -1, 0, &task->err);
        archive_free(archive);
        return;
    }
    auto_free char *key = archive_key(archive->id);
    cache_get(archive->farm, archive->farm->archiver, key, archive_make, archive_free, archive,
              archive->done, archive->ctx);
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
    err_reason(err, "SOURCE_NOT_FOUND");
    return -ERR_NOT_FOUND;
}

void farm_source_archive(struct farm *farm, const char *source, farm_file_fn done, void *ctx)
{
    struct err err = { 0 };
    int rc = source_id_check(source, &err);

    if (rc < 0) {
        done(ctx, rc, -1, 0, &err);
        return;
    }
    auto_free char *key = archive_key(source);
    if (cache_try(farm, key, done, ctx))
        return;
    struct archive *archive = xcalloc(1, sizeof *archive);
    *archive = (struct archive){ .farm = farm, .done = done, .ctx = ctx };
    snprintf(archive->id, sizeof archive->id, "%s", source);
    tree_init(&archive->tree);
    strand_post(farm->reader, &archive->task, tree_work, on_tree);
}
