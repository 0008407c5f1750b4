#include "store/web/maven/maven.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/disk/maven.h"

enum { CHECKSUM_BYTES_MAX = 1024, SHA512_BYTES = 64 };

/* --- blocking work: a document --- */

static void sha512_hex(const char *text, size_t len, char ret[2 * SHA512_BYTES + 1])
{
    unsigned char bytes[SHA512_BYTES];

    if (EVP_Digest(text, len, bytes, NULL, EVP_sha512(), NULL) != 1)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

char *maven_digest(enum maven_document document, const char *text, size_t len,
                   const struct digests *digests)
{
    char sha512[2 * SHA512_BYTES + 1];

    if (document == MAVEN_METADATA_SHA512)
        sha512_hex(text, len, sha512);
    return xstrdup(document == MAVEN_METADATA_SHA512   ? sha512
                   : document == MAVEN_METADATA_SHA256 ? digests->sha256
                   : document == MAVEN_METADATA_SHA1   ? digests->sha1
                                                       : digests->md5);
}

static int memory_file(const struct buf *text, int *ret_fd, struct err *err)
{
    auto_close int fd = memfd_create("maven-metadata", MFD_CLOEXEC);

    if (fd < 0 || fs_write_all(fd, text->data, text->len) < 0)
        return err_errno(err, "a file in memory");
    *ret_fd = take_fd(fd);
    return 0;
}

/* As if it were stored: an item and its bytes, or the text of its digest. */
int maven_document_make(struct call *call, struct err *err)
{
    struct maven *maven = call->own;
    struct hasher *hasher = hasher_new();
    struct buf text;
    int rc = 0;

    buf_init(&text, MAVEN_METADATA_BYTES_MAX);
    maven_metadata_finish(&maven->metadata);
    maven_metadata_write(&maven->metadata, &text);
    if (text.over)
        rc = err_set(err, ERR_LIMIT, "The metadata would be larger than %d bytes",
                     MAVEN_METADATA_BYTES_MAX);
    call->item =
        (struct item){ .at = call->at, .modified_ms = maven_when_parse(maven->metadata.updated) };
    hasher_add(hasher, text.data, text.len);
    hasher_end(hasher, &call->item.digests);
    hasher_free(hasher);
    if (rc == 0 && maven->document != MAVEN_METADATA)
        call->text = maven_digest(maven->document, text.data, text.len, &call->item.digests);
    else if (rc == 0)
        rc = memory_file(&text, &call->fd, err);
    buf_done(&text);
    return rc;
}

static void compute_work(struct call *call)
{
    struct maven *maven = call->own;
    struct err *err = &call->task.err;
    int rc = maven_compute(call->store->reader_db, &maven->folder, &maven->metadata, err);

    call->task.rc = rc < 0 ? rc : maven_document_make(call, err);
}

/* --- GET (the loop) --- */

/* What was copied here and is about nothing we know is served as it is. */
static void on_computed(struct call *call)
{
    if (call->task.rc == -ERR_NOT_FOUND)
        get_stored(call);
    else
        get_found(call);
}

static void maven_free(struct call *call)
{
    maven_metadata_done(&maven_of(call)->metadata);
    free(take_ptr(call->own));
}

struct maven *maven_of(struct call *call)
{
    struct maven *maven = call->own;

    if (!maven) {
        maven = xcalloc(1, sizeof *maven);
        maven_metadata_init(&maven->metadata);
        maven->asked = call->at;
        maven->document = maven_document_of(&call->at, &maven->folder);
        call_own(call, maven, maven_free);
    }
    return maven;
}

bool maven_get(struct call *call, const struct repository *repository)
{
    bool is_document = maven_document_of(&call->at, NULL) != MAVEN_NO_DOCUMENT;

    if (call->at.folder || call->at.path[0] == '\0' ||
        (!is_document && repository->class != REPO_REMOTE))
        return false;
    maven_of(call);
    if (repository->class == REPO_REMOTE)
        maven_remote_get(call, repository);
    else if (repository->class == REPO_VIRTUAL)
        maven_virtual_get(call);
    else
        call_post(call, call->store->reader, compute_work, on_computed);
    return true;
}

/* --- PUT --- */

static void keep_work(struct call *call)
{
    struct maven_metadata told;
    struct err *err = &call->task.err;

    maven_metadata_init(&told);
    int rc = maven_metadata_parse(call->text, strlen(call->text), &told, err);
    if (rc == 0)
        rc = maven_keep_plugins(call->store->writer_db, &call->item.at, &told, call->now_ms, err);
    else
        err_wrap(err, "The maven-metadata.xml cannot be read");
    maven_metadata_done(&told);
    call->task.rc = rc;
}

static void on_kept(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else
        call_answer(call, 202, NULL, "");
}

static void on_metadata(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    call->text = xstrndup(body, len);
    call_post(call, call->store->writer, keep_work, on_kept);
}

static void on_checksum(struct http_request *request, const char *body, size_t len)
{
    (void)body, (void)len;
    call_answer(http_state(request), 202, NULL, "");
}

void maven_put(struct call *call)
{
    if (maven_document_of(&call->at, &call->item.at) == MAVEN_METADATA)
        http_collect(call->request, MAVEN_METADATA_BYTES_MAX, on_metadata);
    else
        http_collect(call->request, CHECKSUM_BYTES_MAX, on_checksum);
}
