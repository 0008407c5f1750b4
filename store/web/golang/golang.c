/* golang.c - Go repositories: the module proxy protocol and checksum databases, for the go command.
 *
 *   a file:      each member in turn: what is stored, or what its upstream has
 *   list, @latest: all members, what they say made one
 *   a zip that is not kept yet: the checksum database's lookup, then the zip, kept only when its
 *   sum is what the database says (setting go-sumdb; not for modules of go-private)
 *
 * A remote's own list and @latest are given as they come.  Of a virtual repository one that cannot
 * be asked is an error, unless a local member has the module: an incomplete list would make the go
 * command choose an older version without a word. */
#include <jansson.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/disk/golang.h"
#include "store/disk/golang_zip.h"
#include "store/web/json.h"
#include "store/web/remote/members.h"
#include "store/web/remote/remote.h"

enum { TEXT_MAX = 4 << 20, LIST_TEXT_MAX = 8 << 20, MESSAGE_MAX = 640 };

struct golang_ask {
    struct golang_path path;
    char item[ITEM_PATH_MAX + 1]; /* that path as an item's */
    const struct repository *member;
    struct golang_versions versions;
    bool ours;         /* a local member has the module */
    bool unknown;      /* a checksum database does not know it */
    char *latest_text; /* what the member with the latest version says of it; owned */
    char latest[GOLANG_VERSION_MAX + 1];
    struct remote_want want; /* of a zip, while its sum is looked up */
};

static struct golang_ask *ask_of(const struct call *call)
{
    return call->own;
}

static void docs_next(struct call *call);
static void files_next(struct call *call);

static void ask_free(struct call *call)
{
    struct golang_ask *ask = take_ptr(call->own);

    golang_versions_done(&ask->versions);
    free(ask->latest_text);
    free(ask);
}

static void answer_none(struct call *call)
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

static bool member_want(struct call *call, struct remote_want *ret)
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

/* --- list and @latest: what each member says --- */

static char *info_text(const char *version, int64_t at_ms)
{
    char when[CLOCK_TEXT_MAX];

    clock_format(at_ms, when);
    return json_take_text(json_pack("{s:s, s:s}", "Version", version, "Time", when));
}

/* Takes the text. */
static void latest_take(struct golang_ask *ask, const char *version, char *text)
{
    if (!ask->latest_text || golang_version_is_later(version, ask->latest)) {
        free(ask->latest_text);
        ask->latest_text = text;
        snprintf(ask->latest, sizeof ask->latest, "%s", version);
    } else {
        free(text);
    }
}

static int local_latest(struct call *call, struct err *err)
{
    struct golang_ask *ask = call->own;
    const char *best = NULL;
    int64_t at_ms = 0;

    for (size_t i = 0; i < ask->versions.count; i++)
        if (!best || golang_version_is_later(ask->versions.list[i], best))
            best = ask->versions.list[i];
    if (!best)
        return 0;
    int rc = golang_local_time(call->store->reader_db, ask->member->key, ask->path.folder, best,
                               &at_ms, err);
    if (rc == 0)
        latest_take(ask, best, info_text(best, at_ms));
    golang_versions_done(&ask->versions);
    return rc;
}

static void local_work(struct call *call)
{
    struct golang_ask *ask = call->own;
    struct err *err = &call->task.err;
    size_t before = ask->versions.count;

    int rc = golang_local_versions(call->store->reader_db, ask->member->key, &ask->path,
                                   &ask->versions, err);
    ask->ours |= ask->versions.count > before;
    if (rc == 0 && ask->path.kind == GOLANG_LATEST)
        rc = local_latest(call, err);
    call->task.rc = rc;
}

static void on_local(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        docs_next(call);
}

static int list_take(struct golang_ask *ask, char *text, struct err *err)
{
    int rc = 0;

    for (char *line; rc == 0 && (line = strsep(&text, "\r\n"));) {
        line[strcspn(line, " \t")] = '\0'; /* a date may follow */
        if (golang_version_is_canonical(line))
            rc = golang_versions_add(&ask->versions, line, err);
    }
    return rc;
}

static void on_remote_read(struct call *call)
{
    struct golang_ask *ask = call->own;

    if (call->task.rc == 0 && ask->path.kind == GOLANG_LIST) {
        call->task.rc = list_take(ask, call->text, &call->task.err);
    } else if (call->task.rc == 0) {
        json_t *info = json_loadb(call->text, call->text_len, 0, NULL);
        const char *version = json_string_value(json_object_get(info, "Version"));
        if (version && golang_version_is_canonical(version))
            latest_take(ask, version, xstrdup(call->text));
        json_decref(info);
    }
    on_local(call);
}

static void on_remote_loaded(struct call *call)
{
    struct item_path at = call->at;

    if (call->task.rc == 0)
        call_read_item(call, &at, TEXT_MAX, on_remote_read);
    else if (call->task.rc == -ERR_NOT_FOUND || ask_of(call)->ours)
        docs_next(call);
    else
        call_fail(call, TEXT_NO_FILE);
}

static void list_answer(struct call *call)
{
    struct golang_versions *versions = &ask_of(call)->versions;
    struct buf text;

    golang_versions_sort(versions);
    buf_init(&text, LIST_TEXT_MAX);
    for (size_t i = 0; i < versions->count; i++)
        if (!golang_version_is_pseudo(versions->list[i]))
            buf_printf(&text, "%s\n", versions->list[i]);
    free(call->text);
    call->text = buf_take(&text);
    call_answer_text(call, 200, "text/plain; charset=utf-8");
}

static void docs_answer(struct call *call)
{
    struct golang_ask *ask = call->own;

    if (ask->path.kind == GOLANG_LIST && ask->versions.count > 0)
        list_answer(call);
    else if (ask->latest_text)
        call_answer(call, 200, "application/json", ask->latest_text);
    else
        answer_none(call);
}

static void on_docs_member(struct call *call)
{
    struct golang_ask *ask = call->own;
    struct remote_want want;

    ask->member = call->members->member;
    if (!ask->member)
        docs_answer(call);
    else if (ask->member->class == REPO_LOCAL)
        call_post(call, call->store->reader, local_work, on_local);
    else if (member_want(call, &want))
        remote_load(call, &want, on_remote_loaded);
}

static void docs_next(struct call *call)
{
    if (call->request)
        members_next(call, on_docs_member);
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
        call->text = info_text(ask->path.version, at_ms);
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
    ask_of(call)->unknown = true;
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
    if (!member_want(call, &ask->want))
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
        answer_none(call);
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
        docs_next(call);
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
