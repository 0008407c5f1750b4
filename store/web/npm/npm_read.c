/* npm_read.c - documents, manifests, tags and tarballs.
 *
 *   document, tags:  member -> member -> … all that have it: merged (a remote's alone: streamed)
 *   manifest:        member -> member -> … the first that has it
 *   tarball:         the same
 *
 * A local or remote repository is asked as a virtual one of itself alone.  What a remote is asked
 * is in npm_remote.c. */
#include "store/web/npm/npm_read.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/web/bytes.h"
#include "store/web/remote/members.h"

/* --- blocking work --- */

/* The document of a local package, or its tags. */
static int local_document(struct npm_call *npm, struct blobs *blobs,
                          const struct npm_package *package, json_t **ret, struct err *err)
{
    if (npm->path.what != NPM_TAGS)
        return npm_package_doc(package, blobs, npm->package_url, ret, err);
    *ret = json_pack("{s:s, s:o}", "name", npm->path.name, "dist-tags", npm_package_tags(package));
    return 0;
}

static int local_manifest(struct npm_call *npm, struct blobs *blobs,
                          const struct npm_package *package, json_t **ret, struct err *err)
{
    const struct npm_row *row = npm_package_row(package, npm->path.version);

    if (!row)
        row = npm_package_tagged(package, npm->path.version);
    if (!row)
        return err_set(err, ERR_NOT_FOUND, "version not found: %s@%s", npm->path.name,
                       npm->path.version);
    return npm_package_manifest(package, row, blobs, npm->package_url, ret, err);
}

static void local_work(struct call *call)
{
    struct npm_call *npm = call->own;
    struct store *store = call->store;
    struct err *err = &call->task.err;
    bool one = npm->path.what == NPM_VERSION;
    struct npm_package package;
    json_t *json = NULL;

    call->task.rc = npm_strays_find(call)
                        ? -ERR_NOT_FOUND
                        : npm_package_load(store->reader_db, npm->read->member->key, npm->path.name,
                                           &package, err);
    if (call->task.rc < 0)
        return;
    call->task.rc =
        (one ? local_manifest : local_document)(npm, store->blobs, &package, &json, err);
    npm_package_done(&package);
    if (json && one)
        npm_take_json(call, json);
    else if (json)
        npm->read->sources[npm->read->count++] = (struct npm_source){ .doc = json, .fd = -1 };
}

static void local_tarball_work(struct call *call)
{
    const struct npm_call *npm = call->own;
    struct store *store = call->store;
    struct err *err = &call->task.err;
    int rc =
        npm_tarball_at(npm->read->member->key, npm->path.name, npm->path.version, &call->at, err);

    if (rc == 0)
        rc = index_find(store->reader_db, &call->at, &call->item, err);
    if (rc == 0)
        rc = bytes_open(store, &call->item.digests, &call->fd, err);
    call->task.rc = rc;
}

static void etag_make(struct call *call)
{
    char sha256[SHA256_HEX];

    sha256_hex(call->text, strlen(call->text), sha256);
    snprintf(npm_of(call)->etag, sizeof npm_of(call)->etag, "\"%.40s\"", sha256);
}

/* All that the members have, the first one's before the others'. */
static int sources_merge(struct call *call, json_t **ret)
{
    struct npm_read *read = npm_of(call)->read;
    json_t *doc = NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < read->count; i++) {
        struct npm_source *source = &read->sources[i];
        if (!source->doc)
            rc = npm_source_parse(source, npm_of(call)->package_url, &call->task.err);
        if (rc == 0 && !doc)
            doc = json_incref(source->doc);
        else if (rc == 0)
            npm_doc_merge(doc, source->doc);
    }
    if (rc < 0)
        json_decref(doc);
    else
        *ret = doc;
    return rc;
}

static void merge_work(struct call *call)
{
    struct npm_call *npm = call->own;
    json_t *doc = NULL;

    call->task.rc = sources_merge(call, &doc);
    if (call->task.rc < 0)
        return;
    if (npm->path.what == NPM_TAGS)
        npm_take_json(call, json_incref(json_object_get(doc, "dist-tags")));
    else if (npm->abbreviated)
        npm_take_json(call, npm_doc_abbreviated(doc));
    else
        npm_take_json(call, json_incref(doc));
    json_decref(doc);
    etag_make(call);
}

/* --- events (the loop) --- */

static void on_merged(struct call *call)
{
    if (call->task.rc < 0)
        npm_fail(call);
    else
        npm_answer_text(call, 200);
}

static void on_local(struct call *call)
{
    if (npm_strays_adopt(call))
        return;
    if (call->task.rc < 0 && call->task.rc != -ERR_NOT_FOUND)
        npm_fail(call);
    else if (call->fd >= 0)
        get_found(call);
    else if (call->text)
        npm_answer_text(call, 200);
    else
        npm_member_next(call);
}

/* --- one member after the other --- */

/* A member that could not be asked counts only when no other has it. */
static void members_end(struct call *call)
{
    struct npm_read *read = npm_of(call)->read;

    if (read->count == 1 && !read->sources[0].doc && npm_of(call)->path.what == NPM_PACKAGE) {
        npm_stream_answer(call);
    } else if (read->count > 0) {
        call_post(call, store_disk(call->store), merge_work, on_merged);
    } else if (read->rc < 0) {
        call->task.rc = read->rc;
        call->task.err = read->err;
        npm_fail(call);
    } else {
        call_error(call, 404,
                   npm_of(call)->path.what == NPM_PACKAGE || npm_of(call)->path.what == NPM_TAGS
                       ? "package not found"
                       : "version not found");
    }
}

void npm_local_ask(struct call *call)
{
    call_post(call, call->store->reader,
              npm_of(call)->path.what == NPM_TARBALL ? local_tarball_work : local_work, on_local);
}

static void on_member(struct call *call)
{
    struct npm_read *read = npm_of(call)->read;

    read->member = call->members->member;
    if (!read->member)
        members_end(call);
    else
        (read->member->class == REPO_LOCAL ? npm_local_ask : npm_remote_ask)(call);
}

void npm_member_next(struct call *call)
{
    if (!call->request)
        return;
    if (npm_of(call)->read->count == NPM_SOURCES_MAX)
        members_end(call);
    else
        members_next(call, on_member);
}

void npm_member_failed(struct call *call)
{
    struct npm_read *read = npm_of(call)->read;

    if (read->rc == 0) {
        read->rc = call->task.rc;
        read->err = call->task.err;
    }
    npm_member_next(call);
}

void npm_read_call(struct call *call)
{
    struct npm_call *npm = call->own;

    struct item_path at;
    struct err err = { 0 };

    npm->read = xcalloc(1, sizeof *npm->read);
    int rc = npm->path.what == NPM_TARBALL
                 ? npm_tarball_at(npm->path.repo, npm->path.name, npm->path.version, &at, &err)
                 : npm_metadata_at(npm->path.repo, npm->path.name, "package", &at, &err);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return;
    }
    members_begin(call, npm->repository, &at);
    npm_member_next(call);
}

void npm_read_free(struct call *call)
{
    struct npm_read *read = take_ptr(npm_of(call)->read);

    if (!read)
        return;
    for (size_t i = 0; i < read->count; i++) {
        json_decref(read->sources[i].doc);
        if (read->sources[i].fd >= 0)
            close(read->sources[i].fd);
    }
    npm_stream_free(read->stream);
    npm_strays_free(read->strays);
    free(read);
}
