#include "store/web/item/upload_own.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/item/deployed.h"

enum {
    WRITE_BYTES = 128 << 10,    /* a part is written from this size on … */
    PART_BYTES_MAX = 512 << 10, /* … and never grows beyond: the largest chunk fits twice */
};

static void upload_enter(struct upload *upload, enum upload_state state);

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
    call_post(upload->call, upload->disk, upload_write_work, on_written);
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
        call_post(call, upload->disk, upload_abort_work, on_aborted);
}

static void upload_enter(struct upload *upload, enum upload_state state)
{
    struct call *call = upload->call;

    upload->state = state;
    switch (state) {
    case UPLOAD_LOOKING:
        call_post(call, call->store->reader, upload_look_work, on_looked);
        break;
    case UPLOAD_RECEIVING:
        upload->disk = store_disk(call->store);
        http_stream(call->request, on_chunk, on_end);
        break;
    case UPLOAD_SEALING:
        call_post(call, upload->disk, upload_seal_work, on_sealed);
        break;
    case UPLOAD_RECORDING:
        call_post(call, call->store->writer, upload_record_work, on_recorded);
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
