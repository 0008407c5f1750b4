/* npm_remote.c - what the npm API asks of a remote repository.
 *
 *   document:  .npm/NAME/package.json or install-v1.json, as the upstream told it, by TTL
 *   manifest:  .npm/NAME/VERSION.json, so that one version costs no document of megabytes
 *   tarball:   kept? sent.  Else the manifest first (or the document, of an upstream that has no
 *              manifests): its integrity is what the bytes must have before they are kept.
 *
 * npm tells a tarball's address in the manifest; it is followed where it is on the upstream's own
 * host, and is otherwise what every registry has. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/web/npm/npm_read.h"
#include "store/web/remote/remote.h"

enum { MANIFEST_BYTES_MAX = 4 << 20 };

static void tarball_answer(struct call *call, call_fn on_fetch);
static void document_load(struct call *call, bool abbreviated, call_fn then);

/* --- what is wanted --- */

/* "BASE/@scope%2fname"; `below` (may be NULL) follows a slash. */
static int want_url(const struct call *call, const char *below, struct remote_want *ret,
                    struct err *err)
{
    const char *name = npm_of(call)->path.name;
    const char *base = npm_name_base(name);
    struct buf url;

    buf_init(&url, sizeof ret->url - 1);
    buf_printf(&url, "%s/", remote_base(call->store, ret->repository));
    if (base > name)
        buf_printf(&url, "%.*s%%2f", (int)(base - name - 1), name);
    text_encode_path(&url, base);
    if (below) {
        buf_add_str(&url, "/");
        text_encode_path(&url, below);
    }
    int rc = url.over ? err_set(err, ERR_LIMIT, "the upstream's URL would be too long") : 0;
    if (rc == 0)
        memcpy(ret->url, url.data, url.len + 1);
    buf_done(&url);
    return rc;
}

/* Metadata of the package, kept as `what`, at the upstream `below` its name. */
static int want_metadata(const struct call *call, const char *what, const char *below,
                         struct remote_want *ret, struct err *err)
{
    const struct repository *member = npm_of(call)->read->member;

    *ret = (struct remote_want){ .repository = member, .rule = REMOTE_METADATA, .document = true };
    int rc = npm_metadata_at(member->key, npm_of(call)->path.name, what, &ret->at, err);
    return rc < 0 ? rc : want_url(call, below, ret, err);
}

/* --- blocking work --- */

int npm_source_parse(struct npm_source *source, const char *package_url, struct err *err)
{
    json_error_t error;

    if (source->size_bytes > NPM_UPSTREAM_DOCUMENT_MAX)
        return err_set(err, ERR_LIMIT, "the upstream's document has more than %d bytes",
                       NPM_UPSTREAM_DOCUMENT_MAX);
    source->doc = json_loadfd(source->fd, 0, &error);
    if (!json_is_object(source->doc)) {
        json_decref(take_ptr(source->doc));
        return err_set(err, ERR_IO, "the upstream's document is not JSON: %s", error.text);
    }
    npm_doc_rewrite(source->doc, package_url);
    return 0;
}

/* What was loaded may be replaced from now on: hold it. */
static void open_work(struct call *call)
{
    struct npm_read *read = npm_of(call)->read;
    struct npm_source source = { .fd = -1 };

    snprintf(source.sha256, sizeof source.sha256, "%s", call->item.digests.sha256);
    call->task.rc = blobs_read(call->store->blobs, source.sha256, &source.fd, &source.size_bytes,
                               &call->task.err);
    if (call->task.rc == 0)
        read->sources[read->count++] = source;
}

/* The one version of the source that was opened last: call->text, or what its tarball must be. */
static void pick_work(struct call *call)
{
    struct npm_call *npm = call->own;
    struct npm_source *source = &npm->read->sources[npm->read->count - 1];
    struct err *err = &call->task.err;
    bool of_tarball = npm->path.what == NPM_TARBALL;
    json_t *doc =
        source->size_bytes > NPM_UPSTREAM_DOCUMENT_MAX ? NULL : json_loadfd(source->fd, 0, NULL);
    json_t *manifest =
        json_object_get(doc, "versions") ? npm_doc_version(doc, npm->path.version) : doc;
    int rc = 0;

    if (!doc)
        rc = err_set(err, ERR_IO, "the upstream's document is no JSON, or too large");
    else if (!manifest)
        rc = err_set(err, ERR_NOT_FOUND, "version not found");
    else if (of_tarball)
        rc = npm_dist_read(manifest, &npm->read->dist, err);
    else
        npm_manifest_rewrite(manifest, npm->path.name, npm->package_url);
    if (rc == 0 && !of_tarball)
        npm_take_json(call, json_incref(manifest));
    json_decref(doc);
    close(source->fd);
    npm->read->count--;
    call->task.rc = rc;
}

/* --- events (the loop) --- */

/* Of any step: nobody is there any more, or it goes on with the next member, or ends. */
static bool is_over(struct call *call)
{
    int rc = call->task.rc; /* the next step has its own */

    if (!call->request)
        return true;
    if (rc == -ERR_NOT_FOUND)
        npm_member_next(call);
    else if (rc < 0)
        npm_member_failed(call);
    return rc < 0;
}

static void on_document_open(struct call *call)
{
    if (!is_over(call))
        npm_member_next(call);
}

static void on_document(struct call *call)
{
    if (!is_over(call))
        call_post(call, call->store->reader, open_work, on_document_open);
}

static void on_picked(struct call *call)
{
    if (is_over(call))
        return;
    if (npm_of(call)->path.what == NPM_TARBALL)
        tarball_answer(call, NULL);
    else
        npm_answer_text(call, 200);
}

static void on_pick_open(struct call *call)
{
    if (!is_over(call))
        call_post(call, store_disk(call->store), pick_work, on_picked);
}

static void on_pick_document(struct call *call)
{
    if (!is_over(call))
        call_post(call, call->store->reader, open_work, on_pick_open);
}

/* Not every registry tells of one version alone. */
static void on_manifest(struct call *call)
{
    if (call->task.rc == -ERR_NOT_FOUND && call->request)
        document_load(call, true, on_pick_document);
    else
        on_pick_document(call);
}

/* --- what is asked --- */

static void load(struct call *call, const struct remote_want *want, int rc, const struct err *err,
                 call_fn then)
{
    if (rc == 0) {
        remote_load(call, want, then);
        return;
    }
    call->task.rc = rc;
    call->task.err = *err;
    npm_member_failed(call);
}

static void document_load(struct call *call, bool abbreviated, call_fn then)
{
    struct remote_want want;
    struct err err = { 0 };
    int rc = want_metadata(call, abbreviated ? "install-v1" : "package", NULL, &want, &err);

    want.accept =
        abbreviated ? NPM_ABBREVIATED_TYPE "; q=1.0, application/json; q=0.8" : "application/json";
    load(call, &want, rc, &err, then);
}

/* What the bytes of a version must be never changes; what is said of it (deprecated) may. */
static void manifest_load(struct call *call)
{
    const char *version = npm_of(call)->path.version;
    struct remote_want want;
    struct err err = { 0 };
    int rc = want_metadata(call, version, version, &want, &err);

    want.accept = "application/json";
    if (npm_of(call)->path.what == NPM_TARBALL)
        want.rule = REMOTE_IMMUTABLE;
    load(call, &want, rc, &err, on_manifest);
}

/* The address the upstream told, if it is on the upstream's own host. */
static bool url_is_theirs(const char *url, const char *base)
{
    const char *host = strstr(base, "://");
    size_t len = host ? (size_t)(host + 3 - base) + strcspn(host + 3, "/") : 0;

    return len > 0 && strncmp(url, base, len) == 0 && url[len] == '/' &&
           strlen(url) < REMOTE_URL_MAX && !strpbrk(url, " \"<>\\^`{|}#");
}

static int want_tarball(const struct call *call, struct remote_want *ret, struct err *err)
{
    const struct npm_call *npm = call->own;
    const struct npm_dist *dist = &npm->read->dist;
    const struct repository *member = npm->read->member;
    auto_free char *path = NULL;
    char file[ITEM_PATH_MAX + 1];

    npm_file_name(npm->path.name, npm->path.version, file);
    path = xasprintf("%s/-/%s", npm->path.name, file);
    int rc = remote_want_item(call->store, member, path, REMOTE_IMMUTABLE, ret, err);
    if (rc < 0)
        return rc;
    if (url_is_theirs(dist->url, remote_base(call->store, member)))
        snprintf(ret->url, sizeof ret->url, "%s", dist->url);
    snprintf(ret->promised_sri, sizeof ret->promised_sri, "%s", dist->integrity);
    snprintf(ret->promised.sha1, sizeof ret->promised.sha1, "%s", dist->shasum);
    return 0;
}

/* `on_fetch` finds out what is promised of what is not kept; what is kept was what was promised. */
static void tarball_answer(struct call *call, call_fn on_fetch)
{
    struct remote_want want;
    struct err err = { 0 };
    int rc = want_tarball(call, &want, &err);

    if (rc < 0) {
        call->task.rc = rc;
        call->task.err = err;
        npm_member_failed(call);
        return;
    }
    want.on_fetch = on_fetch;
    call->on_missing = npm_member_next;
    remote_answer(call, &want);
}

void npm_remote_ask(struct call *call)
{
    struct npm_call *npm = call->own;

    if (npm->path.what == NPM_TARBALL)
        tarball_answer(call, manifest_load);
    else if (npm->path.what == NPM_VERSION)
        manifest_load(call);
    else
        document_load(call, npm->abbreviated && npm->path.what == NPM_PACKAGE, on_document);
}
