/* npm_read.c - documents, manifests, tags and tarballs.
 *
 *   document, tags:  member -> member -> … -> one has it: as it is; several: merged -> answer
 *   manifest:        member -> member -> … the first that has it
 *   tarball:         the same
 *
 * A local or remote repository is asked as a virtual one of itself alone. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/npm.h"

enum { SOURCES_MAX = 16 };

struct npm_read {
    const char *members; /* those to come */
    const struct repository *member;
    json_t *doc; /* owned; what the members before had, merged */
    bool failed; /* a member could not be asked: `err` tells … */
    int rc;
    struct err err;
};

static void member_next(struct call *call);

/* --- blocking work --- */

static int local_package(struct call *call, struct npm_package *ret)
{
    return npm_package_load(call->store->reader_db, call->npm->read->member->key,
                            call->npm->path.name, ret, &call->task.err);
}

static void local_document_work(struct call *call)
{
    struct npm_call *npm = call->npm;
    struct npm_package package;
    json_t *doc = NULL;

    call->task.rc = local_package(call, &package);
    if (call->task.rc < 0)
        return;
    if (npm->path.what == NPM_TAGS)
        doc = json_pack("{s:s, s:o}", "name", npm->path.name, "dist-tags",
                        npm_package_tags(&package));
    else
        call->task.rc =
            npm_package_doc(&package, call->store->blobs, npm->package_url, &doc, &call->task.err);
    npm_package_done(&package);
    if (!doc)
        return;
    if (npm->read->doc)
        npm_doc_merge(npm->read->doc, doc);
    else
        npm->read->doc = json_incref(doc);
    json_decref(doc);
}

static void local_version_work(struct call *call)
{
    struct npm_call *npm = call->npm;
    struct npm_package package;
    json_t *manifest = NULL;

    call->task.rc = local_package(call, &package);
    if (call->task.rc < 0)
        return;
    const struct npm_row *row = npm_package_row(&package, npm->path.version);
    if (!row)
        row = npm_package_tagged(&package, npm->path.version);
    call->task.rc = row ? npm_package_manifest(&package, row, call->store->blobs, npm->package_url,
                                               &manifest, &call->task.err)
                        : err_set(&call->task.err, ERR_NOT_FOUND, "version not found: %s@%s",
                                  npm->path.name, npm->path.version);
    npm_package_done(&package);
    if (manifest)
        npm_take_json(call, manifest);
}

static void local_tarball_work(struct call *call)
{
    const struct npm_call *npm = call->npm;
    struct store *store = call->store;
    struct err *err = &call->task.err;
    int rc =
        npm_tarball_at(npm->read->member->key, npm->path.name, npm->path.version, &call->at, err);

    if (rc == 0)
        rc = index_find(store->reader_db, &call->at, &call->item, err);
    if (rc == 0)
        rc = blobs_read(store->blobs, call->item.digests.sha256, &call->fd, NULL, err);
    call->task.rc = rc;
}

static void text_make(struct call *call)
{
    struct npm_call *npm = call->npm;
    char sha256[SHA256_HEX];

    sha256_hex(call->text, strlen(call->text), sha256);
    snprintf(npm->etag, sizeof npm->etag, "\"%.40s\"", sha256);
}

static void document_work(struct call *call)
{
    struct npm_call *npm = call->npm;
    json_t *doc = take_ptr(npm->read->doc);

    if (npm->path.what == NPM_TAGS)
        npm_take_json(call, json_incref(json_object_get(doc, "dist-tags")));
    else if (npm->abbreviated)
        npm_take_json(call, npm_doc_abbreviated(doc));
    else
        npm_take_json(call, json_incref(doc));
    json_decref(doc);
    text_make(call);
}

/* --- events (the loop) --- */

static void on_text(struct call *call)
{
    npm_answer_text(call, 200);
}

static void on_local(struct call *call)
{
    if (call->task.rc < 0 && call->task.rc != -ERR_NOT_FOUND)
        npm_fail(call);
    else if (call->fd >= 0)
        get_found(call);
    else if (call->text)
        npm_answer_text(call, 200);
    else
        member_next(call);
}

/* --- one member after the other --- */

static void members_end(struct call *call)
{
    struct npm_read *read = call->npm->read;

    if (read->doc)
        call_post(call, store_disk(call->store), document_work, on_text);
    else if (call->npm->path.what == NPM_VERSION || call->npm->path.what == NPM_TARBALL)
        call_error(call, 404, "version not found");
    else
        call_error(call, 404, "package not found");
}

static void member_next(struct call *call)
{
    struct npm_read *read = call->npm->read;
    char key[REPO_KEY_MAX + 1];

    if (!call->request)
        return;
    if (!repo_next_member(&read->members, key)) {
        members_end(call);
        return;
    }
    read->member = store_repository(call->store, key);
    call_post(call, call->store->reader,
              call->npm->path.what == NPM_VERSION   ? local_version_work
              : call->npm->path.what == NPM_TARBALL ? local_tarball_work
                                                    : local_document_work,
              on_local);
}

static void read_begin(struct call *call)
{
    struct npm_call *npm = call->npm;

    npm->read = xcalloc(1, sizeof *npm->read);
    npm->read->members =
        npm->repository->class == REPO_VIRTUAL ? npm->repository->members : npm->repository->key;
    member_next(call);
}

void npm_document_call(struct call *call)
{
    read_begin(call);
}

void npm_version_call(struct call *call)
{
    read_begin(call);
}

void npm_tags_call(struct call *call)
{
    read_begin(call);
}

void npm_tarball_call(struct call *call)
{
    read_begin(call);
}

void npm_read_free(struct call *call)
{
    struct npm_read *read = take_ptr(call->npm->read);

    if (!read)
        return;
    json_decref(read->doc);
    free(read);
}
