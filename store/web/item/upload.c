#include "store/web/item/upload.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/item/deployed.h"

enum {
    ROOM_CHECK_BYTES = 16 << 20,
    WRITE_BYTES = 128 << 10,    /* a part is written from this size on … */
    PART_BYTES_MAX = 512 << 10, /* … and never grows beyond: the largest chunk fits twice */
};

enum upload_state {
    UPLOAD_LOOKING,
    UPLOAD_RECEIVING,
    UPLOAD_SEALING,
    UPLOAD_RECORDING,
    UPLOAD_DONE
};

struct upload {
    struct call *call;                /* owns us */
    const struct upload_shape *shape; /* NULL: the body is the file */
    enum upload_state state;
    struct strand *disk;
    struct blob_writer *writer; /* owned until it is committed or aborted */
    struct buf coming;          /* received, not yet given to the strand */
    struct buf part;            /* being written */
    bool writing;               /* a task has `part` */
    bool paused;                /* no more is received until it is written */
    bool ended;                 /* the body is whole */
    struct err refusal;         /* why no more of it is wanted */
    bool announced;             /* the size is known from the start */
    int64_t coming_bytes;       /* our part of store->incoming_bytes */
    int64_t others_bytes;       /* that of the others, when the look began */
    int64_t received_bytes;
    int64_t written_bytes;
    struct digests digests;
    bool pinned; /* digests.sha256 is, until the row is committed */
    bool known;  /* LOOKING found the claimed bytes */
    bool waits_for_continue;
    bool recorded;
};

static void upload_enter(struct upload *upload, enum upload_state state);

/* --- blocking work --- */

static bool is_locked(struct upload *upload)
{
    const struct repository *repository =
        store_repository(upload->call->store, upload->call->at.repo);

    return !item_is_maven_metadata(&upload->call->at) &&
           (repository->immutable || !call_may(upload->call, ACCESS_DELETE, &upload->call->at));
}

/* Would what is there forbid it?  Only what the claims tell already; the writer decides. */
static int look_at_path(struct upload *upload, struct err *err)
{
    struct call *call = upload->call;
    struct item item;
    int rc =
        upload->shape ? -ERR_NOT_FOUND : index_find(call->store->reader_db, &call->at, &item, err);

    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (item.at.folder)
        return err_set(err, ERR_CONFLICT, "a folder is at %s:%.150s", call->at.repo, call->at.path);
    if (!claim_is_empty(&call->claim) && claim_check(&call->claim, &item.digests, NULL) < 0 &&
        is_locked(upload))
        return err_set(err, ERR_DENIED, "other bytes are there");
    return 0;
}

static bool upload_passes(const struct upload *upload)
{
    return upload->shape && upload->shape->passes;
}

static void look_work(struct call *call)
{
    struct upload *upload = call->upload;
    struct err *err = &call->task.err;
    int rc = look_at_path(upload, err);

    /* SHA-256 alone is trusted to name bytes that nobody sent. */
    if (rc == 0 && upload->waits_for_continue && call->claim.sha256[0] && !upload_passes(upload))
        upload->known =
            deployed_find_claimed(call, call->store->reader_db, &upload->digests, NULL) == 0;
    if (rc == 0 && !upload->known)
        rc = store_room(call->store, upload->others_bytes + upload->coming_bytes, err);
    if (rc == 0)
        *err = (struct err){ 0 };
    call->task.rc = rc;
}

static int upload_open(struct upload *upload, struct err *err)
{
    if (upload->writer)
        return 0;
    return blob_begin(upload->call->store->blobs, &upload->writer, err);
}

static int part_write(struct upload *upload, const struct buf *part, struct err *err)
{
    int64_t before = upload->written_bytes;
    int rc = upload_open(upload, err);

    upload->written_bytes += (int64_t)part->len;
    if (rc == 0 && !upload->announced &&
        before / ROOM_CHECK_BYTES != upload->written_bytes / ROOM_CHECK_BYTES)
        rc = store_room(upload->call->store, 0, err);
    if (rc == 0 && upload->shape && upload->shape->hash)
        upload->shape->hash(upload->call, part->data, part->len);
    return rc < 0 ? rc : blob_write(upload->writer, part->data, part->len, err);
}

static void write_work(struct call *call)
{
    call->task.rc = part_write(call->upload, &call->upload->part, &call->task.err);
}

static int digests_check(struct upload *upload, struct err *err)
{
    struct call *call = upload->call;
    int rc = claim_check(&call->claim, &upload->digests, err);

    if (rc == 0 && upload->shape && upload->shape->check)
        rc = upload->shape->check(call, err);
    if (rc < 0)
        err_reason(err, "CHECKSUM");
    return rc;
}

static void look_inside(struct upload *upload)
{
    struct call *call = upload->call;
    int fd;

    if (!upload->shape || !upload->shape->look ||
        blobs_read(call->store->blobs, upload->digests.sha256, &fd, NULL, NULL) < 0)
        return;
    upload->shape->look(call, fd);
    close(fd);
}

/* The last part, then what all of them are. */
static void seal_work(struct call *call)
{
    struct upload *upload = call->upload;
    struct err *err = &call->task.err;
    int rc = part_write(upload, &upload->coming, err);

    if (rc == 0) {
        blob_seal(upload->writer, &upload->digests);
        rc = digests_check(upload, err);
    }
    if (rc == 0 && upload_passes(upload)) {
        call->task.rc = blob_follow(upload->writer, &call->fd, err);
        blob_abort(take_ptr(upload->writer));
        return;
    }
    if (rc == 0) {
        pins_add(call->store->pins, upload->digests.sha256);
        upload->pinned = true;
        rc = blob_commit(take_ptr(upload->writer), upload->digests.sha256, NULL, err);
    }
    if (rc == 0)
        look_inside(upload);
    call->task.rc = rc;
}

static void abort_work(struct call *call)
{
    struct upload *upload = call->upload;
    blob_abort(take_ptr(upload->writer));
}

static void record_work(struct call *call)
{
    struct upload *upload = call->upload;
    struct db *db = call->store->writer_db;
    const struct deployment deployment = {
        .at = &call->at,
        .digests = &upload->digests,
        .props = &call->props,
        .claimed = claim_bits(&call->claim),
        .user = call->user,
        .now_ms = call->now_ms,
        .may_replace = !upload->shape && call_may(call, ACCESS_DELETE, &call->at)
    };

    call->task.rc =
        (upload->known ? index_deploy_claimed : index_deploy)(db, &deployment, &call->item,
                                                              &call->freed, &call->task.err);
}

/* --- events (the loop) --- */

static void on_looked(struct call *call)
{
    struct upload *upload = call->upload;

    if (call->task.rc < 0 || !call->request)
        upload_enter(upload, UPLOAD_DONE);
    else
        upload_enter(upload, upload->known ? UPLOAD_RECORDING : UPLOAD_RECEIVING);
}

/* What is written is no longer to come: the disk's own figure tells it now. */
static void upload_came(struct upload *upload, int64_t bytes)
{
    if (bytes > upload->coming_bytes)
        bytes = upload->coming_bytes;
    upload->coming_bytes -= bytes;
    upload->call->store->incoming_bytes -= bytes;
}

static void on_written(struct call *call);

static void upload_write(struct upload *upload)
{
    struct buf empty = upload->part;

    upload->part = upload->coming;
    upload->coming = empty;
    buf_clear(&upload->coming);
    upload->writing = true;
    call_post(upload->call, upload->disk, write_work, on_written);
}

static void upload_refuse(struct upload *upload)
{
    struct task *task = &upload->call->task;

    task->err = upload->refusal;
    task->rc = -(int)upload->refusal.code;
    upload_enter(upload, UPLOAD_DONE);
}

static void on_written(struct call *call)
{
    struct upload *upload = call->upload;

    upload->writing = false;
    upload_came(upload, (int64_t)upload->part.len);
    if (call->task.rc < 0 || !call->request) {
        upload_enter(upload, UPLOAD_DONE);
    } else if (upload->refusal.code) {
        upload_refuse(upload);
    } else if (upload->ended) {
        upload_enter(upload, UPLOAD_SEALING);
    } else if (upload->paused) {
        upload->paused = false;
        upload_write(upload);
        http_continue(call->request);
    }
}

void upload_add(struct call *call, const char *data, size_t len)
{
    int rc = buf_add(&call->upload->coming, data, len);
    assert(rc == 0);
}

/* Keep what came; -ERR_LIMIT: it is more than any file may have, or what the shape says. */
static int upload_take(struct upload *upload, const char *data, size_t len, struct err *err)
{
    int64_t max = upload->call->store->settings->upload_bytes_max;

    upload->received_bytes += (int64_t)len;
    if (upload->received_bytes > max)
        return err_set(err, ERR_LIMIT, "The file is larger than %" PRId64 " bytes", max);
    if (upload->shape && upload->shape->take)
        return upload->shape->take(upload->call, data, len, err);
    upload_add(upload->call, data, len);
    return 0;
}

static void on_chunk(struct http_request *request, const char *data, size_t len)
{
    struct upload *upload = ((struct call *)http_state(request))->upload;

    if (upload->state != UPLOAD_RECEIVING || upload->refusal.code)
        return;
    if (upload_take(upload, data, len, &upload->refusal) < 0) {
        if (!upload->writing)
            upload_refuse(upload);
        return;
    }
    if (upload->coming.len >= WRITE_BYTES && upload->writing) {
        upload->paused = true;
        return;
    }
    if (upload->coming.len >= WRITE_BYTES)
        upload_write(upload);
    http_continue(request);
}

static void on_end(struct http_request *request)
{
    struct upload *upload = ((struct call *)http_state(request))->upload;

    if (upload->state != UPLOAD_RECEIVING || upload->refusal.code)
        return;
    upload->ended = true;
    if (upload->shape && upload->shape->whole)
        upload->shape->whole(upload->call, &upload->refusal);
    if (upload->writing)
        return;
    if (upload->refusal.code)
        upload_refuse(upload);
    else
        upload_enter(upload, UPLOAD_SEALING);
}

static void on_sealed(struct call *call)
{
    if (blobs_are_broken(call->store->blobs))
        store_break(call->store, &call->task.err);
    upload_enter(call->upload,
                 call->task.rc < 0 || upload_passes(call->upload) ? UPLOAD_DONE : UPLOAD_RECORDING);
}

/* The bytes we found went meanwhile: then they must be sent after all. */
static void on_recorded(struct call *call)
{
    struct upload *upload = call->upload;
    const char *reason = call->task.err.reason;

    if (upload->known && call->task.rc == -ERR_NOT_FOUND && reason &&
        strcmp(reason, "NO_BLOB") == 0 && call->request) {
        upload->known = false;
        upload_enter(upload, UPLOAD_RECEIVING);
        return;
    }
    upload->recorded = call->task.rc == 0;
    upload_enter(upload, UPLOAD_DONE);
}

/* The client left between two chunks. */
static void on_gone(struct call *call)
{
    struct upload *upload = call->upload;

    if (upload->state == UPLOAD_RECEIVING)
        upload_enter(upload, UPLOAD_DONE);
}

static void on_aborted(struct call *call)
{
    (void)call;
}

/* --- the machine --- */

static void upload_answer(struct upload *upload)
{
    struct call *call = upload->call;

    if (upload->recorded) {
        metric_add(call->store->counts.uploads, 1);
        metric_add(call->store->counts.upload_bytes, (double)upload->digests.size_bytes);
    }
    if (call->task.rc == -ERR_LIMIT)
        call_error(call, 413, call->task.err.text);
    else if (upload->shape)
        upload->shape->answer(call);
    else
        deployed_done(call);
}

/* Whatever way it ended: nothing stays counted, pinned or half written. */
static void upload_end(struct upload *upload)
{
    struct call *call = upload->call;

    upload_came(upload, upload->coming_bytes);
    if (upload->pinned)
        pins_drop(call->store->pins, upload->digests.sha256);
    upload->pinned = false;
    if (call->request || upload->recorded)
        upload_answer(upload);
    if (upload->writer)
        call_post(call, upload->disk, abort_work, on_aborted);
}

static void upload_enter(struct upload *upload, enum upload_state state)
{
    struct call *call = upload->call;

    upload->state = state;
    switch (state) {
    case UPLOAD_LOOKING:
        call_post(call, call->store->reader, look_work, on_looked);
        break;
    case UPLOAD_RECEIVING:
        upload->disk = store_disk(call->store);
        http_stream(call->request, on_chunk, on_end);
        break;
    case UPLOAD_SEALING:
        call_post(call, upload->disk, seal_work, on_sealed);
        break;
    case UPLOAD_RECORDING:
        call_post(call, call->store->writer, record_work, on_recorded);
        break;
    case UPLOAD_DONE:
        upload_end(upload);
        break;
    }
}

/* --- its beginning and end --- */

void upload_free(struct call *call)
{
    if (!call->upload)
        return;
    assert(!call->upload->writer && !call->upload->pinned);
    buf_done(&call->upload->coming);
    buf_done(&call->upload->part);
    free(take_ptr(call->upload));
}

void upload_call(struct call *call)
{
    upload_call_shaped(call, NULL);
}

void upload_call_shaped(struct call *call, const struct upload_shape *shape)
{
    struct upload *upload;
    int64_t bytes = http_content_length(call->request);
    int64_t max = call->store->settings->upload_bytes_max;

    if (bytes > max) {
        char text[ERROR_TEXT_MAX];
        snprintf(text, sizeof text,
                 "The file has %" PRId64 " bytes; this store takes %" PRId64 " at most", bytes,
                 max);
        call_error(call, 413, text);
        return;
    }
    upload = xcalloc(1, sizeof *upload);
    upload->call = call;
    upload->shape = shape;
    buf_init(&upload->coming, PART_BYTES_MAX);
    buf_init(&upload->part, PART_BYTES_MAX);
    upload->announced = bytes >= 0;
    upload->coming_bytes = bytes > 0 ? bytes : 0;
    upload->others_bytes = call->store->incoming_bytes;
    upload->waits_for_continue = http_expects_continue(call->request);
    call->store->incoming_bytes += upload->coming_bytes;
    call->upload = upload;
    call->on_gone = on_gone;
    upload_enter(upload, UPLOAD_LOOKING);
}
