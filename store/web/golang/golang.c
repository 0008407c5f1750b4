/* golang.c - Go repositories: the module proxy protocol and checksum databases, for the go command.
 *
 *   a file:      each member in turn: what is stored, or what its upstream has
 *   list, @latest: all members, what they say made one
 *   a zip that is not kept yet: the checksum database's lookup, then the zip, kept only when its
 *   sum is what the database says (setting go-sumdb; not for modules of go-private)
 *
 * A remote's own list and @latest are given as they come; for others: golang_docs.c. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/golang_zip.h"
#include "store/web/golang/golang_own.h"

enum { TEXT_MAX = 4 << 20, MESSAGE_MAX = 640 };

static void files_next(struct call *call);

static void ask_free(struct call *call)
{
    struct golang_ask *ask = take_ptr(call->own);

    golang_versions_done(&ask->versions);
    free(ask->latest_text);
    free(ask);
}

void golang_answer_none(struct call *call)
{
    const struct golang_ask *ask = call->own;
    char text[MESSAGE_MAX];

    snprintf(text, sizeof text, "%s%.300s%s%.200s%s",
             ask->unknown ? "the checksum database does not know " : "not found: ",
             ask->path.module, ask->path.version[0] ? "@" : "", ask->path.version,
             ask->unknown ? "; the setting go-private names modules that are taken without it"
                          : "");
    call_error(call, ask->unknown ? 403 : 404, ask->path.sumdb[0] ? TEXT_NO_FILE : text);
}

bool golang_member_want(struct call *call, struct remote_want *ret)
{
    struct golang_ask *ask = call->own;
    struct err err = { 0 };
    enum remote_rule rule = golang_is_immutable(&ask->path) ? REMOTE_IMMUTABLE : REMOTE_METADATA;

    if (remote_want_item(call->store, ask->member, ask->item, rule, ret, &err) < 0) {
        call_error(call, 400, err.text);
        return false;
    }
    ret->document = ask->path.kind != GOLANG_ZIP;
    return true;
}

/* --- files --- */

/* The .info that nobody uploaded, of a version that is there. */
static void made_info_work(struct call *call)
{
    struct golang_ask *ask = call->own;
    int64_t at_ms;

    call->task.rc = golang_local_time(call->store->reader_db, ask->member->key, ask->path.folder,
                                      ask->path.version, &at_ms, &call->task.err);
    if (call->task.rc == 0)
        call->text = golang_info_text(ask->path.version, at_ms);
}

static void on_made_info(struct call *call)
{
    if (call->task.rc == -ERR_NOT_FOUND)
        files_next(call);
    else if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        call_answer_text(call, 200, "application/json");
}

static void made_info(struct call *call)
{
    if (call->request)
        call_post(call, call->store->reader, made_info_work, on_made_info);
}

static void local_file(struct call *call)
{
    struct golang_ask *ask = call->own;

    snprintf(call->at.repo, sizeof call->at.repo, "%s", ask->member->key);
    snprintf(call->at.path, sizeof call->at.path, "%s", ask->item);
    call->on_missing = ask->path.kind == GOLANG_INFO ? made_info : files_next;
    get_stored(call);
}

/* --- a zip and its sum --- */

static int zip_verify(const struct remote_want *want, int fd, struct err *err)
{
    char sum[GOLANG_SUM_MAX];

    int rc = golang_zip_sum(fd, sum, err);
    if (rc == 0 && strcmp(sum, want->verify_text) != 0)
        rc = err_set(err, ERR_CONFLICT, "the zip's sum is %s, the checksum database says %s", sum,
                     want->verify_text);
    return rc;
}

static void on_lookup_read(struct call *call)
{
    struct golang_ask *ask = call->own;
    char sum[GOLANG_SUM_MAX];

    if (call->task.rc < 0) {
        call_fail(call, TEXT_NO_FILE);
    } else if (golang_lookup_sum(call->text, call->text_len, ask->path.module, ask->path.version,
                                 sum)) {
        ask->want.verify = zip_verify;
        memcpy(ask->want.verify_text, sum, sizeof sum);
        remote_answer(call, &ask->want);
    } else {
        call_error(call, 502, "the checksum database's answer does not name the module");
    }
}

/* No sum, no zip: else an upstream that answers 404 for a lookup could give any bytes for it.
 * Another member may have the module. */
static void zip_unknown(struct call *call)
{
    golang_of(call)->unknown = true;
    files_next(call);
}

static void on_lookup(struct call *call)
{
    struct item_path at = call->at;

    if (call->task.rc == 0)
        call_read_item(call, &at, TEXT_MAX, on_lookup_read);
    else if (call->task.rc == -ERR_NOT_FOUND)
        zip_unknown(call);
    else
        call_fail(call, TEXT_NO_FILE);
}

static void zip_lookup(struct call *call, const char *sumdb)
{
    struct golang_ask *ask = call->own;
    int module_len = (int)(strlen(ask->path.folder) - strlen("/@v"));
    char version[2 * GOLANG_VERSION_MAX + 1];
    struct remote_want want;
    struct err err = { 0 };

    golang_escape(ask->path.version, version, sizeof version);
    auto_free char *path =
        xasprintf("sumdb/%s/lookup/%.*s@%s", sumdb, module_len, ask->path.folder, version);
    if (remote_want_item(call->store, ask->member, path, REMOTE_IMMUTABLE, &want, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    want.document = true;
    remote_load(call, &want, on_lookup);
}

/* It is not kept. */
static void zip_fetch(struct call *call)
{
    struct golang_ask *ask = call->own;
    const char *sumdb = remote_sumdb(call->store);
    bool private = golang_matches(call->store->settings->go_private, ask->path.module);

    ask->want.on_fetch = NULL;
    if (!sumdb[0] || private)
        remote_answer(call, &ask->want);
    else if (golang_version_is_canonical(ask->path.version))
        zip_lookup(call, sumdb);
    else
        files_next(call); /* nothing has the sum of a branch */
}

static void remote_file(struct call *call)
{
    struct golang_ask *ask = call->own;

    call->on_missing = files_next;
    if (!golang_member_want(call, &ask->want))
        return;
    if (ask->path.kind == GOLANG_ZIP)
        ask->want.on_fetch = zip_fetch;
    remote_answer(call, &ask->want);
}

static void on_files_member(struct call *call)
{
    struct golang_ask *ask = call->own;

    ask->member = call->members->member;
    if (!ask->member)
        golang_answer_none(call);
    else if (ask->member->class == REPO_REMOTE)
        remote_file(call);
    else if (ask->path.sumdb[0])
        files_next(call); /* a local one is no database's proxy */
    else
        local_file(call);
}

static void files_next(struct call *call)
{
    call->on_missing = NULL;
    if (call->request)
        members_next(call, on_files_member);
}

/* --- which of them --- */

static bool is_document(const struct golang_path *path)
{
    return path->kind == GOLANG_LIST || path->kind == GOLANG_LATEST;
}

/* call->at is the item's path in that repository. */
static void golang_answer(struct call *call, const struct repository *repository,
                          const struct golang_path *path)
{
    struct golang_ask *ask = xcalloc(1, sizeof *ask);

    call_own(call, ask, ask_free);
    ask->path = *path;
    memcpy(ask->item, call->at.path, sizeof ask->item);
    members_begin(call, repository, &call->at);
    if (is_document(path) && repository->class != REPO_REMOTE)
        golang_docs_next(call);
    else
        files_next(call);
}

bool golang_get(struct call *call, const struct repository *repository)
{
    struct golang_path path;

    if (repository->class == REPO_LOCAL || call->at.folder ||
        !golang_path_parse(call->at.path, &path))
        return false;
    golang_answer(call, repository, &path);
    return true;
}

/* Where the call leads; false: it was answered that it leads nowhere. */
static bool golang_find(struct call *call, const struct repository **ret_repository,
                        struct golang_path *ret_path)
{
    struct err err = { 0 };

    if (item_path_parse(call->rest, &call->at, NULL, &err) < 0) {
        call_error(call, 400, err.text);
        return false;
    }
    *ret_repository = store_repository(call->store, call->at.repo);
    if (!*ret_repository || (*ret_repository)->type != REPO_GO)
        call_error(call, 404, "There is no Go repository of that name");
    else if (call->at.folder || !golang_path_parse(call->at.path, ret_path))
        call_error(call, 404, "This is no path of the module proxy protocol");
    else
        return true;
    return false;
}

void golang_call(struct call *call)
{
    const struct repository *repository;
    struct golang_path path;

    if (golang_find(call, &repository, &path))
        golang_answer(call, repository, &path);
}

/* jfrog-client-go: PUT …/@v/v1.2.3.{zip,mod,info};props, which are ordinary items. */
void golang_put_call(struct call *call)
{
    const struct repository *repository;
    struct golang_path path;

    if (!golang_find(call, &repository, &path))
        return;
    if (path.kind != GOLANG_ZIP && path.kind != GOLANG_MOD && path.kind != GOLANG_INFO)
        call_refuse_method(call, "GET, HEAD");
    else if (!golang_version_is_canonical(path.version))
        call_error(call, 400, "This is no version of a module: vMAJOR.MINOR.PATCH is one");
    else
        put_call(call);
}
