#include "store/web/builds/builds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/core/when.h"

/* --- its life --- */

static void build_call_free(struct call *call)
{
    struct build_call *build = take_ptr(call->own);

    for (size_t i = 0; i < build->pinned.count; i++)
        pins_drop(call->store->pins, build->pinned.list[i]);
    freed_done(&build->pinned);
    build_info_done(&build->info);
    json_decref(build->body);
    json_decref(build->messages);
    free(build);
}

void build_call_new(struct call *call)
{
    call_own(call, xcalloc(1, sizeof(struct build_call)), build_call_free);
}

/* --- what is asked --- */

bool build_may(const struct call *call, int access, const char *name)
{
    struct item_path folder;
    return build_folder(name, &folder, NULL) == 0 && call_may(call, access, &folder);
}

/* "NAME", "NAME/NUMBER" or "NAME/NUMBER/REPOSITORY".  A name may hold slashes that the client did
 * not encode, as jf does: the number is what stands behind the last. */
static int names_take(struct call *call, struct err *err)
{
    struct build_call *build = call->own;
    const char *end = call->rest + strlen(call->rest);
    const char *slash = NULL;

    if (call->kind == CALL_BUILD_ARTIFACTS && (slash = strrchr(call->rest, '/')))
        end = slash;
    slash = NULL;
    if (call->kind != CALL_BUILD_RENAME && call->kind != CALL_BUILD_RETENTION)
        slash = memrchr(call->rest, '/', (size_t)(end - call->rest));
    const char *name_end = slash ? slash : end;
    int rc = text_decode(call->rest, (size_t)(name_end - call->rest), false, build->name,
                         sizeof build->name, err);
    if (rc == 0 && slash)
        rc = text_decode(slash + 1, (size_t)(end - slash - 1), false, build->number,
                         sizeof build->number, err);
    return rc;
}

/* A client that does not encode the plus sign of a time zone means it all the same. */
static int started_take(struct call *call, struct err *err)
{
    const char *value = http_query(call->request, "started");
    auto_free char *text = xstrdup(value ? value : "");
    char *blank = strchr(text, ' ');

    if (blank)
        *blank = '+';
    if (text[0] && !when_iso_parse(text, &build_of(call)->started_ms))
        return err_set(err, ERR_INVALID, "'started' is not like 2026-02-02T02:40:00.000+0000");
    return 0;
}

static int other_take(struct call *call, const char *parameter, struct err *err)
{
    const char *value = http_query(call->request, parameter);

    if (!value)
        return 0;
    if (strlen(value) > BUILD_NAME_MAX)
        return err_set(err, ERR_LIMIT, "'%s' is longer than %d bytes", parameter, BUILD_NAME_MAX);
    strcpy(build_of(call)->other, value);
    return 0;
}

bool build_call_named(struct call *call, int access)
{
    struct build_call *build = call->own;
    struct item_path folder;
    struct err err = { 0 };
    int rc = names_take(call, &err);

    if (rc == 0)
        rc = started_take(call, &err);
    if (rc == 0)
        rc = other_take(call, call->kind == CALL_BUILD_RENAME ? "to" : "diff", &err);
    if (rc == 0)
        rc = build_folder(build->name, &folder, &err);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return false;
    }
    return call_require(call, access, &folder);
}

static void body_work(struct call *call)
{
    json_error_t fault;

    build_of(call)->body = json_loads(call->text, 0, &fault);
    free(take_ptr(call->text));
    if (!build_of(call)->body)
        call->task.rc = err_set(&call->task.err, ERR_INVALID,
                                "The body is not JSON: line %d: %.150s", fault.line, fault.text);
    else
        call->task.rc = 0;
}

static void on_body_read(struct call *call)
{
    if (call->task.rc < 0)
        build_fail(call);
    else
        build_of(call)->next(call);
}

static void on_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    call->text = xstrndup(body, len);
    call_post(call, store_disk(call->store), body_work, on_body_read);
}

void build_call_body(struct call *call, call_fn next)
{
    build_of(call)->next = next;
    http_collect(call->request, HTTP_JSON_MAX, on_body);
}

/* --- files --- */

static int read_all(int fd, char *ret, size_t size, struct err *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, ret + done, size - done);
        if (got == 0 || (got < 0 && errno != EINTR))
            return err_set(err, ERR_IO, "read build-info: %s", got ? strerror(errno) : "cut short");
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int item_load(const struct store *store, const struct item *item, struct build_info *ret,
                     struct err *err)
{
    auto_close int fd = -1;
    auto_free char *text = NULL;
    int64_t size;
    int rc = blobs_read(store->blobs, item->digests.sha256, &fd, &size, err);

    if (rc < 0)
        return rc;
    if (size > BUILD_INFO_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a build-info has at most %d bytes", BUILD_INFO_BYTES_MAX);
    text = xcalloc(1, (size_t)size + 1);
    rc = read_all(fd, text, (size_t)size, err);
    return rc < 0 ? rc : build_info_parse(text, (size_t)size, ret, err);
}

int build_load(struct call *call, struct db *db, const struct build *build, struct build_info *ret,
               struct err *err)
{
    struct item item;
    int rc = builds_item(db, build, &item, err);
    return rc < 0 ? rc : item_load(call->store, &item, ret, err);
}

/* The pin is dropped when the call ends: what it protects is committed then. */
static int bytes_write(struct call *call, const char *text, size_t len, struct digests *ret,
                       struct err *err)
{
    struct freed *pinned = &build_of(call)->pinned;
    struct blob_writer *writer;
    int rc = store_room(call->store, (int64_t)len, err);

    if (rc == 0)
        rc = blob_begin(call->store->blobs, &writer, err);
    if (rc < 0)
        return rc;
    rc = blob_write(writer, text, len, err);
    if (rc < 0) {
        blob_abort(writer);
        return rc;
    }
    blob_seal(writer, ret);
    pins_add(call->store->pins, ret->sha256);
    freed_add(pinned, ret->sha256);
    return blob_commit(writer, ret->sha256, NULL, err);
}

int build_save(struct call *call, const struct build_info *info, const char *text, size_t len,
               bool may_replace, struct err *err)
{
    struct item_path at;
    struct digests digests;
    struct props props;
    const struct deployment deployment = { .at = &at,
                                           .digests = &digests,
                                           .props = &props,
                                           .user = call->user,
                                           .now_ms = call->now_ms,
                                           .may_replace = may_replace };
    int rc = build_info_path(info, &at, err);

    props_init(&props);
    if (rc == 0)
        rc = bytes_write(call, text, len, &digests, err);
    if (rc == 0)
        rc = index_deploy(call->store->writer_db, &deployment, &call->item, &call->freed, err);
    if (rc == 0)
        rc = builds_record(call->store->writer_db, call->item.id, info, err);
    return rc;
}

int build_save_json(struct call *call, const struct build_info *info, struct err *err)
{
    auto_free char *text = json_dumps(info->json, JSON_INDENT(2));

    if (!text)
        abort(); /* out of memory */
    return build_save(call, info, text, strlen(text), true, err);
}

void build_fail(struct call *call)
{
    if (blobs_are_broken(call->store->blobs))
        store_break(call->store, &call->task.err);
    call_fail(call, build_of(call)->number[0] ? "No build was found for build name and number"
                                              : "No builds were found");
}

/* --- rows of files that have none --- */

static int item_keep(void *ctx, const struct item *item)
{
    struct items *items = ctx;

    items->list = xrealloc(items->list, (items->count + 1) * sizeof *items->list);
    items->list[items->count++] = *item;
    return 0;
}

int builds_restore(struct store *store, struct err *err)
{
    struct items items = { 0 };
    int rc = builds_unrecorded(store->writer_db, item_keep, &items, err);

    for (size_t i = 0; rc == 0 && i < items.count; i++) {
        struct build_info info;
        if (item_load(store, &items.list[i], &info, NULL) < 0)
            continue; /* no build-info: a file as any other */
        rc = builds_record(store->writer_db, items.list[i].id, &info, err);
        build_info_done(&info);
    }
    items_done(&items);
    return rc;
}
