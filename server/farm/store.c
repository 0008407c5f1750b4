/* store.c - publication to an Artifactory-compatible store, over HTTP.
 *
 *   claim: PUT path;properties, X-Checksum-Deploy: true, no body   (size >= 10 KiB)
 *     201 --> compare        404 --> body: PUT with the three checksums --> compare
 *     403, 409 (either) --> GET api/storage/path: the same three checksums is a success
 *   then, when all files are there: PUT api/build.  Only a build that has one is published: what
 *   was cut before is files that nothing names, and the next try finds them there.
 *
 * A status alone proves nothing: a server that does not know checksum deploy keeps an empty file
 * and says 201.  So the checksums and the size of the answer are compared, always. Source: JFrog's
 * REST API documentation, "Deploy Artifact", "Deploy Artifact by Checksum", "Build Upload". */
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <string.h>

#include "server/farm/state.h"
#include "sos/base/client.h"

enum { CLAIM_SIZE_MIN = 10 * 1024, PUT_TIMEOUT_MS = 30 * 60 * 1000 };

struct store {
    atomic_bool stopping; /* what is under way is given up */
    struct blobs *blobs;
    struct client *publisher;
    struct client *fetcher;
    const char *url;
    const char *repository;
};

struct store *store_new(const struct farm_config *config, struct blobs *blobs)
{
    struct store *store = xcalloc(1, sizeof *store);
    const char *token = config->store_token && *config->store_token ? config->store_token : NULL;

    store->blobs = blobs;
    store->url = config->store_url;
    store->repository = config->store_repository;
    store->publisher = client_new(token, NULL);
    store->fetcher = client_new(token, NULL);
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    client_free(store->publisher);
    client_free(store->fetcher);
    free(store);
}

void store_stop(struct store *store)
{
    atomic_store(&store->stopping, true);
}

static int is_stopping(void *ctx)
{
    return atomic_load(&((struct store *)ctx)->stopping);
}

/* Without an answer nothing is known: it may pass, whatever the code was. */
static int publisher_do(struct store *store, struct client_request *request,
                        struct client_answer *ret, struct err *err)
{
    request->cancelled = is_stopping;
    request->ctx = store;
    if (client_do(store->publisher, request, ret, err) == 0)
        return 0;
    err->code = ERR_IO;
    return -ERR_IO;
}

/* --- addresses --- */

static char *folder_url(const struct store *store, const char *middle,
                        const struct sos_artifact *artifact)
{
    auto_free char *repository = client_escape(store->repository);
    auto_free char *name = client_escape(artifact->name);
    auto_free char *version = client_escape(artifact->version);
    auto_free char *platform = client_escape(artifact->platform);

    return xasprintf("%s/%s%s/%s/%s/%s", store->url, middle, repository, name, version, platform);
}

static char *file_url(const struct store *store, const char *middle,
                      const struct sos_artifact *artifact, const struct sos_artifact_file *file)
{
    auto_free char *folder = folder_url(store, middle, artifact);
    auto_free char *path = client_escape(file->path);

    return xasprintf("%s/%s", folder, path);
}

static void property_add(struct buf *url, const char *key, const char *value)
{
    auto_free char *escaped = client_escape(value ? value : "");

    if (*escaped)
        buf_printf(url, ";%s=%s", key, escaped);
}

/* The address with the properties that make the file found again. */
static char *deploy_url(const char *plain, const struct sos_build *build,
                        const struct sos_artifact *artifact)
{
    struct buf url;
    char number[16], started[24];

    snprintf(number, sizeof number, "%d", build->number);
    snprintf(started, sizeof started, "%" PRId64, build_info_started_ms(build));
    buf_init(&url, 16384);
    buf_add_str(&url, plain);
    property_add(&url, "sos.name", artifact->name);
    property_add(&url, "sos.version", artifact->version);
    property_add(&url, "sos.kind", "artifact");
    property_add(&url, "sos.platform", artifact->platform);
    property_add(&url, "sos.lang", build->language);
    property_add(&url, "sos.image", build->image ? build->image->run_digest : NULL);
    property_add(&url, "sos.build", build->id);
    property_add(&url, "build.name", artifact->name);
    property_add(&url, "build.number", number);
    property_add(&url, "build.timestamp", started);
    property_add(&url, "vcs.url", build->vcs ? build->vcs->url : NULL);
    property_add(&url, "vcs.revision", build->vcs ? build->vcs->commit : NULL);
    property_add(&url, "vcs.branch", build->vcs ? build->vcs->branch : NULL);
    return buf_take(&url);
}

/* --- answers --- */

static const char *checksum_of(const json_t *checksums, const char *name)
{
    const char *text = json_string_value(json_object_get(checksums, name));

    return text ? text : "";
}

/* Does an answer (of a deploy or of api/storage) tell of exactly these bytes?  The sha256 it tells
 * is kept for the message. */
static bool answer_is_same(const struct client_answer *answer, const struct sos_artifact_file *file,
                           char ret_sha256[SHA256_HEX])
{
    json_t *root =
        json_loadb(answer->body.data ? answer->body.data : "", answer->body.len, 0, NULL);
    const json_t *checksums = json_object_get(root, "checksums");
    const json_t *size = json_object_get(root, "size");
    const char *size_text = json_string_value(size);
    int64_t bytes = size_text ? strtoll(size_text, NULL, 10) : json_integer_value(size);
    bool same = strcmp(checksum_of(checksums, "sha256"), file->sha256) == 0 &&
                strcmp(checksum_of(checksums, "sha1"), file->sha1) == 0 &&
                strcmp(checksum_of(checksums, "md5"), file->md5) == 0 && bytes == file->size_bytes;

    snprintf(ret_sha256, SHA256_HEX, "%s", checksum_of(checksums, "sha256"));
    json_decref(root);
    return same;
}

static int status_error(const char *what, const struct sos_artifact_file *file, int status,
                        struct err *err)
{
    return err_set(err, ERR_IO, "%s of %s: the store answered %d", what, file->path, status);
}

/* The path is taken: by these bytes, which is as good as ours, or by others. */
static int taken_check(struct store *store, const struct sos_artifact *artifact,
                       const struct sos_artifact_file *file, int put_status, struct err *err)
{
    auto_free char *url = file_url(store, "api/storage/", artifact, file);
    struct client_request request = CLIENT_REQUEST("GET", url);
    struct client_answer answer;
    char theirs[SHA256_HEX];
    int rc = publisher_do(store, &request, &answer, err);

    if (rc < 0)
        return rc;
    bool same = answer.status == 200 && answer_is_same(&answer, file, theirs);
    int status = answer.status;
    client_answer_done(&answer);
    if (same)
        return 0;
    if (status != 200) /* not taken: the store refuses for a reason of its own */
        return status_error("PUT", file, put_status, err);
    err_set(err, ERR_CONFLICT, "%s@%s is published with other bytes: %s there, %s here",
            artifact->name, artifact->version, theirs, file->sha256);
    err_hint(err, "choose another version: a published one never changes");
    err_reason(err, "VERSION_CONFLICT");
    return -ERR_CONFLICT;
}

/* --- requests --- */

/* Body or claim.  1: the store does not have these bytes yet. */
static int put(struct store *store, const char *url, const struct sos_artifact *artifact,
               const struct sos_artifact_file *file, bool claim, struct err *err)
{
    auto_free char *sha256 = xasprintf("X-Checksum-Sha256: %s", file->sha256);
    auto_free char *sha1 = xasprintf("X-Checksum-Sha1: %s", file->sha1);
    auto_free char *md5 = xasprintf("X-Checksum-Md5: %s", file->md5);
    const char *headers[] = { sha256, sha1, md5, claim ? "X-Checksum-Deploy: true" : NULL, NULL };
    struct client_request request = CLIENT_REQUEST("PUT", url);
    struct client_answer answer;
    char theirs[SHA256_HEX];
    auto_close int fd = -1;
    int rc = claim ? 0 : blobs_read(store->blobs, file->sha256, &fd, NULL, err);

    if (rc < 0)
        return rc;
    request.headers = headers;
    request.timeout_ms = PUT_TIMEOUT_MS;
    if (!claim) {
        request.body_fd = fd;
        request.body_fd_len = file->size_bytes;
    }
    if ((rc = publisher_do(store, &request, &answer, err)) < 0)
        return rc;
    int status = answer.status;
    bool done = status / 100 == 2;
    bool same = done && answer_is_same(&answer, file, theirs);
    client_answer_done(&answer);
    if (same)
        return 0;
    if (claim && status != 403 && status != 409)
        return 1;
    if (status == 403 || status == 409)
        return taken_check(store, artifact, file, status, err);
    if (done)
        return err_set(err, ERR_IO, "PUT of %s: the store tells of other bytes than were sent",
                       file->path);
    return status_error("PUT", file, status, err);
}

static int file_publish(struct store *store, const struct sos_build *build,
                        const struct sos_artifact *artifact, struct sos_artifact_file *file,
                        struct err *err)
{
    auto_free char *plain = file_url(store, "", artifact, file);
    auto_free char *url = deploy_url(plain, build, artifact);
    int rc = 1;

    if (file->size_bytes >= CLAIM_SIZE_MIN)
        rc = put(store, url, artifact, file, true, err);
    if (rc == 1)
        rc = put(store, url, artifact, file, false, err);
    if (rc == 0 && !file->url)
        file->url = take_ptr(plain);
    return rc;
}

static int build_publish(struct store *store, const struct publish_order *order, struct err *err)
{
    auto_free char *url = xasprintf("%s/api/build", store->url);
    auto_free char *text = build_info_text(order);
    struct client_request request = CLIENT_REQUEST("PUT", url);
    struct client_answer answer;
    int rc;

    request.headers = (const char *const[]){ "Content-Type: application/json", NULL };
    request.body = text;
    request.body_len = strlen(text);
    request.timeout_ms = PUT_TIMEOUT_MS;
    if ((rc = publisher_do(store, &request, &answer, err)) < 0)
        return rc;
    int status = answer.status;
    client_answer_done(&answer);
    if (status / 100 != 2)
        return err_set(err, ERR_IO, "PUT of the build-info: the store answered %d", status);
    return 0;
}

int store_publish(void *ctx, const struct publish_order *order, struct err *err)
{
    struct store *store = ctx;
    struct sos_artifact *artifact = order->artifact;

    for (size_t i = 0; i < artifact->files_count; i++) {
        int rc = file_publish(store, order->build, artifact, &artifact->files[i], err);
        if (rc < 0)
            return rc;
    }
    if (!artifact->url)
        artifact->url = folder_url(store, "", artifact);
    return build_publish(store, order, err);
}

/* --- fetching --- */

struct fetch {
    struct store *store;
    int fd;
    struct hasher *hasher;
    int64_t left;
};

static int fetch_write(void *ctx, const void *data, size_t len)
{
    struct fetch *fetch = ctx;
    const char *at = data;

    if ((int64_t)len > fetch->left)
        return -ERR_LIMIT;
    fetch->left -= (int64_t)len;
    hasher_add(fetch->hasher, data, len);
    while (len > 0) {
        ssize_t n = write(fetch->fd, at, len);
        if (n < 0)
            return -ERR_FULL;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int fetch_is_stopping(void *ctx)
{
    return is_stopping(((struct fetch *)ctx)->store);
}

int store_fetch(struct store *store, const struct sos_artifact *artifact,
                const struct sos_artifact_file *file, int fd, struct err *err)
{
    auto_free char *url = file_url(store, "", artifact, file);
    struct fetch fetch = {
        .store = store, .fd = fd, .hasher = hasher_new_sha256(), .left = file->size_bytes
    };
    struct client_request request = CLIENT_REQUEST("GET", url);
    struct client_answer answer;
    struct digests digests;

    request.answer_write = fetch_write;
    request.cancelled = fetch_is_stopping;
    request.ctx = &fetch;
    request.timeout_ms = PUT_TIMEOUT_MS;
    int rc = client_do(store->fetcher, &request, &answer, err);
    hasher_end(fetch.hasher, &digests);
    hasher_free(fetch.hasher);
    if (rc < 0 && rc != -ERR_FULL)
        err_reason(err, "STORE_UNAVAILABLE");
    if (rc < 0)
        return rc;
    int status = answer.status;
    client_answer_done(&answer);
    if (status != 200)
        rc = status_error("GET", file, status, err);
    else if (fetch.left != 0 || strcmp(digests.sha256, file->sha256) != 0)
        rc = err_set(err, ERR_IO, "the store gave other bytes than were published as %s",
                     file->path);
    if (rc < 0)
        err_reason(err, "STORE_UNAVAILABLE");
    return rc;
}
