/* build_change.c - builds published, added to, renamed, deleted, and kept to a number. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/when.h"
#include "store/web/builds/builds.h"
#include "store/web/json.h"

static void answer_none(struct call *call)
{
    if (call->request)
        http_answer(call->request, 204, NULL, "", 0);
}

static void on_freed_none(struct call *call)
{
    answer_none(call);
}

static void on_changed(struct call *call)
{
    if (call->task.rc < 0)
        build_fail(call);
    else
        call_free_bytes(call, on_freed_none);
}

static void on_freed_text(struct call *call)
{
    call_answer_text(call, 200, "text/plain");
}

static void on_changed_text(struct call *call)
{
    if (call->task.rc < 0)
        build_fail(call);
    else
        call_free_bytes(call, on_freed_text);
}

/* --- published --- */

static void publish_work(struct call *call)
{
    struct build_call *build = call->own;

    call->task.rc = build_save(call, &build->info, call->text, call->text_len,
                               build_may(call, ACCESS_DELETE, build->info.name), &call->task.err);
}

static void on_published(struct call *call)
{
    char text[ERROR_TEXT_MAX];

    if (call->task.rc == -ERR_DENIED) {
        build_info_path(&build_of(call)->info, &call->at, NULL);
        error_no_overwrite(&call->at, call->user, text);
        call_error(call, 403, text);
        return;
    }
    if (call->task.rc == 0 && call->request)
        http_set_header(call->request, "X-Checksum-Sha256", call->item.digests.sha256);
    on_changed(call);
}

static void parse_work(struct call *call)
{
    struct build_call *build = call->own;

    call->task.rc = build_info_parse(call->text, call->text_len, &build->info, &call->task.err);
}

static void on_parsed(struct call *call)
{
    struct item_path folder;

    if (call->task.rc < 0) {
        build_fail(call);
        return;
    }
    if (!call->request)
        return;
    build_folder(build_of(call)->info.name, &folder, NULL);
    if (call_require(call, ACCESS_PUSH, &folder))
        call_post(call, call->store->writer, publish_work, on_published);
}

static void on_publish_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    build_call_new(call);
    call->text = xmalloc(len + 1);
    memcpy(call->text, body, len);
    call->text[len] = '\0';
    call->text_len = len;
    call_post(call, store_disk(call->store), parse_work, on_parsed);
}

void build_publish_call(struct call *call)
{
    http_collect(call->request, BUILD_INFO_BYTES_MAX, on_publish_body);
}

/* --- added to: the body is a list of modules --- */

static int modules_append(struct build_info *info, json_t *modules, struct err *err)
{
    json_t *json = json_deep_copy(info->json);
    json_t *list = json_object_get(json, "modules");

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(json, "modules", list);
    }
    json_array_extend(list, modules);
    build_info_done(info);
    return build_info_take(json, info, err);
}

static void append_work(struct call *call)
{
    struct build_call *asked = call->own;
    struct err *err = &call->task.err;
    struct db *db = call->store->writer_db;
    struct build build;
    int rc = builds_find(db, asked->name, asked->number, asked->started_ms, &build, err);

    if (rc == 0 && !json_is_array(asked->body))
        rc = err_set(err, ERR_INVALID, "The body is not a list of modules");
    if (rc == 0)
        rc = build_load(call, db, &build, &asked->info, err);
    if (rc == 0)
        rc = modules_append(&asked->info, asked->body, err);
    if (rc == 0)
        rc = build_save_json(call, &asked->info, err);
    call->task.rc = rc;
}

static void on_append_body(struct call *call)
{
    call_post(call, call->store->writer, append_work, on_changed);
}

void build_append_call(struct call *call)
{
    build_call_new(call);
    if (build_call_named(call, ACCESS_PUSH))
        build_call_body(call, on_append_body);
}

/* --- deleted --- */

struct builds {
    struct build *list;
    size_t count;
};

static int builds_keep(void *ctx, const struct build *build)
{
    struct builds *builds = ctx;

    builds->list = xrealloc(builds->list, (builds->count + 1) * sizeof *builds->list);
    builds->list[builds->count++] = *build;
    return 0;
}

/* Only what says by its properties that it is of this build, or lies where it was put. */
static int artifact_delete(struct call *call, const struct build *build,
                           const struct build_file *file, struct err *err)
{
    struct items items;
    int rc = builds_locate(call->store->writer_db, build, file, NULL, &items, err);

    if (rc < 0 || items.likeness == HAS_BYTES) {
        items_done(&items);
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < items.count; i++) {
        const struct item_path *at = &items.list[i].at;
        rc = call_may(call, ACCESS_DELETE, at)
                 ? index_delete(call->store->writer_db, at, NULL, &call->freed, err)
                 : err_set(err, ERR_DENIED, "User '%s' is not permitted to delete '%s:%.100s'",
                           call->user, at->repo, at->path);
    }
    items_done(&items);
    return rc;
}

static int artifacts_delete(struct call *call, const struct build *build, struct err *err)
{
    struct build_info info;
    struct build_file file;
    const json_t *module;
    int rc = build_load(call, call->store->writer_db, build, &info, err);

    if (rc < 0)
        return rc;
    for (size_t m = 0; rc == 0 && (module = build_module(&info, m)); m++)
        for (size_t i = 0; rc == 0 && build_module_file(module, BUILD_ARTIFACTS, i, &file); i++)
            rc = artifact_delete(call, build, &file, err);
    build_info_done(&info);
    return rc;
}

static int build_delete(struct call *call, const struct build *build, bool artifacts,
                        struct err *err)
{
    struct item item;
    int rc = artifacts ? artifacts_delete(call, build, err) : 0;

    if (rc == 0)
        rc = builds_item(call->store->writer_db, build, &item, err);
    return rc < 0 ? rc : index_delete(call->store->writer_db, &item.at, NULL, &call->freed, err);
}

static bool list_has(const json_t *list, const char *text)
{
    size_t i;
    const json_t *entry;

    json_array_foreach((json_t *)list, i, entry)
    {
        const char *word = json_string_value(entry);
        if (word && strcmp(word, text) == 0)
            return true;
    }
    return false;
}

static void delete_work(struct call *call)
{
    struct err *err = &call->task.err;
    const json_t *body = build_of(call)->body;
    const char *name = build_of(call)->name;
    bool all = json_is_true(json_object_get(body, "deleteAll"));
    bool artifacts = json_is_true(json_object_get(body, "deleteArtifacts"));
    const json_t *numbers = json_object_get(body, "buildNumbers");
    struct builds builds = { 0 };
    size_t deleted = 0;
    int rc = builds_of(call->store->writer_db, name, builds_keep, &builds, err);

    for (size_t i = 0; rc == 0 && i < builds.count; i++)
        if (all || list_has(numbers, builds.list[i].number)) {
            rc = build_delete(call, &builds.list[i], artifacts, err);
            deleted++;
        }
    free(builds.list);
    if (rc == 0 && deleted == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no such build of %s", name);
    free(call->text); /* of a try before */
    call->text = xasprintf("%zu builds of '%s' were deleted", deleted, name);
    call->task.rc = rc;
}

static void on_delete_body(struct call *call)
{
    const char *name = json_string_value(json_object_get(build_of(call)->body, "buildName"));
    struct item_path folder;

    if (!call->request)
        return;
    if (!name || !*name || strlen(name) > BUILD_NAME_MAX || build_folder(name, &folder, NULL) < 0) {
        call_error(call, 400, "The field 'buildName' is missing or too long");
        return;
    }
    strcpy(build_of(call)->name, name);
    if (call_require(call, ACCESS_DELETE, &folder))
        call_post_removal(call, delete_work, on_changed_text);
}

void build_delete_call(struct call *call)
{
    build_call_new(call);
    build_call_body(call, on_delete_body);
}

/* --- renamed --- */

static int build_rename(struct call *call, const struct build *build, struct err *err)
{
    struct build_info info;
    int rc = build_load(call, call->store->writer_db, build, &info, err);

    if (rc < 0)
        return rc;
    json_t *json = json_deep_copy(info.json);
    build_info_done(&info);
    json_object_set_new(json, "name", json_string(build_of(call)->other));
    rc = build_info_take(json, &info, err);
    if (rc < 0)
        return rc;
    rc = build_save_json(call, &info, err);
    build_info_done(&info);
    return rc < 0 ? rc : build_delete(call, build, false, err);
}

static void rename_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct build_call *asked = call->own;
    struct builds builds = { 0 };
    int rc = builds_of(call->store->writer_db, asked->name, builds_keep, &builds, err);

    if (rc == 0 && builds.count == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no build %s", asked->name);
    for (size_t i = 0; rc == 0 && i < builds.count; i++)
        rc = build_rename(call, &builds.list[i], err);
    call->text = xasprintf("Build renaming of '%s' to '%s' was successful: %zu builds.",
                           asked->name, asked->other, builds.count);
    free(builds.list);
    call->task.rc = rc;
}

void build_rename_call(struct call *call)
{
    struct item_path folder;

    build_call_new(call);
    if (!build_call_named(call, ACCESS_READ | ACCESS_DELETE))
        return;
    if (!build_of(call)->other[0] || build_folder(build_of(call)->other, &folder, NULL) < 0)
        call_error(call, 400, "The parameter 'to' is missing or no name of a build");
    else if (strcmp(build_of(call)->other, build_of(call)->name) == 0)
        call_error(call, 400, "The build has that name already");
    else if (call_require(call, ACCESS_PUSH | ACCESS_DELETE, &folder))
        call_post(call, call->store->writer, rename_work, on_changed_text);
}

/* --- kept to a number --- */

/* What goes: beyond the newest `count`, or from before the time; never what is named to stay. */
struct retention {
    int64_t count;     /* -1: no rule */
    int64_t oldest_ms; /* 0: no rule */
    bool artifacts;
    const json_t *stay;
};

static int retention_read(const json_t *body, struct retention *ret, struct err *err)
{
    const json_t *count = json_object_get(body, "count");
    const json_t *oldest = json_object_get(body, "minimumBuildDate");
    const char *count_text = json_string_value(count);
    const char *text = json_string_value(oldest);
    char *end = "";

    *ret = (struct retention){ .count = -1,
                               .artifacts =
                                   json_is_true(json_object_get(body, "deleteBuildArtifacts")),
                               .stay = json_object_get(body, "buildNumbersNotToBeDiscarded") };
    if (json_is_integer(count))
        ret->count = json_integer_value(count);
    else if (count_text && *count_text)
        ret->count = strtoll(count_text, &end, 10); /* jf writes it so */
    if (*end)
        return err_set(err, ERR_INVALID, "'count' is no number");
    if (json_is_integer(oldest))
        ret->oldest_ms = json_integer_value(oldest);
    if (text && *text && !when_iso_parse(text, &ret->oldest_ms))
        return err_set(err, ERR_INVALID, "'minimumBuildDate' is no time");
    return 0;
}

static void retention_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct builds builds = { 0 };
    struct retention rule;
    int rc = retention_read(build_of(call)->body, &rule, err);

    if (rc == 0)
        rc = builds_of(call->store->writer_db, build_of(call)->name, builds_keep, &builds, err);
    if (rc == 0 && builds.count == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no build %s", build_of(call)->name);
    for (size_t i = 0; rc == 0 && i < builds.count; i++) {
        const struct build *build = &builds.list[i];
        bool goes = (rule.count >= 0 && (int64_t)i >= rule.count) ||
                    (rule.oldest_ms > 0 && build->started_ms < rule.oldest_ms);
        if (goes && !list_has(rule.stay, build->number))
            rc = build_delete(call, build, rule.artifacts, err);
    }
    free(builds.list);
    call->task.rc = rc;
}

static void on_retention_body(struct call *call)
{
    call_post_removal(call, retention_work, on_changed);
}

/* ?async= is taken: it is over when we answer. */
void build_retention_call(struct call *call)
{
    build_call_new(call);
    if (build_call_named(call, ACCESS_DELETE))
        build_call_body(call, on_retention_body);
}
