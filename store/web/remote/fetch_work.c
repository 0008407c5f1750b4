/* fetch_work.c - what of a fetch blocks: writing, hashing, holding the bytes against what was
 * promised, recording.  On strands. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/web/remote/remote_own.h"

enum { ROOM_CHECK_BYTES = 16 << 20 };

/* The announced rest must fit; of what was not announced, each few megabytes must have. */
static int room_check(const struct fetch *fetch, int64_t before, struct err *err)
{
    int64_t left = fetch->told.size_bytes > 0 ? fetch->told.size_bytes - before : 0;

    if (before > 0 && before / ROOM_CHECK_BYTES == fetch->written_bytes / ROOM_CHECK_BYTES)
        return 0;
    return store_room(fetch->remote->store, left, err);
}

static int writer_open(struct fetch *fetch, struct err *err)
{
    struct sri sri;

    if (fetch->writer)
        return 0;
    int rc = blob_begin(fetch->remote->store->blobs, &fetch->writer, err);
    if (rc == 0)
        rc = blob_follow(fetch->writer, &fetch->fd, err);
    if (rc == 0 && sri_parse(fetch->want.promised_sri, &sri)) {
        fetch->sri = EVP_MD_CTX_new();
        if (!fetch->sri ||
            !EVP_DigestInit_ex(fetch->sri, EVP_get_digestbyname(sri.algorithm), NULL))
            abort(); /* out of memory */
    }
    return rc;
}

static int part_write(struct fetch *fetch, const struct buf *part, struct err *err)
{
    int64_t before = fetch->written_bytes;

    fetch->written_bytes += (int64_t)part->len;
    int rc = room_check(fetch, before, err);
    if (rc == 0)
        rc = writer_open(fetch, err);
    if (rc == 0 && part->len > 0)
        rc = blob_write(fetch->writer, part->data, part->len, err);
    if (rc == 0 && fetch->sri)
        EVP_DigestUpdate(fetch->sri, part->data, part->len);
    return rc;
}

void fetch_write_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);
    task->rc = part_write(fetch, &fetch->part, &task->err);
}

static int not_as_promised(const char *kind, const char *promised, const char *got, struct err *err)
{
    err_set(err, ERR_IO, "the bytes have %s %s, promised was %s", kind, got, promised);
    err_reason(err, "UPSTREAM");
    return -ERR_IO;
}

static int sri_check(struct fetch *fetch, struct err *err)
{
    struct sri promised;
    struct sri got;
    char promised_text[SRI_TEXT_MAX];
    char got_text[SRI_TEXT_MAX];
    unsigned len;

    if (!fetch->sri || !sri_parse(fetch->want.promised_sri, &promised))
        return 0;
    got = promised;
    EVP_DigestFinal_ex(fetch->sri, got.digest, &len);
    if (memcmp(got.digest, promised.digest, promised.len) == 0)
        return 0;
    sri_write(&promised, promised_text);
    sri_write(&got, got_text);
    return not_as_promised("integrity", promised_text, got_text, err);
}

static int promise_check(struct fetch *fetch, struct err *err)
{
    const struct claim *want = &fetch->want.promised;
    const struct digests *got = &fetch->digests;

    if (want->sha256[0] && strcmp(want->sha256, got->sha256) != 0)
        return not_as_promised("SHA-256", want->sha256, got->sha256, err);
    if (want->sha1[0] && strcmp(want->sha1, got->sha1) != 0)
        return not_as_promised("SHA-1", want->sha1, got->sha1, err);
    if (want->md5[0] && strcmp(want->md5, got->md5) != 0)
        return not_as_promised("MD5", want->md5, got->md5, err);
    int rc = sri_check(fetch, err);
    if (rc == 0 && fetch->want.verify) {
        rc = fetch->want.verify(&fetch->want, fetch->fd, err);
        if (rc < 0)
            err_reason(err, "UPSTREAM");
    }
    return rc;
}

void fetch_seal_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);
    struct store *store = fetch->remote->store;
    int rc = part_write(fetch, &fetch->coming, &task->err);

    if (rc == 0) {
        blob_seal(fetch->writer, &fetch->digests);
        rc = promise_check(fetch, &task->err);
    }
    if (rc == 0) {
        pins_add(store->pins, fetch->digests.sha256);
        fetch->pinned = true;
        rc = blob_commit(take_ptr(fetch->writer), fetch->digests.sha256, NULL, &task->err);
    }
    task->rc = rc;
}

void fetch_record_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);
    struct db *db = fetch->remote->store->writer_db;
    struct props props = { 0 };
    const struct deployment deployment = { .at = &fetch->want.at,
                                           .digests = &fetch->digests,
                                           .props = &props,
                                           .user = "upstream",
                                           .now_ms = clock_wall_ms(),
                                           .may_replace = true };
    struct cached cached = { .checked_ms = deployment.now_ms };

    snprintf(cached.etag, sizeof cached.etag, "%s", fetch->told.etag);
    snprintf(cached.modified, sizeof cached.modified, "%s", fetch->told.modified);
    task->rc = cache_deploy(db, &deployment, &cached, &fetch->item, &fetch->freed, &task->err);
    fetch->unkept = task->rc == -ERR_CONFLICT; /* before anything was changed */
    if (fetch->unkept)
        task->rc = 0;
}

void fetch_touch_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);

    fetch->cached.checked_ms = clock_wall_ms();
    task->rc =
        cache_put(fetch->remote->store->writer_db, fetch->old.id, &fetch->cached, &task->err);
}

void fetch_free_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);
    struct store *store = fetch->remote->store;

    for (size_t i = 0; i < fetch->freed.count; i++)
        (void)pins_remove_blob(store->pins, store->blobs, store->reader_db, fetch->freed.list[i],
                               NULL); /* what stays is found by the sweep */
}

void fetch_abort_work(struct task *task)
{
    struct fetch *fetch = container_of(task, struct fetch, task);
    blob_abort(take_ptr(fetch->writer));
}
