/* maven_remote.c - what the paths of a remote Maven repository are.
 *
 *   release, numbered build   kept for ever; before it is fetched, its .sha1 is asked for
 *   anything else             kept for the TTL; a maven-metadata.xml must be one
 *   x.sha1, .md5, .sha256     of x as it is kept, so that it agrees; else the upstream's */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/web/maven/maven.h"

enum { CHECKSUM_BYTES_MAX = 1024 };

/* --- checks before anything is kept (pool threads) --- */

/* A page of some proxy between us and the upstream is no metadata. */
static int metadata_verify(const struct remote_want *want, int fd, struct err *err)
{
    struct maven_metadata metadata;
    auto_free char *text = NULL;
    off_t size = lseek(fd, 0, SEEK_END);

    (void)want;
    if (size < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, "seek in a maven-metadata.xml");
    if (size > MAVEN_METADATA_BYTES_MAX)
        return err_set(err, ERR_CONFLICT, "a maven-metadata.xml of more than %d bytes",
                       MAVEN_METADATA_BYTES_MAX);
    text = xmalloc((size_t)size + 1);
    if (fs_read_all(fd, text, (size_t)size) < 0)
        return err_errno(err, "read a maven-metadata.xml");
    maven_metadata_init(&metadata);
    int rc = maven_metadata_parse(text, (size_t)size, &metadata, err);
    if (rc < 0 && err)
        err->code = ERR_CONFLICT;
    maven_metadata_done(&metadata);
    return rc < 0 ? -ERR_CONFLICT : 0;
}

/* "<hex>", "<hex>  <name>" or "SHA1(<name>)= <hex>": tools write all of them. */
static int checksum_take(const char *text, struct claim *ret, struct err *err)
{
    auto_free char *copy = xstrdup(text);
    char *rest = copy;

    for (char *word; (word = strsep(&rest, " \t\r\n"));)
        if (*word && claim_add(ret, CLAIM_SHA1, word, NULL) == 0)
            return 0;
    return err_set(err, ERR_CONFLICT, "what should be a SHA-1 is '%.60s'", text);
}

static int checksum_verify(const struct remote_want *want, int fd, struct err *err)
{
    char text[CHECKSUM_BYTES_MAX + 1];
    struct claim claim = { 0 };
    ssize_t len = pread(fd, text, CHECKSUM_BYTES_MAX, 0);

    (void)want;
    if (len < 0)
        return err_errno(err, "read a checksum");
    text[len] = '\0';
    return checksum_take(text, &claim, err);
}

/* --- a file, and what is promised of it --- */

static void on_promise_read(struct call *call)
{
    struct maven *maven = call->own;

    if (call->task.rc == 0)
        call->task.rc = checksum_take(call->text, &maven->want.promised, &call->task.err);
    free(take_ptr(call->text));
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        remote_answer(call, &maven->want);
}

/* Some upstreams have no checksums; one that has them and is away must not be taken for such. */
static void on_promise_kept(struct call *call)
{
    if (call->task.rc == -ERR_NOT_FOUND)
        remote_answer(call, &maven_of(call)->want);
    else if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        call_read_item(call, &call->item.at, CHECKSUM_BYTES_MAX, on_promise_read);
}

static void on_fetch(struct call *call)
{
    struct remote_want *want = &maven_of(call)->want;
    struct remote_want checksum;
    struct err err = { 0 };
    auto_free char *path = xasprintf("%s.sha1", want->at.path);

    if (remote_want_item(call->store, want->repository, path, REMOTE_IMMUTABLE, &checksum, &err) <
        0) {
        call_error(call, 400, err.text);
        return;
    }
    checksum.document = true;
    checksum.verify = checksum_verify;
    remote_load(call, &checksum, on_promise_kept);
}

static void get_file(struct call *call, const struct repository *repository)
{
    struct maven *maven = maven_of(call);
    bool fixed = maven_path_is_fixed(&call->at);
    struct item_path other;
    struct err err = { 0 };

    int rc = remote_want_item(call->store, repository, call->at.path,
                              fixed ? REMOTE_IMMUTABLE : REMOTE_METADATA, &maven->want, &err);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return;
    }
    struct remote_want want = maven->want;
    want.document = item_sidecar(&call->at, &other) != SIDECAR_NONE;
    if (item_sidecar(&call->at, &other) == SIDECAR_SHA1)
        want.verify = checksum_verify;
    else if (fixed && item_sidecar(&call->at, &other) == SIDECAR_NONE)
        want.on_fetch = on_fetch;
    remote_answer(call, &want);
}

/* --- a checksum of what is kept --- */

static void digest_kept_work(struct call *call)
{
    struct item_path other;
    enum sidecar kind = item_sidecar(&call->at, &other);

    call->task.rc = index_find(call->store->reader_db, &other, &call->item, &call->task.err);
    if (call->task.rc == 0 && call->item.at.folder)
        call->task.rc = -ERR_NOT_FOUND;
    if (call->task.rc == 0)
        call->text = xstrdup(kind == SIDECAR_SHA1  ? call->item.digests.sha1
                             : kind == SIDECAR_MD5 ? call->item.digests.md5
                                                   : call->item.digests.sha256);
}

static void on_digest_kept(struct call *call)
{
    if (!call->request)
        return;
    if (call->task.rc == -ERR_NOT_FOUND)
        get_file(call, store_repository(call->store, call->at.repo));
    else
        get_found(call);
}

/* --- metadata --- */

int maven_metadata_want(struct call *call, const struct repository *repository,
                        const struct item_path *folder, struct remote_want *ret, struct err *err)
{
    auto_free char *path =
        xasprintf("%s%smaven-metadata.xml", folder->path, folder->path[0] ? "/" : "");

    int rc = remote_want_item(call->store, repository, path, REMOTE_METADATA, ret, err);
    ret->document = true;
    ret->verify = metadata_verify;
    return rc;
}

static void digest_work(struct call *call)
{
    char *digest =
        maven_digest(maven_of(call)->document, call->text, call->text_len, &call->item.digests);
    free(call->text);
    call->text = digest;
}

static void on_metadata_read(struct call *call)
{
    if (call->task.rc < 0)
        get_found(call);
    else
        call_post(call, call->store->reader, digest_work, get_found);
}

static void on_metadata_kept(struct call *call)
{
    if (call->task.rc < 0)
        get_found(call);
    else
        call_read_item(call, &call->item.at, MAVEN_METADATA_BYTES_MAX, on_metadata_read);
}

static void get_document(struct call *call, const struct repository *repository)
{
    struct maven *maven = maven_of(call);
    struct err err = { 0 };

    if (maven_metadata_want(call, repository, &maven->folder, &maven->want, &err) < 0)
        call_error(call, 400, err.text);
    else if (maven->document == MAVEN_METADATA)
        remote_answer(call, &maven->want);
    else
        remote_load(call, &maven->want, on_metadata_kept);
}

void maven_remote_get(struct call *call, const struct repository *repository)
{
    struct item_path other;

    if (maven_document_of(&call->at, NULL) != MAVEN_NO_DOCUMENT)
        get_document(call, repository);
    else if (item_sidecar(&call->at, &other) != SIDECAR_NONE)
        call_post(call, call->store->reader, digest_kept_work, on_digest_kept);
    else
        get_file(call, repository);
}
