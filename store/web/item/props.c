/* props.c - changing properties: PUT and DELETE of ?properties=, PATCH api/metadata. */
#include <jansson.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/web/call.h"

/* --- PUT and DELETE of ?properties= --- */

static void change(struct call *call, enum props_change how, bool recursive)
{
    call->task.rc = index_props_change(call->store->writer_db, &call->at, recursive, how,
                                       &call->props, call->now_ms, &call->task.err);
}

/* A folder's are set on all below it unless the client says otherwise. */
static void set_work(struct call *call)
{
    change(call, PROPS_SET, call->recursive);
}

static void remove_work(struct call *call)
{
    change(call, PROPS_REMOVE, call->recursive);
}

static void on_changed(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_ITEM);
    else if (call->request)
        http_answer(call->request, 204, NULL, "", 0);
}

typedef int (*props_parse_fn)(const char *raw, size_t len, struct props *ret, struct err *err);

static void props_call(struct call *call, props_parse_fn parse, call_fn work)
{
    struct err err = { 0 };
    size_t len;
    const char *list = text_query(http_raw_query(call->request), "properties", &len);

    int rc = item_path_parse(call->rest, &call->at, NULL, &err);
    if (rc == 0 && !list)
        rc = err_set(&err, ERR_INVALID, "The parameter 'properties' is missing");
    if (rc == 0)
        rc = parse(list, len, &call->props, &err);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return;
    }
    call->recursive = call_flag(call, "recursive", true);
    call_post(call, call->store->writer, work, on_changed);
}

void props_set_call(struct call *call)
{
    props_call(call, props_parse_query, set_work);
}

void props_remove_call(struct call *call)
{
    props_call(call, props_parse_keys, remove_work);
}

/* --- PATCH api/metadata: {"props": {"k": "v" | ["v", …] | null}} --- */

static int value_add(struct props *set, const char *key, const json_t *value, struct err *err)
{
    int rc = 0;

    if (json_is_string(value))
        return props_add(set, key, json_string_value(value), err);
    if (!json_is_array(value))
        return err_set(err, ERR_INVALID, "Property '%.100s' is not text, a list or null", key);
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        rc = text ? props_add(set, key, text, err)
                  : err_set(err, ERR_INVALID, "A value of property '%.100s' is not text", key);
    }
    return rc;
}

static int patch_read(const json_t *body, struct props *set, struct props *removed, struct err *err)
{
    json_t *props = json_object_get(body, "props");
    const char *key;
    json_t *value;
    int rc = 0;

    if (!json_is_object(props))
        return err_set(err, ERR_INVALID, "The body has no object 'props'");
    json_object_foreach(props, key, value)
    {
        rc = json_is_null(value) ? props_add(removed, key, "", err)
                                 : value_add(set, key, value, err);
        if (rc < 0)
            break;
    }
    return rc;
}

static void patch_work(struct call *call)
{
    struct err *err = &call->task.err;
    struct props removed;
    json_error_t fault;
    json_t *body = json_loads(call->text, JSON_REJECT_DUPLICATES, &fault);

    if (!body) {
        call->task.rc = err_set(err, ERR_INVALID, "The body is not JSON: %.150s", fault.text);
        return;
    }
    props_init(&removed);
    call->task.rc = patch_read(body, &call->props, &removed, err);
    if (call->task.rc == 0)
        change(call, PROPS_SET, call->recursive);
    if (call->task.rc == 0)
        call->task.rc = index_props_change(call->store->writer_db, &call->at, call->recursive,
                                           PROPS_REMOVE, &removed, call->now_ms, err);
    props_done(&removed);
    json_decref(body);
}

static void on_patch(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    call->text = xstrndup(body, len);
    call_post(call, call->store->writer, patch_work, on_changed);
}

void metadata_call(struct call *call)
{
    struct err err = { 0 };

    if (item_path_parse(call->rest, &call->at, NULL, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    call->recursive = call_flag(call, "recursiveProperties", true);
    http_collect(call->request, HTTP_JSON_MAX, on_patch);
}
