/* upload_work.c - what of an upload blocks: looking, writing, hashing, recording.  On strands. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/item/deployed.h"
#include "store/web/item/upload_own.h"

enum { ROOM_CHECK_BYTES = 16 << 20 };

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

bool upload_passes(const struct upload *upload)
{
    return upload->shape && upload->shape->passes;
}

void upload_look_work(struct call *call)
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

void upload_write_work(struct call *call)
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
void upload_seal_work(struct call *call)
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

void upload_abort_work(struct call *call)
{
    struct upload *upload = call->upload;
    blob_abort(take_ptr(upload->writer));
}

void upload_record_work(struct call *call)
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
