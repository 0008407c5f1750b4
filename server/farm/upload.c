/* upload.c - bodies on their way to the blobs: a stream of many for a source, one for an artifact.
 *
 *   open --announced--> write, write, … (one at a time) --> end --verified, durable--> told
 *                                    \--> abort
 *
 * Each upload belongs to one of a few strands, so that a slow disk holds back its sender and nobody
 * else: the next chunk is taken only when the one before is written. */
#include <string.h>

#include "server/farm/state.h"
#include "sos/base/blobstream.h"
#include "sos/base/tree.h"

struct farm_upload {
    struct task task;
    struct farm *farm;
    struct strand *strand;
    /* of a source */
    char source[TREE_ID_MAX];
    struct source_wants *wants;
    struct blobstream_reader *reader;
    struct sos_source answer;
    /* of an artifact */
    char build[ID_MAX];
    int32_t attempt;
    char sha256[SHA256_HEX];
    struct blob_writer *writer;
    int64_t size, size_max;
    struct digests digests;
    /* in flight */
    char *data; /* owned copy: the sender may go meanwhile */
    size_t len, cap;
    farm_upload_fn opened;
    farm_done_fn written;
    farm_source_fn source_done;
    farm_artifact_fn artifact_done;
    void *ctx;
};

static void upload_free(struct farm_upload *upload)
{
    blobstream_reader_free(upload->reader);
    source_wants_free(upload->wants);
    blob_abort(upload->writer);
    sos_source_done(&upload->answer);
    free(upload->data);
    free(upload);
}

struct strand *upload_strand(struct farm *farm)
{
    return farm->uploaders[farm->upload_next++ % FARM_UPLOAD_STRANDS];
}

static struct farm_upload *upload_new(struct farm *farm, farm_upload_fn done, void *ctx)
{
    struct farm_upload *upload = xcalloc(1, sizeof *upload);

    upload->farm = farm;
    upload->strand = upload_strand(farm);
    upload->opened = done;
    upload->ctx = ctx;
    return upload;
}

static void on_opened(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);
    struct err err = task->err;

    if (task->rc < 0) {
        upload->opened(upload->ctx, task->rc, NULL, &err);
        upload_free(upload);
        return;
    }
    upload->opened(upload->ctx, 0, upload, &err);
}

/* --- opening --- */

static void blobs_open_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);
    struct farm *farm = upload->farm;
    struct tree tree;

    task->rc = sources_tree(farm->read_db, upload->source, &tree, &task->err);
    if (task->rc < 0)
        return;
    upload->wants = source_wants_new(&tree, farm->blobs);
    upload->reader =
        blobstream_reader_new(farm->blobs, source_wants_blob, upload->wants,
                              source_wants_files(upload->wants), source_wants_bytes(upload->wants));
}

void farm_blobs_open(struct farm *farm, const char *source, farm_upload_fn done, void *ctx)
{
    struct err err = { 0 };
    int rc = source_id_check(source, &err);

    if (rc < 0) {
        done(ctx, rc, NULL, &err);
        return;
    }
    struct farm_upload *upload = upload_new(farm, done, ctx);
    snprintf(upload->source, sizeof upload->source, "%s", source);
    strand_post(farm->reader, &upload->task, blobs_open_work, on_opened);
}

static void artifact_open_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    task->rc = uploads_expect(upload->farm->db, upload->build, upload->sha256, &task->err);
}

static int64_t artifact_bytes_max(struct farm *farm, const struct sos_build *build)
{
    const struct sos_image *image = catalogue_find(farm->catalogue, build->image->name);

    return image && image->limits && image->limits->artifact_bytes > 0
               ? image->limits->artifact_bytes
               : (int64_t)512 << 20;
}

void farm_artifact_open(struct farm *farm, const char *attempt, int64_t fence, const char *sha256,
                        farm_upload_fn done, void *ctx)
{
    struct err err = { 0 };
    struct live *live = attempt_live(farm, attempt, fence, &err);

    if (live && !sha256_hex_is_valid(sha256))
        err_set(&err, ERR_INVALID, "the path holds no sha256");
    if (err.code) {
        done(ctx, -(int)err.code, NULL, &err);
        return;
    }
    struct farm_upload *upload = upload_new(farm, done, ctx);
    memcpy(upload->build, live->build->msg.id, strlen(live->build->msg.id) + 1);
    upload->attempt = live->build->msg.attempt;
    memcpy(upload->sha256, sha256, sizeof upload->sha256);
    upload->size_max = artifact_bytes_max(farm, &live->build->msg);
    worker_seen(farm, live->build->msg.worker);
    strand_post(farm->writer, &upload->task, artifact_open_work, on_opened);
}

/* --- writing --- */

static void artifact_write(struct farm_upload *upload, struct task *task)
{
    upload->size += (int64_t)upload->len;
    if (upload->size > upload->size_max) {
        err_set(&task->err, ERR_LIMIT, "an artifact has at most %lld bytes",
                (long long)upload->size_max);
        err_reason(&task->err, "ARTIFACT_TOO_BIG");
        task->rc = -ERR_LIMIT;
        return;
    }
    if (!upload->writer)
        task->rc = blob_begin(upload->farm->blobs, &upload->writer, &task->err);
    if (task->rc == 0)
        task->rc = blob_write(upload->writer, upload->data, upload->len, &task->err);
}

/* What a sync left undone is not known: no more is taken from anybody. */
static void disk_check(struct farm *farm, const struct err *err)
{
    if (blobs_are_broken(farm->blobs))
        farm_break(farm, err);
}

static void write_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    if (upload->reader)
        task->rc = blobstream_feed(upload->reader, upload->data, upload->len, &task->err);
    else
        artifact_write(upload, task);
}

static void on_written(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);
    struct err err = task->err;

    disk_check(upload->farm, &err);
    upload->written(upload->ctx, task->rc, &err);
}

void farm_upload_write(struct farm_upload *upload, const void *data, size_t len, farm_done_fn done,
                       void *ctx)
{
    if (upload->cap < len) {
        upload->data = xrealloc(upload->data, len);
        upload->cap = len;
    }
    memcpy(upload->data, data, len);
    upload->len = len;
    upload->written = done;
    upload->ctx = ctx;
    metric_add(upload->farm->count.upload_bytes, (double)len);
    strand_post(upload->strand, &upload->task, write_work, on_written);
}

/* --- ending --- */

static void blobs_tell_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    task->rc = sources_tell(upload->farm->db, upload->source, &upload->answer, &task->err);
}

static void on_blobs_told(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    upload->source_done(upload->ctx, task->rc, &upload->answer, &task->err);
    upload_free(upload);
}

static void blobs_end_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    task->rc = blobstream_finish(upload->reader, &task->err);
    if (task->rc == 0)
        task->rc = source_wants_look(upload->wants, &upload->answer, NULL, &task->err);
    source_wants_free(take_ptr(upload->wants)); /* large: not on the loop */
}

static void on_blobs_ended(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);
    struct err err = task->err;

    disk_check(upload->farm, &err);
    if (task->rc == 0) {
        strand_post(upload->farm->writer, &upload->task, blobs_tell_work, on_blobs_told);
        return;
    }
    upload->source_done(upload->ctx, task->rc, NULL, &err);
    upload_free(upload);
}

void farm_blobs_end(struct farm_upload *upload, farm_source_fn done, void *ctx)
{
    upload->source_done = done;
    upload->ctx = ctx;
    strand_post(upload->strand, &upload->task, blobs_end_work, on_blobs_ended);
}

static void artifact_end_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    if (!upload->writer) /* an artifact without a byte */
        task->rc = blob_begin(upload->farm->blobs, &upload->writer, &task->err);
    if (task->rc == 0)
        task->rc =
            blob_commit(take_ptr(upload->writer), upload->sha256, &upload->digests, &task->err);
}

static void on_artifact_ended(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);
    struct digests *digests = &upload->digests;
    struct live *live = live_find(upload->farm, upload->build);
    struct sos_artifact_file file = {
        .size_bytes = digests->size_bytes,
        .sha256 = digests->sha256,
        .sha1 = digests->sha1,
        .md5 = digests->md5,
    };

    disk_check(upload->farm, &task->err);
    if (task->rc == 0 && live && live->build->msg.attempt == upload->attempt)
        live_know_file(live, digests);
    upload->artifact_done(upload->ctx, task->rc, &file, &task->err);
    upload_free(upload);
}

void farm_artifact_end(struct farm_upload *upload, farm_artifact_fn done, void *ctx)
{
    upload->artifact_done = done;
    upload->ctx = ctx;
    strand_post(upload->strand, &upload->task, artifact_end_work, on_artifact_ended);
}

/* --- giving up: the temporary file is removed where it was written --- */

static void abort_work(struct task *task)
{
    struct farm_upload *upload = container_of(task, struct farm_upload, task);

    blobstream_reader_free(take_ptr(upload->reader));
    blob_abort(take_ptr(upload->writer));
}

static void on_aborted(struct task *task)
{
    upload_free(container_of(task, struct farm_upload, task));
}

void farm_upload_abort(struct farm_upload *upload)
{
    if (!upload->reader && !upload->writer) {
        upload_free(upload); /* nothing was written */
        return;
    }
    strand_post(upload->strand, &upload->task, abort_work, on_aborted);
}
