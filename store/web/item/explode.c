#include "store/web/item/explode.h"

#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/core/intake.h"
#include "store/disk/explode.h"
#include "store/web/item/deployed.h"
#include "store/web/item/upload.h"

enum {
    ENTRIES_MAX = 50000,
    ATOMIC_ENTRIES_MAX = 10000,
    RATIO_MAX = 100,
    RECORD_AT_ONCE = 500,
    GIVE_UP_AT_ONCE = 500,
};

enum explode_state {
    EXPLODE_UNPACKING,
    EXPLODE_RECORDING,
    EXPLODE_GIVING_UP,
    EXPLODE_ANSWERED,
};

struct exploding {
    struct call *call; /* owns us */
    const struct repository *asked;
    enum explode_state state;
    bool atomic;
    struct item_path folder;
    struct explode *explode; /* owned */
    size_t next;             /* to be recorded, or given up; checksums are held after all files */
    int rc;                  /* what went wrong … */
    struct err err;
    bool recording; /* … while it was recorded */
};

static void exploding_enter(struct exploding *exploding, enum explode_state state);

static struct exploding *exploding_of(const struct call *call)
{
    return call->own;
}

/* --- blocking work --- */

static int entry_rule(void *ctx, const struct item_path *at, struct err *err)
{
    const struct call *call = ctx;
    int access = ACCESS_PUSH | (call->props.count > 0 ? ACCESS_ANNOTATE : 0);

    if (!call_may(call, access, at))
        return err_set(err, ERR_DENIED,
                       "Not enough permissions to deploy the archive's entry '%s:%.150s'", at->repo,
                       at->path);
    int rc = intake_check(exploding_of(call)->asked, at, err);
    return rc < 0 ? rc : intake_check(store_repository(call->store, at->repo), at, err);
}

static void unpack_work(struct call *call)
{
    struct err *err = &call->task.err;
    int rc = store_room(call->store, 0, err);

    call->task.rc = rc < 0 ? rc : explode_step(exploding_of(call)->explode, err);
}

static int file_record(struct call *call, const struct explode_entry *entry, struct err *err)
{
    const struct deployment deployment = { .at = &call->at,
                                           .digests =
                                               entry->kind == EXPLODE_FILE ? &entry->digests : NULL,
                                           .props = &call->props,
                                           .user = call->user,
                                           .now_ms = call->now_ms,
                                           .may_replace =
                                               call_may(call, ACCESS_DELETE, &call->at) };

    return index_deploy(call->store->writer_db, &deployment, &call->item, &call->freed, err);
}

static int checksum_hold(struct call *call, const struct explode_entry *entry, struct err *err)
{
    int rc = deployed_checksum(call->store->writer_db, &call->at,
                               entry->checksum ? entry->checksum : "", &call->item, err);

    return rc == -ERR_NOT_FOUND
               ? err_set(err, ERR_CONFLICT, "There is no file that '%.150s' is the checksum of",
                         entry->path)
               : rc;
}

/* First the files, then the checksums of files: each pass is over all entries. */
static int entry_record(struct exploding *exploding, struct err *err)
{
    struct call *call = exploding->call;
    size_t count = explode_count(exploding->explode);
    bool files = exploding->next < count;
    const struct explode_entry *entry =
        explode_entry(exploding->explode, exploding->next - (files ? 0 : count));

    exploding->next++;
    if (files == (entry->kind == EXPLODE_CHECKSUM))
        return 0;
    call->at = exploding->folder; /* its repository */
    snprintf(call->at.path, sizeof call->at.path, "%s", entry->path);
    call->at.folder = entry->kind == EXPLODE_FOLDER;
    return (files ? file_record : checksum_hold)(call, entry, err);
}

/* 1: there is more. */
static void record_work(struct call *call)
{
    struct exploding *exploding = call->own;
    size_t end = 2 * explode_count(exploding->explode);
    size_t stop = exploding->next + RECORD_AT_ONCE;
    int rc = 0;

    while (rc == 0 && exploding->next < end && (exploding->atomic || exploding->next < stop))
        rc = entry_record(exploding, &call->task.err);
    call->task.rc = rc < 0 ? rc : exploding->next < end;
}

/* Bytes that nothing has. */
static void give_up_work(struct call *call)
{
    struct exploding *exploding = call->own;
    struct store *store = call->store;
    size_t end = explode_count(exploding->explode);
    size_t stop = exploding->next + GIVE_UP_AT_ONCE;

    stop = stop < end ? stop : end;
    explode_unpin(exploding->explode, stop);
    for (; exploding->next < stop; exploding->next++) {
        const struct explode_entry *entry = explode_entry(exploding->explode, exploding->next);
        if (entry->digests.sha256[0]) /* what stays is found by the sweep */
            (void)pins_remove_blob(store->pins, store->blobs, store->reader_db,
                                   entry->digests.sha256, NULL);
    }
    call->task.rc = exploding->next < end;
}

/* --- events (the loop) --- */

static void on_unpacked(struct call *call)
{
    struct exploding *exploding = call->own;

    if (blobs_are_broken(call->store->blobs))
        store_break(call->store, &call->task.err);
    exploding->rc = call->task.rc;
    exploding->err = call->task.err;
    if (call->task.rc < 0 || !call->request)
        exploding_enter(exploding, EXPLODE_GIVING_UP);
    else
        exploding_enter(exploding, call->task.rc > 0 ? EXPLODE_UNPACKING : EXPLODE_RECORDING);
}

static void on_slice_freed(struct call *call)
{
    freed_done(&call->freed);
    exploding_enter(call->own, EXPLODE_RECORDING);
}

static void on_all_freed(struct call *call)
{
    exploding_enter(call->own, EXPLODE_ANSWERED);
}

static void on_recorded(struct call *call)
{
    struct exploding *exploding = call->own;
    bool more = call->task.rc > 0;

    exploding->recording = true;
    exploding->rc = call->task.rc < 0 ? call->task.rc : 0;
    exploding->err = call->task.err;
    if (call->task.rc < 0) {
        exploding_enter(exploding, EXPLODE_GIVING_UP);
        return;
    }
    explode_unpin(exploding->explode, exploding->next);
    if (call->freed.count > 0)
        call_free_bytes(call, more ? on_slice_freed : on_all_freed);
    else
        exploding_enter(exploding, more ? EXPLODE_RECORDING : EXPLODE_ANSWERED);
}

static void on_given_up(struct call *call)
{
    exploding_enter(call->own, call->task.rc > 0 ? EXPLODE_GIVING_UP : EXPLODE_ANSWERED);
}

/* --- the machine --- */

/* jf takes an empty body or JSON, whatever type it has. */
static void answer_done(struct exploding *exploding)
{
    struct call *call = exploding->call;
    size_t count = explode_count(exploding->explode);

    for (size_t i = 0; i < count; i++) {
        const struct explode_entry *entry = explode_entry(exploding->explode, i);
        if (entry->kind != EXPLODE_FILE)
            continue;
        metric_add(call->store->counts.uploads, 1);
        metric_add(call->store->counts.upload_bytes, (double)entry->digests.size_bytes);
    }
    log_info("store", "archive exploded", "user=%s at=%s:%s entries=%zu", call->user,
             exploding->folder.repo, exploding->folder.path, count);
    call_answer(call, 200, "text/plain", "");
}

static void exploding_answer(struct exploding *exploding)
{
    struct call *call = exploding->call;

    call->task.rc = exploding->rc;
    call->task.err = exploding->err;
    if (exploding->rc == 0)
        answer_done(exploding);
    else if (exploding->rc == -ERR_LIMIT && !exploding->recording)
        call_error(call, 413, exploding->err.text);
    else if (exploding->recording)
        deployed_fail(call);
    else
        call_fail(call, TEXT_NO_ITEM);
}

static void exploding_enter(struct exploding *exploding, enum explode_state state)
{
    struct call *call = exploding->call;

    if (state == EXPLODE_GIVING_UP && exploding->state != state)
        exploding->next = 0;
    exploding->state = state;
    switch (state) {
    case EXPLODE_UNPACKING:
        call_post(call, store_disk(call->store), unpack_work, on_unpacked);
        break;
    case EXPLODE_RECORDING:
        call_post(call, call->store->writer, record_work, on_recorded);
        break;
    case EXPLODE_GIVING_UP:
        call_post(call, call->store->reader, give_up_work, on_given_up);
        break;
    case EXPLODE_ANSWERED:
        exploding_answer(exploding);
        break;
    }
}

/* --- its beginning and end --- */

static void exploding_free(struct call *call)
{
    explode_free(exploding_of(call)->explode);
    free(take_ptr(call->own));
}

/* The archive is in call->fd, or was not taken. */
static void on_received(struct call *call)
{
    struct exploding *exploding = call->own;
    const struct explode_plan plan = {
        .fd = call->fd,
        .folder = &exploding->folder,
        .blobs = call->store->blobs,
        .pins = call->store->pins,
        .bytes_max = call->store->settings->upload_bytes_max,
        .ratio_max = RATIO_MAX,
        .entries_max = exploding->atomic ? ATOMIC_ENTRIES_MAX : ENTRIES_MAX,
        .rule = entry_rule,
        .ctx = call,
    };

    if (call->task.rc < 0) {
        deployed_fail(call);
        return;
    }
    exploding->explode = explode_new(&plan);
    exploding_enter(exploding, EXPLODE_UNPACKING);
}

void explode_call(struct call *call, const struct repository *asked, bool atomic)
{
    static const struct upload_shape shape = { .passes = true, .answer = on_received };
    struct exploding *exploding = xcalloc(1, sizeof *exploding);

    exploding->call = call;
    exploding->asked = asked;
    exploding->atomic = atomic;
    exploding->folder = call->at;
    if (!call->at.folder)
        exploding->folder.path[item_parent_len(&call->at)] = '\0';
    exploding->folder.folder = true;
    call_own(call, exploding, exploding_free);
    upload_call_shaped(call, &shape);
}
