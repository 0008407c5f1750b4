/* info.c - GET api/storage: file and folder info, properties, dates, downloads, permissions. */
#include "store/web/item/info.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/disk/downloads.h"
#include "store/web/call.h"
#include "store/web/json.h"
#include "store/web/keep/counter.h"

enum { LIST_MAX = 100000 };

int info_find(struct call *call, struct db *db, struct err *err)
{
    const struct repository *repository = store_repository(call->store, call->at.repo);
    bool is_virtual = repository && repository->class == REPO_VIRTUAL && call->at.path[0];
    const char *members = is_virtual ? repository->members : "";
    int rc = -ERR_NOT_FOUND;

    if (!is_virtual)
        return index_find(db, &call->at, &call->item, err);
    while (rc == -ERR_NOT_FOUND && repo_next_member(&members, call->at.repo))
        rc = index_find(db, &call->at, &call->item, err);
    return rc;
}

/* --- info --- */

static int child_add(void *ctx, const struct item *item)
{
    json_t *children = ctx;
    auto_free char *uri = xasprintf("/%s", item_name(&item->at));

    json_array_append_new(children, json_pack("{s:s, s:b}", "uri", uri, "folder", item->at.folder));
    return json_array_size(children) > LIST_MAX ? -ERR_LIMIT : 0;
}

static int info_text(struct call *call, struct err *err)
{
    json_t *object = item_json(&call->item, call->base);
    int rc = 0;

    if (call->item.at.folder) {
        json_t *children = json_array();
        rc = index_list(call->store->reader_db, &call->at, 1, child_add, children, err);
        json_object_set_new(object, "children", children);
    }
    call->text = json_take_text(object);
    return rc;
}

static void info_work(struct call *call)
{
    struct err *err = &call->task.err;

    call->task.rc = info_find(call, call->store->reader_db, err);
    if (call->task.rc == 0)
        call->task.rc = info_text(call, err);
    if (call->task.rc == -ERR_LIMIT)
        err_set(err, ERR_LIMIT, "The folder holds more than %d items", LIST_MAX);
}

static void on_info(struct call *call)
{
    if (call->task.rc < 0) {
        call_fail(call, TEXT_NO_ITEM);
        return;
    }
    if (call->request)
        http_set_header(call->request, "Cache-Control", "no-store");
    call_answer_text(call, 200,
                     call->item.at.folder ? INFO_TYPE("FolderInfo") : INFO_TYPE("FileInfo"));
}

/* --- ?properties --- */

/* "?properties=a,b" asks for some of them. */
static bool key_is_wanted(const struct props *wanted, const char *key)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (strcmp(wanted->list[i].key, key) == 0)
            return true;
    return wanted->count == 0;
}

static char *props_text(struct call *call, const struct props *found)
{
    struct props shown;
    auto_free char *uri = call->kind == CALL_INFO
                              ? item_url(&call->item.at, call->base, "/api/storage")
                              : item_url(&call->item.at, "", "");

    props_init(&shown);
    for (size_t i = 0; i < found->count; i++)
        if (key_is_wanted(&call->props, found->list[i].key))
            props_add(&shown, found->list[i].key, found->list[i].value, NULL);
    char *text = NULL;
    if (shown.count > 0)
        text = json_take_text(json_pack("{s:o, s:s}", "properties", props_json(&shown), "uri",
                                        uri + (call->kind != CALL_INFO)));
    props_done(&shown);
    return text;
}

static void props_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct props found;

    props_init(&found);
    int rc = info_find(call, call->store->reader_db, err);
    if (rc == 0)
        rc = index_props(call->store->reader_db, call->item.id, &found, err);
    if (rc == 0)
        call->text = props_text(call, &found);
    props_done(&found);
    call->task.rc = rc;
}

static void on_props(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else if (!call->text)
        call_error(call, 404, TEXT_NO_PROPERTIES);
    else
        call_answer_text(call, 200, INFO_TYPE("ItemProperties"));
}

/* --- ?lastModified --- */

static int newer(void *ctx, const struct item *item)
{
    struct item *newest = ctx;

    if (!item->at.folder && item->modified_ms >= newest->modified_ms)
        *newest = *item;
    return 0;
}

/* Of a folder: the file in it that was changed last. */
static void modified_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct db *reader = call->store->reader_db;
    int rc = info_find(call, call->store->reader_db, err);

    if (rc == 0 && call->item.at.folder)
        rc = index_list(reader, &call->at, 0, newer, &call->item, err);
    if (rc == 0) {
        auto_free char *uri = item_url(&call->item.at, call->base, "/api/storage");
        json_t *object = json_pack("{s:s}", "uri", uri);
        json_set_when(object, "lastModified", call->item.modified_ms);
        call->text = json_take_text(object);
    }
    call->task.rc = rc;
}

static void on_modified(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else
        call_answer_text(call, 200, INFO_TYPE("ItemLastModified"));
}

/* --- ?stats --- */

static void stats_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct db *db = call->store->writer_db;
    struct downloads downloads;

    call->task.rc = index_find(db, &call->at, &call->item, err);
    if (call->task.rc == 0)
        call->task.rc = downloads_find(db, call->item.id, &downloads, err);
    if (call->task.rc < 0)
        return;
    auto_free char *uri = item_url(&call->item.at, call->base, "/api/storage");
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:i, s:i}", "uri", uri, "downloadCount",
                  (json_int_t)downloads.count, "lastDownloaded", (json_int_t)downloads.last_ms,
                  "remoteDownloadCount", 0, "remoteLastDownloaded", 0);
    if (downloads.count > 0)
        json_object_set_new(object, "lastDownloadedBy", json_string(downloads.last_by));
    call->text = json_take_text(object);
}

static void on_stats(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else
        call_answer_text(call, 200, INFO_TYPE("StatsInfo"));
}

/* On the writer's strand, behind what is still to be written of them. */
static void stats_call(struct call *call)
{
    counter_write(call->store->counter);
    call_post(call, call->store->writer, stats_work, on_stats);
}

/* --- ?permissions: who may what there, by their tokens --- */

struct principals {
    const struct call *call;
    json_t *users;
};

enum { PERMISSIONS = 5 };
static const char letters[] = "rwndm"; /* in the order of the bits */

/* Many tokens of one name are one user, who may what any of them may. */
static void principal_add(void *ctx, const struct token *token)
{
    struct principals *all = ctx;
    const struct item_path *at = &all->call->at;
    json_int_t bits = json_integer_value(json_object_get(all->users, token->subject));

    if (token->expire_ms != 0 && token->expire_ms <= all->call->now_ms)
        return;
    for (int i = 0; i < PERMISSIONS; i++)
        if (scope_allows(token->scope, 1 << i, at->repo, at->path))
            bits |= 1 << i;
    if (bits != 0)
        json_object_set_new(all->users, token->subject, json_integer(bits));
}

static void bits_to_letters(json_t *users)
{
    const char *user;
    json_t *bits;
    void *next;

    json_object_foreach_safe(users, next, user, bits)
    {
        json_int_t access = json_integer_value(bits);
        json_t *list = json_array();
        for (int i = 0; i < PERMISSIONS; i++)
            if (access & 1 << i)
                json_array_append_new(list, json_stringn(&letters[i], 1));
        json_object_set_new(users, user, list);
    }
}

static void permissions_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct principals all = { .call = call, .users = json_object() };
    int rc = index_find(call->store->reader_db, &call->at, &call->item, err);

    if (rc == 0)
        rc = tokens_each(call->store->reader_db, principal_add, &all, err);
    bits_to_letters(all.users);
    auto_free char *uri = item_url(&call->at, call->base, "/api/storage");
    call->text = json_take_text(
        json_pack("{s:s, s:{s:o, s:{}}}", "uri", uri, "principals", "users", all.users, "groups"));
    call->task.rc = rc;
}

static void on_permissions(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else
        call_answer_text(call, 200, INFO_TYPE("ItemPermissions"));
}

static void permissions_call(struct call *call)
{
    if (call_require(call, ACCESS_MANAGE, &call->at))
        call_post(call, call->store->reader, permissions_work, on_permissions);
}

/* --- which of them --- */

static int wanted_parse(struct call *call, struct err *err)
{
    size_t len;
    const char *keys = text_query(http_raw_query(call->request), "properties", &len);
    return props_parse_keys(keys, len, &call->props, err);
}

void info_call(struct call *call)
{
    struct strand *reader = call->store->reader;
    struct err err = { 0 };

    int rc = item_path_parse(call->rest, &call->at, NULL, &err);
    if (rc == 0 && call_asks(call, "properties"))
        rc = wanted_parse(call, &err);
    if (rc < 0)
        call_error(call, 400, err.text);
    else if (call_asks(call, "properties"))
        call_post(call, reader, props_work, on_props);
    else if (call_asks(call, "list"))
        info_list_call(call);
    else if (call_asks(call, "lastModified"))
        call_post(call, reader, modified_work, on_modified);
    else if (call_asks(call, "stats"))
        stats_call(call);
    else if (call_asks(call, "permissions"))
        permissions_call(call);
    else
        call_post(call, reader, info_work, on_info);
}
