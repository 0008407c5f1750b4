/* promote.c - POST api/build/promote: a build's files to another repository, with properties and a
 * status, all of it or, if told so, what goes.
 *
 * Source: JFrog's REST documentation, "Build Promotion". */
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/builds/builds.h"
#include "store/web/item/transfer.h"
#include "store/web/json.h"

enum { STATUS_TEXT_MAX = 1024, MESSAGES_MAX = 10000 };

struct promotion {
    struct call *call;
    struct build build;
    const json_t *asked;  /* the body */
    const char *source;   /* a repository's key; NULL: wherever the files are */
    const char *target;   /* NULL: they stay where they are */
    const json_t *scopes; /* of dependencies; NULL: all */
    struct props props;
    bool copy;
    bool dry;
    bool fail_fast;
    size_t faults;
    size_t moved;
    struct err *err;
};

static void say(struct promotion *promotion, const char *level, const char *text)
{
    json_t *messages = build_of(promotion->call)->messages;

    promotion->faults += strcmp(level, "INFO") != 0;
    if (json_array_size(messages) < MESSAGES_MAX)
        json_array_append_new(messages, json_pack("{s:s, s:s}", "level", level, "message", text));
}

/* --- what is asked --- */

static bool flag_of(const json_t *body, const char *name, bool fallback)
{
    const json_t *value = json_object_get(body, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static const char *text_of(const json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(body, name));
    return text && *text ? text : NULL;
}

static int props_read(const json_t *properties, struct props *ret, struct err *err)
{
    const char *key;
    json_t *values;
    int rc = 0;

    json_object_foreach((json_t *)properties, key, values)
    {
        const char *one = json_string_value(values);
        if (one)
            rc = props_add(ret, key, one, err);
        for (size_t i = 0; rc == 0 && i < json_array_size(values); i++) {
            const char *value = json_string_value(json_array_get(values, i));
            rc = value ? props_add(ret, key, value, err)
                       : err_set(err, ERR_INVALID, "A value of '%.100s' is not text", key);
        }
        if (rc < 0)
            break;
    }
    return rc;
}

static int local_check(const struct store *store, const char *key, struct err *err)
{
    const struct repository *repository = key ? store_repository(store, key) : NULL;

    if (key && (!repository || repository->class != REPO_LOCAL || strcmp(key, BUILD_REPO) == 0))
        return err_set(err, ERR_INVALID, "'%.80s' is not a local repository of this store", key);
    return 0;
}

static int promotion_read(struct promotion *promotion, struct err *err)
{
    const json_t *body = promotion->asked;
    const json_t *scopes = json_object_get(body, "scopes");
    int rc = json_is_object(body) ? 0 : err_set(err, ERR_INVALID, "The body is not an object");

    promotion->source = text_of(body, "sourceRepo");
    promotion->target = text_of(body, "targetRepo");
    promotion->scopes = json_array_size(scopes) > 0 ? scopes : NULL;
    promotion->copy = flag_of(body, "copy", false);
    promotion->dry = flag_of(body, "dryRun", false);
    promotion->fail_fast = flag_of(body, "failFast", true);
    if (rc == 0)
        rc = local_check(promotion->call->store, promotion->source, err);
    if (rc == 0)
        rc = local_check(promotion->call->store, promotion->target, err);
    return rc < 0 ? rc : props_read(json_object_get(body, "properties"), &promotion->props, err);
}

static bool has_scope(const struct promotion *promotion, const struct build_file *file)
{
    size_t i;
    size_t k;
    const json_t *want;
    const json_t *have;

    if (!promotion->scopes)
        return true;
    json_array_foreach((json_t *)promotion->scopes, i, want)
        json_array_foreach((json_t *)file->scopes, k, have) if (json_equal(want, have)) return true;
    return false;
}

/* --- one item --- */

/* What cannot be done is a message and the others go on; what is broken ends it. */
static int outcome(struct promotion *promotion, int rc, const struct item_path *at,
                   const struct err *why)
{
    if (rc == 0)
        return 0;
    if (rc == -ERR_IO || rc == -ERR_FULL) {
        *promotion->err = *why;
        return rc;
    }
    auto_free char *text = xasprintf("%s:%s: %s", at->repo, at->path, why->text);
    say(promotion, "ERROR", text);
    return 0;
}

static int may(const struct call *call, int access, const struct item_path *at, struct err *err)
{
    char text[ERROR_TEXT_MAX];

    if (call_may(call, access, at))
        return 0;
    error_no_permission(access_verb(access), at, call->user, text);
    return err_set(err, ERR_DENIED, "%.200s", text);
}

static int item_transfer(struct promotion *promotion, const struct item *item,
                         const struct item_path *to, struct err *err)
{
    struct call *call = promotion->call;
    struct transfer_ends ends = { call->store, item->at.repo };
    struct transfer transfer = { .from = &item->at,
                                 .to = to,
                                 .move = !promotion->copy,
                                 .dry = promotion->dry,
                                 .may_replace = call_may(call, ACCESS_DELETE, to),
                                 .user = call->user,
                                 .now_ms = call->now_ms,
                                 .rule = transfer_rule,
                                 .ctx = &ends };
    int64_t files;
    int64_t folders;
    int rc = may(call, ACCESS_READ | (promotion->copy ? 0 : ACCESS_DELETE), &item->at, err);

    if (rc == 0)
        rc = may(call, ACCESS_PUSH, to, err);
    if (rc == 0)
        rc = index_transfer(call->store->writer_db, &transfer, &files, &folders, &call->freed, err);
    if (rc < 0)
        return rc;
    promotion->moved++;
    auto_free char *text = xasprintf("%s%s %s:%s to %s:%s", promotion->dry ? "[dry run] " : "",
                                     promotion->copy ? "copied" : "moved", item->at.repo,
                                     item->at.path, to->repo, to->path);
    say(promotion, "INFO", text);
    return 0;
}

static int item_annotate(struct promotion *promotion, const struct item_path *at, struct err *err)
{
    struct call *call = promotion->call;

    if (promotion->props.count == 0 || promotion->dry)
        return 0;
    int rc = may(call, ACCESS_ANNOTATE, at, err);
    return rc < 0 ? rc
                  : index_props_change(call->store->writer_db, at, false, PROPS_SET,
                                       &promotion->props, call->now_ms, err);
}

static int item_promote(struct promotion *promotion, const struct item *item)
{
    struct item_path to = item->at;
    struct err err = { 0 };
    int rc = 0;

    if (promotion->target && strcmp(promotion->target, item->at.repo) != 0) {
        snprintf(to.repo, sizeof to.repo, "%s", promotion->target);
        rc = item_transfer(promotion, item, &to, &err);
    }
    if (rc == 0)
        rc = item_annotate(promotion, &to, &err);
    return outcome(promotion, rc, &item->at, &err);
}

/* --- the build --- */

/* Of many places those in one repository, and rather in another than where they are to go; what is
 * kept from an upstream stays there. */
static const char *source_of(const struct promotion *promotion, const struct items *items)
{
    const struct store *store = promotion->call->store;
    const char *there = NULL;

    for (size_t i = 0; i < items->count; i++) {
        const struct repository *repository = store_repository(store, items->list[i].at.repo);
        if (!repository || repository->class != REPO_LOCAL)
            continue;
        if (!promotion->target || strcmp(repository->key, promotion->target) != 0)
            return repository->key;
        there = repository->key;
    }
    return there;
}

static int file_promote(struct promotion *promotion, const struct build_file *file)
{
    struct items items;
    int rc = builds_locate(promotion->call->store->writer_db, &promotion->build, file,
                           promotion->source, &items, promotion->err);
    const char *source = rc < 0 ? NULL : source_of(promotion, &items);

    if (rc == 0 && !source) {
        auto_free char *text =
            xasprintf("Unable to find '%s' of module '%s' in %s", file->name, file->module,
                      promotion->source ? promotion->source : "this store");
        say(promotion, "WARNING", text);
    }
    for (size_t i = 0; source && rc == 0 && i < items.count; i++)
        if (strcmp(items.list[i].at.repo, source) == 0)
            rc = item_promote(promotion, &items.list[i]);
    items_done(&items);
    return rc;
}

static int files_promote(struct promotion *promotion, const struct build_info *info,
                         enum build_kind kind)
{
    struct build_file file;
    const json_t *module;
    int rc = 0;

    for (size_t m = 0; rc == 0 && (module = build_module(info, m)); m++)
        for (size_t i = 0; rc == 0 && build_module_file(module, kind, i, &file); i++)
            if (kind == BUILD_ARTIFACTS || has_scope(promotion, &file))
                rc = file_promote(promotion, &file);
    return rc;
}

/* The status is written into the build-info, as its last one. */
static int status_add(struct promotion *promotion, struct build_info *info)
{
    static const char *const names[] = { "status", "comment", "ciUser", "timestamp" };
    struct call *call = promotion->call;
    json_t *json = json_deep_copy(info->json);
    json_t *status = json_object();
    char now[BUILD_TIME_MAX];

    build_time(call->now_ms, now);
    json_object_set_new(status, "timestamp", json_string(now));
    for (size_t i = 0; i < countof(names); i++) {
        const char *text = text_of(promotion->asked, names[i]);
        if (text)
            json_object_set_new(status, names[i],
                                json_stringn(text, strnlen(text, STATUS_TEXT_MAX)));
    }
    json_object_set_new(status, "user", json_string(call->user));
    if (promotion->target)
        json_object_set_new(status, "repository", json_string(promotion->target));
    if (!json_is_array(json_object_get(json, "statuses")))
        json_object_set_new(json, "statuses", json_array());
    json_array_append_new(json_object_get(json, "statuses"), status);
    build_info_done(info);
    int rc = build_info_take(json, info, promotion->err);
    return rc < 0 ? rc : build_save_json(call, info, promotion->err);
}

static int promote(struct promotion *promotion)
{
    struct build_call *asked = promotion->call->own;
    struct db *db = promotion->call->store->writer_db;
    struct err *err = promotion->err;
    int rc = builds_find(db, asked->name, asked->number, asked->started_ms, &promotion->build, err);

    if (rc == 0)
        rc = build_load(promotion->call, db, &promotion->build, &asked->info, err);
    if (rc == 0 && flag_of(promotion->asked, "artifacts", true))
        rc = files_promote(promotion, &asked->info, BUILD_ARTIFACTS);
    if (rc == 0 && flag_of(promotion->asked, "dependencies", false))
        rc = files_promote(promotion, &asked->info, BUILD_DEPENDENCIES);
    if (rc == 0 && promotion->faults > 0 && promotion->fail_fast) {
        err_set(err, ERR_INVALID, "the promotion failed");
        err_reason(err, "MESSAGES");
        return -ERR_INVALID; /* and what was done is undone */
    }
    if (rc == 0 && !promotion->dry && text_of(promotion->asked, "status"))
        rc = status_add(promotion, &asked->info);
    return rc;
}

static void promote_work(struct call *call)
{
    struct promotion promotion = { .call = call,
                                   .asked = build_of(call)->body,
                                   .err = &call->task.err };

    build_of(call)->messages = json_array();
    props_init(&promotion.props);
    call->task.rc = promotion_read(&promotion, &call->task.err);
    if (call->task.rc == 0)
        call->task.rc = promote(&promotion);
    props_done(&promotion.props);
    if (call->task.rc == 0) {
        auto_free char *text =
            xasprintf("Promotion of %s/%s completed%s, %zu items were %s", build_of(call)->name,
                      build_of(call)->number, promotion.faults ? " with faults" : " successfully",
                      promotion.moved, promotion.copy ? "copied" : "moved");
        json_array_append_new(build_of(call)->messages,
                              json_pack("{s:s, s:s}", "level", "INFO", "message", text));
    }
    call->text = json_take_text(json_pack("{s:O}", "messages", build_of(call)->messages));
}

/* --- events --- */

static void on_freed(struct call *call)
{
    call_answer_text(call, 200, "application/json");
}

static void on_promoted(struct call *call)
{
    const char *reason = call->task.err.reason;

    if (call->task.rc < 0 && reason && strcmp(reason, "MESSAGES") == 0)
        call_answer_text(call, 400, "application/json");
    else if (call->task.rc < 0)
        build_fail(call);
    else
        call_free_bytes(call, on_freed);
}

static void on_body(struct call *call)
{
    call_post(call, call->store->writer, promote_work, on_promoted);
}

void build_promote_call(struct call *call)
{
    build_call_new(call);
    if (build_call_named(call, ACCESS_READ | ACCESS_PUSH))
        build_call_body(call, on_body);
}
