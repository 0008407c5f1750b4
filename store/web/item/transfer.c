/* transfer.c - POST api/copy and api/move: rows only, no bytes. */
#include "store/web/item/transfer.h"

#include <inttypes.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/build_info.h"
#include "store/core/intake.h"
#include "store/core/names.h"
#include "store/core/text.h"
#include "store/web/call.h"
#include "store/web/json.h"

#define RESULT_TYPE "application/vnd.org.jfrog.artifactory.storage.CopyOrMoveResult+json"

static int target_parse(const struct call *call, struct item_path *ret, struct err *err)
{
    char text[REPO_KEY_MAX + ITEM_PATH_MAX + 4];
    size_t len;
    const char *to = text_query(http_raw_query(call->request), "to", &len);

    if (!to || len == 0)
        return err_set(err, ERR_INVALID, "The parameter 'to' is missing");
    int rc = text_decode(to, len, true, text, sizeof text, err);
    return rc < 0 ? rc : item_path_check(text, ret, err);
}

/* A published version's manifest goes with it. */
int transfer_rule(void *ctx, const struct item_path *at, struct err *err)
{
    const struct transfer_ends *ends = ctx;
    const struct repository *from = store_repository(ends->store, ends->from);
    const struct repository *to = store_repository(ends->store, at->repo);
    int rc;

    if (from->type == REPO_NPM && to->type == REPO_NPM && item_is_npm_own(at) &&
        repo_admits(to, at))
        return 0;
    rc = intake_check(to, at, err);
    return rc < 0 ? rc : 0;
}

static void transfer_work(struct call *call)
{
    struct transfer_ends ends = { call->store, call->at.repo };
    struct transfer transfer = { .from = &call->at,
                                 .to = &call->item.at,
                                 .move = call->kind == CALL_MOVE,
                                 .dry = call->dry,
                                 .may_replace = call_may(call, ACCESS_DELETE, &call->item.at),
                                 .user = call->user,
                                 .now_ms = call->now_ms,
                                 .rule = transfer_rule,
                                 .ctx = &ends };
    int64_t files = 0;
    int64_t folders = 0;
    const char *verb = transfer.move ? "moving" : "copying";

    call->task.rc = index_transfer(call->store->writer_db, &transfer, &files, &folders,
                                   &call->freed, &call->task.err);
    if (call->task.rc < 0)
        return;
    auto_free char *message = xasprintf("%s%s %s:%s to %s:%s completed successfully, %" PRId64
                                        " artifacts and %" PRId64 " folders were %s",
                                        call->dry ? "Dry run for " : "", verb, call->at.repo,
                                        call->at.path, transfer.to->repo, transfer.to->path, files,
                                        folders, transfer.move ? "moved" : "copied");
    call->text = json_take_text(
        json_pack("{s:[{s:s, s:s}]}", "messages", "level", "INFO", "message", message));
}

static void on_freed(struct call *call)
{
    call_answer_text(call, 200, RESULT_TYPE);
}

static void on_transferred(struct call *call)
{
    char text[ERROR_TEXT_MAX];

    if (call->task.rc == -ERR_DENIED) {
        error_no_overwrite(&call->item.at, call->user, text);
        call_error(call, 403, text);
    } else if (call->task.rc < 0) {
        call_fail(call, TEXT_NO_ITEM);
    } else {
        call_free_bytes(call, on_freed);
    }
}

/* What lies in a remote or virtual repository comes from elsewhere; builds come by their API. */
static bool target_takes(struct call *call, const struct item_path *at)
{
    const struct repository *repository = store_repository(call->store, at->repo);
    char text[ERROR_TEXT_MAX];

    if (!repository) {
        error_no_repository(at->repo, text);
        call_error(call, 404, text);
    } else if (repository->class != REPO_LOCAL) {
        snprintf(text, sizeof text, "'%s' is not a local repository", at->repo);
        call_error(call, 400, text);
    } else if (strcmp(at->repo, BUILD_REPO) == 0) {
        call_error(call, 409, TEXT_BUILD_REPO);
    } else {
        return true;
    }
    return false;
}

void transfer_call(struct call *call)
{
    struct err err = { 0 };

    int rc = item_path_parse(call->rest, &call->at, NULL, &err);
    if (rc == 0)
        rc = target_parse(call, &call->item.at, &err);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return;
    }
    if (!target_takes(call, &call->item.at))
        return;
    if (!call_require(call, ACCESS_PUSH, &call->item.at))
        return;
    call->dry = call_flag(call, "dry", false);
    call_post(call, call->store->writer, transfer_work, on_transferred);
}
