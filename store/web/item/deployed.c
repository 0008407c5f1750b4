#include "store/web/item/deployed.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/web/json.h"

#define CREATED_TYPE "application/vnd.org.jfrog.artifactory.storage.ItemCreated+json"

/* Here `uri` is where the bytes are, not where their description is. */
void deployed_answer(struct call *call)
{
    auto_free char *url = item_url(&call->item.at, call->base, "");

    if (!call->request)
        return;
    json_t *object = item_json(&call->item, call->base);
    if (call->item.at.folder) {
        auto_free char *path =
            xasprintf("/%s%s", call->item.at.path, call->item.at.path[0] ? "/" : "");
        auto_free char *folder_url = xasprintf("%s/", url);
        json_object_set_new(object, "path", json_string(path));
        json_object_set_new(object, "uri", json_string(folder_url));
    } else {
        json_object_set_new(object, "uri", json_string(url));
    }
    json_object_del(object, "lastModified");
    json_object_del(object, "modifiedBy");
    json_object_del(object, "lastUpdated");
    free(call->text);
    call->text = json_take_text(object);
    http_set_header(call->request, "Location", url);
    call_answer_text(call, 201, CREATED_TYPE);
}

/* --- bytes that are here already --- */

enum { PLACES_MAX = 10000 };

static int is_readable(void *ctx, const struct item *item)
{
    return call_may(ctx, ACCESS_READ, &item->at);
}

int deployed_find_claimed(struct call *call, struct db *db, struct digests *ret, struct err *err)
{
    static const struct item_path everywhere; /* no repository has the key "" */
    int rc = index_find_claimed(db, &call->claim, ret, err);

    /* Without their file they must be sent again: that is what heals it. */
    if (rc == 0 && blobs_size(call->store->blobs, ret->sha256) != ret->size_bytes)
        return err_set(err, ERR_NOT_FOUND, "the bytes of %s are not there", ret->sha256);
    if (rc < 0 || call_may(call, ACCESS_READ, &everywhere))
        return rc;
    rc = index_with_bytes(db, ret->sha256, PLACES_MAX, is_readable, call, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no bytes with these checksums that he may read");
    return rc < 0 ? rc : 0;
}

static int sidecar_kind_claim(enum sidecar kind)
{
    return kind == SIDECAR_SHA1 ? CLAIM_SHA1 : kind == SIDECAR_MD5 ? CLAIM_MD5 : CLAIM_SHA256;
}

int deployed_checksum(struct db *writer, const struct item_path *at, const char *text,
                      struct item *ret, struct err *err)
{
    struct item_path other = { 0 };
    struct claim claim = { 0 };
    int bit = sidecar_kind_claim(item_sidecar(at, &other));

    int rc = index_find(writer, &other, ret, err);
    if (rc < 0)
        return rc;
    if (ret->at.folder)
        return err_set(err, ERR_NOT_FOUND, "a folder has no checksum");
    rc = claim_add(&claim, (enum claim_kind)bit, text, err);
    if (rc == 0 && !claim_is_empty(&claim))
        rc = claim_check(&claim, &ret->digests, err);
    else
        rc = err_set(err, ERR_CONFLICT, "'%.80s' is not a checksum", text);
    return rc < 0 ? rc : index_claim(writer, ret->id, bit, err);
}

/* --- what went wrong --- */

/* The best name for what was not found. */
static const char *claim_text(const struct claim *claim, const char **ret_value)
{
    *ret_value = claim->sha256[0] ? claim->sha256 : claim->sha1[0] ? claim->sha1 : claim->md5;
    return claim->sha256[0] ? "sha256" : claim->sha1[0] ? "sha1" : "md5";
}

static void fail_missing(struct call *call)
{
    const char *reason = call->task.err.reason;
    char text[ERROR_TEXT_MAX];

    if (reason && strcmp(reason, "NO_REPOSITORY") == 0) {
        error_no_repository(call->at.repo, text);
    } else if (reason && strcmp(reason, "NO_BLOB") == 0) {
        const char *value;
        const char *kind = claim_text(&call->claim, &value);
        snprintf(text, sizeof text, "Checksum deploy failed. No existing file with %s: %s", kind,
                 value);
    } else {
        snprintf(text, sizeof text, "%s", TEXT_NO_ITEM);
    }
    call_error(call, 404, text);
}

void deployed_fail(struct call *call)
{
    const struct err *err = &call->task.err;
    char text[ERROR_TEXT_MAX];

    if (call->task.rc == -ERR_DENIED) {
        error_no_overwrite(&call->at, call->user, text);
        call_error(call, 403, text);
    } else if (err->reason && strcmp(err->reason, "CHECKSUM") == 0) {
        error_checksum_policy(&call->at, err->text, text);
        call_error(call, 409, text);
    } else if (call->task.rc == -ERR_NOT_FOUND) {
        fail_missing(call);
    } else {
        call_fail(call, TEXT_NO_ITEM);
    }
}

void deployed_done(struct call *call)
{
    if (call->task.rc < 0)
        deployed_fail(call);
    else if (call->freed.count > 0)
        call_free_bytes(call, deployed_answer);
    else
        deployed_answer(call);
}
