/* put.c - PUT of an item: a folder, a checksum of another, or a checksum deployment.
 * Bytes go to upload.c, archives to be exploded to explode.c. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "store/core/intake.h"
#include "store/web/call.h"
#include "store/web/item/deployed.h"
#include "store/web/item/explode.h"
#include "store/web/item/upload.h"
#include "store/web/maven/maven.h"

enum { SIDECAR_BYTES_MAX = 1024 };

/* --- folders --- */

static void folder_work(struct call *call)
{
    const struct deployment deployment = {
        .at = &call->at, .props = &call->props, .user = call->user, .now_ms = call->now_ms
    };

    call->task.rc = index_deploy(call->store->writer_db, &deployment, &call->item, &call->freed,
                                 &call->task.err);
}

/* --- the checksum file of another file --- */

static void sidecar_work(struct call *call)
{
    call->task.rc = deployed_checksum(call->store->writer_db, &call->at, call->text, &call->item,
                                      &call->task.err);
}

/* The hex is the first word: "<hex>  <name>" is what the usual tools write. */
static void on_sidecar_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    size_t start = 0;
    size_t end;

    while (start < len && isspace((unsigned char)body[start]))
        start++;
    for (end = start; end < len && isalnum((unsigned char)body[end]); end++)
        ;
    call->text = xstrndup(body + start, end - start);
    call_post(call, call->store->writer, sidecar_work, deployed_done);
}

/* A checksum of metadata is taken and forgotten: the metadata changes all the time. */
static void on_metadata_sidecar(struct http_request *request, const char *body, size_t len)
{
    (void)body;
    (void)len;
    call_answer(http_state(request), 200, NULL, "");
}

/* --- deploy by checksum --- */

static void claimed_work(struct call *call)
{
    const struct claim *claim = &call->claim;
    struct digests digests;
    const struct deployment deployment = { .at = &call->at,
                                           .digests = &digests,
                                           .props = &call->props,
                                           .claimed = claim_bits(claim),
                                           .user = call->user,
                                           .now_ms = call->now_ms,
                                           .may_replace =
                                               call_may(call, ACCESS_DELETE, &call->at) };
    struct err *err = &call->task.err;

    int rc = deployed_find_claimed(call, call->store->writer_db, &digests, err);
    if (rc == -ERR_NOT_FOUND)
        err_reason(err, "NO_BLOB");
    if (rc == 0)
        rc = index_deploy_claimed(call->store->writer_db, &deployment, &call->item, &call->freed,
                                  err);
    call->task.rc = rc;
}

/* --- what kind of PUT it is --- */

static bool header_is_true(const struct call *call, const char *name)
{
    const char *value = http_header(call->request, name);
    return value && strcasecmp(value, "true") == 0;
}

/* A checksum that is none is a claim nothing can meet: 404 for a deployment by it, else 400. */
static int put_claims(struct call *call, struct err *err)
{
    static const struct {
        const char *header;
        enum claim_kind kind;
    } headers[] = { { "X-Checksum-Sha256", CLAIM_SHA256 },
                    { "X-Checksum-Sha1", CLAIM_SHA1 },
                    { "X-Checksum-Md5", CLAIM_MD5 } };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < countof(headers); i++)
        rc = claim_add(&call->claim, headers[i].kind, http_header(call->request, headers[i].header),
                       err);
    return rc < 0
               ? rc
               : claim_add_by_length(&call->claim, http_header(call->request, "X-Checksum"), err);
}

static void put_folder(struct call *call)
{
    if (http_content_length(call->request) > 0)
        call_error(call, 400, "A folder has no content");
    else
        call_post(call, call->store->writer, folder_work, deployed_done);
}

static void put_sidecar(struct call *call, const struct item_path *other)
{
    if (http_content_length(call->request) > SIDECAR_BYTES_MAX)
        call_error(call, 409, "A checksum file is longer than 1024 bytes");
    else
        http_collect(call->request, SIDECAR_BYTES_MAX,
                     item_is_maven_metadata(other) ? on_metadata_sidecar : on_sidecar_body);
}

static void put_claimed(struct call *call)
{
    if (claim_is_empty(&call->claim))
        call_error(call, 404, "Checksum deploy failed. No checksum header was found");
    else
        call_post(call, call->store->writer, claimed_work, deployed_done);
}

static bool put_explodes(const struct call *call)
{
    return header_is_true(call, "X-Explode-Archive") ||
           header_is_true(call, "X-Explode-Archive-Atomic");
}

static void put_archive(struct call *call, const struct repository *asked)
{
    struct err err = { 0 };

    if (put_claims(call, &err) < 0)
        call_error(call, 400, err.text);
    else if (header_is_true(call, "X-Checksum-Deploy"))
        call_error(call, 404, "Checksum deploy failed. An archive to explode must be sent");
    else
        explode_call(call, asked, header_is_true(call, "X-Explode-Archive-Atomic"));
}

static void put_file(struct call *call)
{
    struct item_path other;
    struct err err = { 0 };
    bool by_checksum = header_is_true(call, "X-Checksum-Deploy");

    if (put_claims(call, &err) < 0)
        call_error(call, by_checksum ? 404 : 400, err.text);
    else if (by_checksum)
        put_claimed(call);
    else if (item_sidecar(&call->at, &other) != SIDECAR_NONE)
        put_sidecar(call, &other);
    else
        upload_call(call);
}

/* What is put to a virtual repository goes where it says, with the rights needed there; a remote
 * one takes nothing.  false: it was answered. */
static bool put_finds_local(struct call *call, const struct repository *repository)
{
    if (repository->class == REPO_LOCAL)
        return true;
    if (repository->class == REPO_REMOTE || !repository->deploy[0]) {
        call_refuse_put(call, repository);
        return false;
    }
    memcpy(call->at.repo, repository->deploy, sizeof call->at.repo);
    return call_require(call, ACCESS_PUSH, &call->at);
}

void put_call(struct call *call)
{
    struct err err = { 0 };
    char text[ERROR_TEXT_MAX];

    if (item_path_parse(call->rest, &call->at, &call->props, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    const struct repository *repository = store_repository(call->store, call->at.repo);
    if (!repository) {
        error_no_repository(call->at.repo, text);
        call_error(call, 404, text);
        return;
    }
    if (!put_finds_local(call, repository))
        return;
    if (call->props.count > 0 && !call_require(call, ACCESS_ANNOTATE, &call->at))
        return;
    if (put_explodes(call)) {
        put_archive(call, repository); /* each of its entries is held against the rules */
        return;
    }
    int rc = intake_check(repository, &call->at, &err);
    if (rc >= 0)
        rc = intake_check(store_repository(call->store, call->at.repo), &call->at, &err);
    if (rc < 0)
        call_error(call, 409, err.text);
    else if (rc > 0)
        maven_put(call);
    else if (call->at.folder)
        put_folder(call);
    else
        put_file(call);
}
