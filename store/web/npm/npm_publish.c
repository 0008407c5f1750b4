/* npm_publish.c - PUT of a package's document.
 *
 *   LOOKING --room--> RECEIVING --end--> FINISHING --durable--> RECORDING --> ENDING --> answered
 *      |                  |                  |                      |            ^
 *      +------------------+----- error ------+----------------------+------------+
 *
 * npm publish sends one with a tarball in it; npm deprecate and the first half of npm unpublish
 * (-rev) send what they read, changed.  One part of the body is at work while no more is received:
 * a slow disk slows the client. */
#include <assert.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/npm_intake.h"
#include "store/web/npm/npm.h"

enum { PART_BYTES_MAX = 512 << 10 };

enum publish_state {
    PUBLISH_LOOKING,
    PUBLISH_RECEIVING,
    PUBLISH_FINISHING,
    PUBLISH_RECORDING,
    PUBLISH_ENDING,
};

struct npm_publish {
    enum publish_state state;
    struct strand *disk;
    struct npm_intake *intake; /* owned */
    struct buf part;           /* at work */
    bool working;
    bool ended; /* the body is whole */
    int64_t announced_bytes;
    int rc; /* the outcome, while it ends */
    struct err err;
};

static void publish_enter(struct call *call, enum publish_state state);

/* --- blocking work --- */

/* A document that removes needs room in memory only. */
static void look_work(struct call *call)
{
    call->task.rc =
        npm_of(call)->path.rev[0]
            ? 0
            : store_room(call->store, npm_of(call)->publish->announced_bytes, &call->task.err);
}

static void feed_work(struct call *call)
{
    struct npm_publish *publish = npm_of(call)->publish;

    call->task.rc =
        npm_intake_feed(publish->intake, publish->part.data, publish->part.len, &call->task.err);
    if (call->task.rc == 0 && npm_intake_has_tarball(publish->intake))
        call->task.rc = store_room(call->store, 0, &call->task.err);
}

static void finish_work(struct call *call)
{
    call->task.rc =
        npm_intake_finish(npm_of(call)->publish->intake, npm_of(call)->path.name, &call->task.err);
}

static void put_work(struct call *call)
{
    const struct npm_intake *intake = npm_of(call)->publish->intake;
    const struct npm_put put = { .repo = npm_of(call)->target->key,
                                 .name = npm_of(call)->path.name,
                                 .publication = npm_intake_publication(intake),
                                 .tarball = npm_intake_tarball(intake),
                                 .manifest = npm_intake_manifest(intake),
                                 .user = call->user,
                                 .now_ms = call->now_ms };

    call->task.rc = npm_put(call->store->writer_db, &put, &call->freed, &call->task.err);
}

static void update_work(struct call *call)
{
    struct npm_call *npm = call->own;
    const json_t *doc = npm_intake_document(npm->publish->intake);
    const char *told = json_string_value(json_object_get(doc, "_rev"));
    const char *rev = npm->path.rev[0] ? npm->path.rev : told ? told : "";

    call->task.rc =
        npm_update(call->store->writer_db, npm->target->key, npm->path.name, doc, rev,
                   npm->path.rev[0] != '\0', call->now_ms, npm->rev, &call->freed, &call->task.err);
}

static void end_work(struct call *call)
{
    npm_intake_end(npm_of(call)->publish->intake);
}

/* --- events (the loop) --- */

static void on_looked(struct call *call)
{
    publish_enter(call, call->task.rc < 0 || !call->request ? PUBLISH_ENDING : PUBLISH_RECEIVING);
}

static void on_fed(struct call *call)
{
    struct npm_publish *publish = npm_of(call)->publish;

    publish->working = false;
    if (call->task.rc < 0 || !call->request)
        publish_enter(call, PUBLISH_ENDING);
    else if (publish->ended)
        publish_enter(call, PUBLISH_FINISHING);
    else
        http_continue(call->request);
}

static void on_chunk(struct http_request *request, const char *data, size_t len)
{
    struct call *call = http_state(request);
    struct npm_publish *publish = npm_of(call)->publish;

    if (publish->state != PUBLISH_RECEIVING)
        return;
    buf_clear(&publish->part);
    int rc = buf_add(&publish->part, data, len);
    assert(rc == 0 && !publish->working);
    publish->working = true;
    call_post(call, publish->disk, feed_work, on_fed);
}

static void on_end(struct http_request *request)
{
    struct call *call = http_state(request);
    struct npm_publish *publish = npm_of(call)->publish;

    publish->ended = true;
    if (!publish->working && publish->state == PUBLISH_RECEIVING)
        publish_enter(call, PUBLISH_FINISHING);
}

static void on_finished(struct call *call)
{
    if (blobs_are_broken(call->store->blobs))
        store_break(call->store, &call->task.err);
    publish_enter(call, call->task.rc < 0 ? PUBLISH_ENDING : PUBLISH_RECORDING);
}

static void on_recorded(struct call *call)
{
    publish_enter(call, PUBLISH_ENDING);
}

static void on_freed(struct call *call)
{
    npm_answer_done(call, 201);
}

static void on_ended(struct call *call)
{
    call->task.rc = npm_of(call)->publish->rc;
    call->task.err = npm_of(call)->publish->err;
    if (call->task.rc < 0)
        npm_fail(call);
    else
        call_free_bytes(call, on_freed);
}

/* The client left between two parts. */
static void on_gone(struct call *call)
{
    if (npm_of(call)->publish->state == PUBLISH_RECEIVING)
        publish_enter(call, PUBLISH_ENDING);
}

/* --- the machine --- */

/* Whoever may push may not therefore change what is said of older versions, or remove them. */
static int may_update(struct call *call)
{
    struct item_path at = { .folder = true };
    int access = npm_of(call)->path.rev[0] ? ACCESS_DELETE : ACCESS_ANNOTATE;

    snprintf(at.repo, sizeof at.repo, "%s", npm_of(call)->target->key);
    snprintf(at.path, sizeof at.path, "%s", npm_of(call)->path.name);
    if (call_may(call, access, &at))
        return 0;
    return err_set(&call->task.err, ERR_DENIED, "Not enough permissions to %s '%s:%.100s'",
                   access_verb(access), at.repo, at.path);
}

static void publish_record(struct call *call)
{
    bool publication = npm_intake_has_tarball(npm_of(call)->publish->intake);

    if (!publication)
        call->task.rc = may_update(call);
    if (call->task.rc < 0)
        publish_enter(call, PUBLISH_ENDING);
    else if (publication)
        call_post(call, call->store->writer, put_work, on_recorded);
    else
        call_post_removal(call, update_work, on_recorded);
}

static void publish_enter(struct call *call, enum publish_state state)
{
    struct npm_publish *publish = npm_of(call)->publish;

    publish->state = state;
    switch (state) {
    case PUBLISH_LOOKING:
        call_post(call, call->store->reader, look_work, on_looked);
        break;
    case PUBLISH_RECEIVING:
        http_stream(call->request, on_chunk, on_end);
        break;
    case PUBLISH_FINISHING:
        call_post(call, publish->disk, finish_work, on_finished);
        break;
    case PUBLISH_RECORDING:
        publish_record(call);
        break;
    case PUBLISH_ENDING:
        publish->rc = call->task.rc;
        publish->err = call->task.err;
        call_post(call, publish->disk, end_work, on_ended);
        break;
    }
}

/* --- its beginning and end --- */

void npm_publish_free(struct call *call)
{
    struct npm_publish *publish = take_ptr(npm_of(call)->publish);

    if (!publish)
        return;
    npm_intake_free(publish->intake);
    buf_done(&publish->part);
    free(publish);
}

void npm_put_call(struct call *call)
{
    struct npm_publish *publish = xcalloc(1, sizeof *publish);
    int64_t max = call->store->settings->upload_bytes_max;

    publish->disk = store_disk(call->store);
    publish->intake = npm_intake_new(call->store->blobs, call->store->pins, max);
    publish->announced_bytes = http_content_length(call->request);
    if (publish->announced_bytes < 0)
        publish->announced_bytes = 0;
    buf_init(&publish->part, PART_BYTES_MAX);
    npm_of(call)->publish = publish;
    call->on_gone = on_gone;
    publish_enter(call, PUBLISH_LOOKING);
}
