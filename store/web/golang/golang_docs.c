/* golang_docs.c - list and @latest of a Go repository: what each member says, made one.
 *
 * Of a virtual repository one that cannot be asked is an error, unless a local member has the
 * module: an incomplete list would make the go command choose an older version without a word. */
#include <jansson.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/web/golang/golang_own.h"
#include "store/web/json.h"

enum { TEXT_MAX = 4 << 20, LIST_TEXT_MAX = 8 << 20 };

char *golang_info_text(const char *version, int64_t at_ms)
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
        latest_take(ask, best, golang_info_text(best, at_ms));
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
        golang_docs_next(call);
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
    else if (call->task.rc == -ERR_NOT_FOUND || golang_of(call)->ours)
        golang_docs_next(call);
    else
        call_fail(call, TEXT_NO_FILE);
}

static void list_answer(struct call *call)
{
    struct golang_versions *versions = &golang_of(call)->versions;
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
        golang_answer_none(call);
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
    else if (golang_member_want(call, &want))
        remote_load(call, &want, on_remote_loaded);
}

void golang_docs_next(struct call *call)
{
    if (call->request)
        members_next(call, on_docs_member);
}
