/* build_read.c - builds as they were published: which there are, one, the difference of two, and
 * where its artifacts are. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/web/builds/builds.h"
#include "store/web/json.h"

enum { URI_MAX = 4096 };

static json_t *when_json(int64_t wall_ms)
{
    char text[BUILD_TIME_MAX];

    build_time(wall_ms, text);
    return json_string(text);
}

/* "/" and the name as one element of a path. */
static void uri_add(struct buf *uri, const char *name)
{
    buf_add_str(uri, "/");
    for (; *name; name++) {
        char one[2] = { *name, '\0' };
        if (*name == '/')
            buf_add_str(uri, "%2F");
        else
            text_encode_path(uri, one);
    }
}

static json_t *uri_json(const char *base, const char *name, const char *number)
{
    struct buf uri;

    buf_init(&uri, URI_MAX);
    buf_add_str(&uri, base);
    if (name)
        uri_add(&uri, name);
    if (number)
        uri_add(&uri, number);
    json_t *json = json_string(uri.len ? uri.data : "");
    buf_done(&uri);
    return json;
}

static json_t *build_uri(const struct call *call, const char *name, const char *number)
{
    auto_free char *base = xasprintf("%s/api/build", call->base);
    return uri_json(base, name, number);
}

/* --- lists --- */

struct listing_of {
    struct call *call;
    json_t *list;
};

static int name_add(void *ctx, const struct build *build)
{
    struct listing_of *all = ctx;

    if (build_may(all->call, ACCESS_READ, build->name))
        json_array_append_new(all->list,
                              json_pack("{s:o, s:o}", "uri", uri_json("", build->name, NULL),
                                        "lastStarted", when_json(build->started_ms)));
    return 0;
}

static void names_work(struct call *call)
{
    struct listing_of all = { .call = call, .list = json_array() };

    call->task.rc = builds_names(call->store->reader_db, name_add, &all, &call->task.err);
    call->text = json_take_text(
        json_pack("{s:o, s:o}", "uri", build_uri(call, NULL, NULL), "builds", all.list));
}

static int number_add(void *ctx, const struct build *build)
{
    json_array_append_new(ctx, json_pack("{s:o, s:o}", "uri", uri_json("", build->number, NULL),
                                         "started", when_json(build->started_ms)));
    return 0;
}

static void numbers_work(struct call *call)
{
    const char *name = build_of(call)->name;
    json_t *list = json_array();

    call->task.rc = builds_of(call->store->reader_db, name, number_add, list, &call->task.err);
    if (call->task.rc == 0 && json_array_size(list) == 0)
        call->task.rc = err_set(&call->task.err, ERR_NOT_FOUND, "no build %s", name);
    call->text = json_take_text(
        json_pack("{s:o, s:o}", "uri", build_uri(call, name, NULL), "buildsNumbers", list));
}

/* --- one --- */

static int load(struct call *call, const char *number, int64_t started_ms, struct build *ret_build,
                struct build_info *ret)
{
    struct db *reader = call->store->reader_db;
    struct err *err = &call->task.err;
    int rc = builds_find(reader, build_of(call)->name, number, started_ms, ret_build, err);

    return rc < 0 ? rc : build_load(call, reader, ret_build, ret, err);
}

/* "a/b" may also be a name alone, whose slash the client did not encode. */
static bool names_join(struct call *call)
{
    struct build_call *asked = call->own;
    size_t len = strlen(asked->name);

    if (len + 1 + strlen(asked->number) > BUILD_NAME_MAX)
        return false;
    snprintf(asked->name + len, sizeof asked->name - len, "/%s", asked->number);
    bool may = build_may(call, ACCESS_READ, asked->name);
    if (!may)
        asked->name[len] = '\0';
    return may;
}

static void build_work(struct call *call)
{
    struct build_call *asked = call->own;
    struct build build;
    struct build_info info;

    call->task.rc = load(call, asked->number, asked->started_ms, &build, &info);
    if (call->task.rc == -ERR_NOT_FOUND && names_join(call))
        numbers_work(call);
    else if (call->task.rc == 0)
        call->text = json_take_text(json_pack("{s:o, s:o}", "buildInfo", info.json, "uri",
                                              build_uri(call, build.name, build.number)));
}

/* --- the difference of two --- */

struct difference {
    json_t *lists[2]; /* by enum build_kind: {new, updated, unchanged, removed} */
};

/* Files by module and name. */
static json_t *files_by_name(const struct build_info *info, enum build_kind kind)
{
    json_t *all = json_object();
    struct build_file file;
    const json_t *module;

    for (size_t m = 0; (module = build_module(info, m)); m++)
        for (size_t i = 0; build_module_file(module, kind, i, &file); i++) {
            auto_free char *key = xasprintf("%s\n%s", file.module, file.name);
            json_t *row =
                json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", file.name, "type", file.type, "sha1",
                          file.sha1, "md5", file.md5, "module", file.module);
            json_object_set_new(all, key, row);
        }
    return all;
}

static bool is_same(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "sha1"), json_object_get(b, "sha1")) &&
           json_equal(json_object_get(a, "md5"), json_object_get(b, "md5"));
}

static json_t *difference_json(const struct build_info *now, const struct build_info *before,
                               enum build_kind kind)
{
    json_t *mine = files_by_name(now, kind);
    json_t *others = files_by_name(before, kind);
    json_t *answer =
        json_pack("{s:[], s:[], s:[], s:[]}", "updated", "unchanged", "removed", "new");
    const char *key;
    json_t *file;

    json_object_foreach(mine, key, file)
    {
        const json_t *other = json_object_get(others, key);
        const char *list = !other ? "new" : is_same(file, other) ? "unchanged" : "updated";
        json_array_append(json_object_get(answer, list), file);
    }
    json_object_foreach(others, key, file) if (!json_object_get(mine, key))
        json_array_append(json_object_get(answer, "removed"), file);
    json_decref(mine);
    json_decref(others);
    return answer;
}

static void diff_work(struct call *call)
{
    struct build_call *asked = call->own;
    struct build build;
    struct build_info now;
    struct build_info before;
    int rc = load(call, asked->number, asked->started_ms, &build, &now);

    if (rc == 0) {
        rc = load(call, asked->other, 0, &build, &before);
        if (rc < 0)
            build_info_done(&now);
    }
    call->task.rc = rc;
    if (rc < 0)
        return;
    call->text = json_take_text(
        json_pack("{s:o, s:o}", "artifacts", difference_json(&now, &before, BUILD_ARTIFACTS),
                  "dependencies", difference_json(&now, &before, BUILD_DEPENDENCIES)));
    build_info_done(&now);
    build_info_done(&before);
}

/* --- where its artifacts are --- */

static int places_add(struct call *call, const struct build *build, const struct build_file *file,
                      json_t *seen, struct err *err)
{
    struct items items;
    int rc = builds_locate(call->store->reader_db, build, file, NULL, &items, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < items.count; i++) {
        const struct item_path *at = &items.list[i].at;
        auto_free char *key = xasprintf("%s/%s", at->repo, at->path);
        size_t folder = item_parent_len(at);
        if (call_may(call, ACCESS_READ, at))
            json_object_set_new(seen, key,
                                json_pack("{s:s, s:s%, s:s}", "repo", at->repo, "path",
                                          folder ? at->path : ".", folder ? folder : 1, "name",
                                          item_name(at)));
    }
    items_done(&items);
    return 0;
}

static int places_of(struct call *call, const struct build *build, const struct build_info *info,
                     json_t *seen, struct err *err)
{
    struct build_file file;
    const json_t *module;
    int rc = 0;

    for (size_t m = 0; rc == 0 && (module = build_module(info, m)); m++)
        for (size_t i = 0; rc == 0 && build_module_file(module, BUILD_ARTIFACTS, i, &file); i++)
            rc = places_add(call, build, &file, seen, err);
    return rc;
}

static void artifacts_work(struct call *call)
{
    struct build_call *asked = call->own;
    struct build build;
    struct build_info info;
    json_t *list = json_array();
    json_t *seen = json_object();
    const char *key;
    json_t *place;
    int rc = load(call, asked->number, asked->started_ms, &build, &info);

    if (rc == 0) {
        rc = places_of(call, &build, &info, seen, &call->task.err);
        build_info_done(&info);
    }
    json_object_foreach(seen, key, place) json_array_append(list, place);
    if (rc == 0 && json_array_size(list) == 0)
        rc = err_set(&call->task.err, ERR_NOT_FOUND, "none of its artifacts is here");
    json_decref(seen);
    call->text = json_take_text(list);
    call->task.rc = rc;
}

/* --- which of them --- */

static void on_told(struct call *call)
{
    if (call->task.rc < 0)
        build_fail(call);
    else
        call_answer_text(call, 200, "application/json");
}

void builds_call(struct call *call)
{
    build_call_new(call);
    call_post(call, call->store->reader, names_work, on_told);
}

void build_call(struct call *call)
{
    build_call_new(call);
    if (!build_call_named(call, ACCESS_READ))
        return;
    call_fn work = !build_of(call)->number[0] ? numbers_work
                   : build_of(call)->other[0] ? diff_work
                                              : build_work;
    call_post(call, call->store->reader, work, on_told);
}

void build_artifacts_call(struct call *call)
{
    build_call_new(call);
    if (build_call_named(call, ACCESS_READ))
        call_post(call, call->store->reader, artifacts_work, on_told);
}
