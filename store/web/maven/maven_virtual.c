/* maven_virtual.c - a maven-metadata.xml over the members of a virtual repository: each is asked in
 * its turn, and what they say is merged. */
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/disk/maven.h"
#include "store/web/maven/maven.h"
#include "store/web/remote/members.h"

static void merge_next(struct call *call);

/* --- blocking work --- */

static void merge_local_work(struct call *call)
{
    struct maven *maven = call->own;
    struct maven_metadata part;
    struct err *err = &call->task.err;

    maven_metadata_init(&part);
    int rc = maven_compute(call->store->reader_db, &maven->folder, &part, err);
    if (rc == 0) {
        maven_metadata_finish(&part);
        rc = maven_metadata_merge(&maven->metadata, &part, err);
    }
    maven_metadata_done(&part);
    call->task.rc = rc;
}

static void merge_text_work(struct call *call)
{
    struct maven_metadata part;
    struct err *err = &call->task.err;

    maven_metadata_init(&part);
    int rc = maven_metadata_parse(call->text, call->text_len, &part, err);
    if (rc == 0)
        rc = maven_metadata_merge(&maven_of(call)->metadata, &part, err);
    maven_metadata_done(&part);
    call->task.rc = rc;
}

static void make_work(struct call *call)
{
    call->task.rc = maven_document_make(call, &call->task.err);
}

/* --- events (the loop) --- */

/* A member that fails is left out: what the others have can still be built with. */
static void on_merged(struct call *call)
{
    struct maven *maven = call->own;

    if (call->task.rc < 0 && call->task.rc != -ERR_NOT_FOUND) {
        maven->failed = call->task.rc;
        maven->failed_err = call->task.err;
        log_warn("maven", "a member's metadata cannot be had, leaving it out",
                 "repository=%s member=%s error=\"%s\"", maven->asked.repo, maven->folder.repo,
                 call->task.err.text);
    }
    merge_next(call);
}

static void on_read(struct call *call)
{
    if (call->task.rc < 0)
        on_merged(call);
    else
        call_post(call, call->store->reader, merge_text_work, on_merged);
}

static void on_loaded(struct call *call)
{
    if (call->task.rc < 0)
        on_merged(call);
    else
        call_read_item(call, &call->item.at, MAVEN_METADATA_BYTES_MAX, on_read);
}

static void merge_end(struct call *call)
{
    struct maven *maven = call->own;

    call->at = maven->asked;
    free(take_ptr(call->text));
    if (!maven_metadata_is_empty(&maven->metadata)) {
        call_post(call, call->store->reader, make_work, get_found);
        return;
    }
    call->task.rc = maven->failed ? maven->failed : -ERR_NOT_FOUND;
    call->task.err = maven->failed_err;
    call_fail(call, TEXT_NO_FILE);
}

static void merge_remote(struct call *call, const struct repository *member)
{
    struct maven *maven = call->own;

    call->task.rc =
        maven_metadata_want(call, member, &maven->folder, &maven->want, &call->task.err);
    if (call->task.rc < 0)
        on_merged(call);
    else
        remote_load(call, &maven->want, on_loaded);
}

static void on_member(struct call *call)
{
    const struct repository *member = call->members->member;

    if (!member) {
        merge_end(call);
        return;
    }
    memcpy(maven_of(call)->folder.repo, member->key, sizeof member->key);
    if (member->class == REPO_REMOTE)
        merge_remote(call, member);
    else
        call_post(call, call->store->reader, merge_local_work, on_merged);
}

static void merge_next(struct call *call)
{
    if (call->request)
        members_next(call, on_member);
}

void maven_virtual_get(struct call *call)
{
    members_begin(call, store_repository(call->store, call->at.repo), &call->at);
    merge_next(call);
}
