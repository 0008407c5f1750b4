#include "store/disk/npm_intake.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/base64.h"
#include "store/core/npm_scan.h"

enum { DECODE_BYTES = 16 << 10 };

struct npm_intake {
    struct blobs *blobs;
    struct pins *pins;
    int64_t tarball_max;
    struct npm_scan scan;
    struct base64 base64;
    struct buf text;
    char attachment[NPM_SCAN_KEY_MAX + 1]; /* "": none came */
    bool twice;
    int64_t tarball_bytes;
    EVP_MD_CTX *sha512;
    struct blob_writer *tarball_writer; /* owned until they are committed … */
    struct blob_writer *manifest_writer;
    bool pinned;
    json_t *document;
    struct npm_publication publication;
    struct digests tarball;
    struct digests manifest;
};

/* --- what comes --- */

static bool intake_wants(void *ctx, const struct npm_scan *scan)
{
    struct npm_intake *intake = ctx;
    const char *attachment = scan->keys[1];
    size_t len = strlen(attachment);

    if (scan->depth != 3 || strcmp(scan->keys[0], "_attachments") != 0 ||
        strcmp(scan->keys[2], "data") != 0 || len < 4 || strcmp(attachment + len - 4, ".tgz") != 0)
        return false;
    intake->twice = intake->attachment[0] != '\0';
    snprintf(intake->attachment, sizeof intake->attachment, "%s", attachment);
    return true;
}

static int intake_text(void *ctx, const char *text, size_t len, struct err *err)
{
    struct npm_intake *intake = ctx;

    if (buf_add(&intake->text, text, len) == 0)
        return 0;
    return err_set(err, ERR_LIMIT, "the document is larger than %d bytes without its tarball",
                   NPM_DOCUMENT_MAX);
}

static int bytes_take(struct npm_intake *intake, const void *data, size_t len, struct err *err)
{
    intake->tarball_bytes += (int64_t)len;
    if (intake->tarball_bytes > intake->tarball_max)
        return err_set(err, ERR_LIMIT, "the tarball is larger than %lld bytes",
                       (long long)intake->tarball_max);
    if (!intake->tarball_writer) {
        int rc = blob_begin(intake->blobs, &intake->tarball_writer, err);
        if (rc < 0)
            return rc;
    }
    int ok = EVP_DigestUpdate(intake->sha512, data, len);
    assert(ok == 1);
    return blob_write(intake->tarball_writer, data, len, err);
}

static int intake_taken(void *ctx, const char *text, size_t len, struct err *err)
{
    struct npm_intake *intake = ctx;
    unsigned char bytes[DECODE_BYTES * 3 / 4 + 3];
    int rc = 0;

    if (intake->twice)
        return err_set(err, ERR_INVALID, "one tarball is published at a time");
    while (rc == 0 && len > 0) {
        size_t part = len < DECODE_BYTES ? len : DECODE_BYTES;
        long count = base64_feed(&intake->base64, text, part, bytes, err);
        rc = count < 0 ? (int)count : bytes_take(intake, bytes, (size_t)count, err);
        text += part;
        len -= part;
    }
    if (rc < 0)
        err_wrap(err, "%s", intake->attachment);
    return rc;
}

static int intake_taken_end(void *ctx, const struct npm_scan *scan, struct err *err)
{
    const struct npm_intake *intake = ctx;

    (void)scan;
    if (base64_is_whole(&intake->base64) && intake->tarball_writer)
        return 0;
    return err_set(err, ERR_INVALID, "%s is empty or cut", intake->attachment);
}

struct npm_intake *npm_intake_new(struct blobs *blobs, struct pins *pins, int64_t tarball_max)
{
    struct npm_intake *intake = xcalloc(1, sizeof *intake);

    intake->blobs = blobs;
    intake->pins = pins;
    intake->tarball_max = tarball_max;
    intake->scan = (struct npm_scan){ .wants = intake_wants,
                                      .text = intake_text,
                                      .taken = intake_taken,
                                      .end = intake_taken_end,
                                      .ctx = intake };
    buf_init(&intake->text, NPM_DOCUMENT_MAX);
    intake->sha512 = EVP_MD_CTX_new();
    int ok = intake->sha512 ? EVP_DigestInit_ex(intake->sha512, EVP_sha512(), NULL) : 0;
    assert(ok == 1);
    return intake;
}

int npm_intake_feed(struct npm_intake *intake, const char *data, size_t len, struct err *err)
{
    return npm_scan_feed(&intake->scan, data, len, err);
}

/* --- all has come --- */

static int document_parse(struct npm_intake *intake, struct err *err)
{
    json_error_t error;

    intake->document = json_loadb(intake->text.data ? intake->text.data : "", intake->text.len,
                                  JSON_REJECT_DUPLICATES, &error);
    buf_done(&intake->text);
    if (!intake->document)
        return err_set(err, ERR_INVALID, "the document is not JSON: %s", error.text);
    if (!json_is_object(intake->document))
        return err_set(err, ERR_INVALID, "the document is no object");
    json_object_del(intake->document, "_attachments");
    return 0;
}

/* "sha512-…" of the bytes that came. */
static void integrity_make(struct npm_intake *intake, char ret[NPM_INTEGRITY_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok = EVP_DigestFinal_ex(intake->sha512, digest, &len);

    assert(ok == 1 && NPM_INTEGRITY_MAX > 7 + (EVP_MAX_MD_SIZE + 2) / 3 * 4);
    memcpy(ret, "sha512-", 7);
    EVP_EncodeBlock((unsigned char *)ret + 7, digest, (int)len);
}

static int promise_check(const char *what, const char *promised, const char *are, struct err *err)
{
    if (promised[0] == '\0' || strcmp(promised, are) == 0)
        return 0;
    err_set(err, ERR_INVALID, "the tarball is not what dist.%s promises: %s, not %s", what, are,
            promised);
    err_reason(err, "CHECKSUM");
    return -ERR_INVALID;
}

/* Whatever was told of them, a document tells both digests afterwards. */
static int tarball_check(struct npm_intake *intake, struct err *err)
{
    json_t *dist = json_object_get(intake->publication.manifest, "dist");
    char integrity[NPM_INTEGRITY_MAX];

    blob_seal(intake->tarball_writer, &intake->tarball);
    integrity_make(intake, integrity);
    int rc = promise_check("integrity", intake->publication.integrity, integrity, err);
    if (rc == 0)
        rc = promise_check("shasum", intake->publication.shasum, intake->tarball.sha1, err);
    json_object_set_new(dist, "integrity", json_string(integrity));
    json_object_set_new(dist, "shasum", json_string(intake->tarball.sha1));
    return rc;
}

static int manifest_write(struct npm_intake *intake, struct err *err)
{
    auto_free char *text = json_dumps(intake->publication.manifest, JSON_COMPACT);

    if (!text)
        abort(); /* out of memory */
    if (strlen(text) > NPM_MANIFEST_MAX)
        return err_set(err, ERR_LIMIT, "a version's manifest has at most %d bytes",
                       NPM_MANIFEST_MAX);
    int rc = blob_begin(intake->blobs, &intake->manifest_writer, err);
    if (rc == 0)
        rc = blob_write(intake->manifest_writer, text, strlen(text), err);
    if (rc == 0)
        blob_seal(intake->manifest_writer, &intake->manifest);
    return rc;
}

static int both_commit(struct npm_intake *intake, struct err *err)
{
    struct blob_writer *writers[] = { take_ptr(intake->tarball_writer),
                                      take_ptr(intake->manifest_writer) };

    pins_add(intake->pins, intake->tarball.sha256);
    pins_add(intake->pins, intake->manifest.sha256);
    intake->pinned = true;
    return blob_commit_all(writers, countof(writers), err);
}

int npm_intake_finish(struct npm_intake *intake, const char *name, struct err *err)
{
    if (!npm_scan_is_whole(&intake->scan))
        return err_set(err, ERR_INVALID, "the document is cut short");
    int rc = document_parse(intake, err);
    if (rc < 0 || !npm_intake_has_tarball(intake))
        return rc;
    rc =
        npm_publication_read(intake->document, name, intake->attachment, &intake->publication, err);
    if (rc == 0)
        rc = tarball_check(intake, err);
    if (rc == 0)
        rc = manifest_write(intake, err);
    return rc < 0 ? rc : both_commit(intake, err);
}

void npm_intake_end(struct npm_intake *intake)
{
    blob_abort(take_ptr(intake->tarball_writer));
    blob_abort(take_ptr(intake->manifest_writer));
    if (intake->pinned) {
        pins_drop(intake->pins, intake->tarball.sha256);
        pins_drop(intake->pins, intake->manifest.sha256);
    }
    intake->pinned = false;
}

void npm_intake_free(struct npm_intake *intake)
{
    if (!intake)
        return;
    assert(!intake->tarball_writer && !intake->manifest_writer && !intake->pinned);
    EVP_MD_CTX_free(intake->sha512);
    buf_done(&intake->text);
    npm_publication_done(&intake->publication);
    json_decref(intake->document);
    free(intake);
}

bool npm_intake_has_tarball(const struct npm_intake *intake)
{
    return intake->attachment[0] != '\0';
}

const json_t *npm_intake_document(const struct npm_intake *intake)
{
    return intake->document;
}

const struct npm_publication *npm_intake_publication(const struct npm_intake *intake)
{
    return &intake->publication;
}

const struct digests *npm_intake_tarball(const struct npm_intake *intake)
{
    return &intake->tarball;
}

const struct digests *npm_intake_manifest(const struct npm_intake *intake)
{
    return &intake->manifest;
}
