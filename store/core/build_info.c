#include "store/core/build_info.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/when.h"

/* --- places and times --- */

/* What Artifactory encodes in these names, so that jf, which encodes them the same way to look for
 * them, finds them: an apostrophe as a quotation mark, a blank only beside a slash. */
static void encode_name(struct buf *ret, const char *name)
{
    for (const char *at = name; *at; at++) {
        bool beside_slash = at[1] == '/' || (at > name && at[-1] == '/');
        if (*at == '\'')
            buf_add_str(ret, "%22");
        else if (strchr("/\\|*?:;%", *at) || (*at == ' ' && beside_slash))
            buf_printf(ret, "%%%02X", (unsigned)(unsigned char)*at);
        else
            buf_add(ret, at, 1);
    }
}

static int place(const char *name, const char *file, struct item_path *ret, struct err *err)
{
    struct buf text;

    buf_init(&text, REPO_KEY_MAX + ITEM_PATH_MAX);
    buf_add_str(&text, BUILD_REPO "/");
    encode_name(&text, name);
    buf_add_str(&text, "/");
    encode_name(&text, file);
    int rc = text.over ? err_set(err, ERR_LIMIT, "The build's name is too long")
                       : item_path_check(text.data, ret, err);
    buf_done(&text);
    return rc;
}

int build_info_path(const struct build_info *info, struct item_path *ret, struct err *err)
{
    auto_free char *file = xasprintf("%s-%" PRId64 ".json", info->number, info->started_ms);
    return place(info->name, file, ret, err);
}

int build_folder(const char *name, struct item_path *ret, struct err *err)
{
    return place(name, "", ret, err);
}

void build_time(int64_t wall_ms, char ret[BUILD_TIME_MAX])
{
    char text[WHEN_TEXT_MAX];

    when_iso(wall_ms, text);
    snprintf(ret, BUILD_TIME_MAX, "%.*s+0000", (int)strcspn(text, "Z"), text);
}

/* --- its shape --- */

static int take_name(const json_t *json, const char *key, char ret[BUILD_NAME_MAX + 1],
                     struct err *err)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (!text || !*text)
        return err_set(err, ERR_INVALID, "The build-info has no '%s'", key);
    if (strlen(text) > BUILD_NAME_MAX)
        return err_set(err, ERR_LIMIT, "'%s' is longer than %d bytes", key, BUILD_NAME_MAX);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return err_set(err, ERR_INVALID, "'%s' holds a control byte", key);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int list_check(const json_t *json, const char *key, size_t max, size_t *ret_count,
                      struct err *err)
{
    const json_t *list = json_object_get(json, key);
    size_t i;
    const json_t *entry;

    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return err_set(err, ERR_INVALID, "'%s' is not a list", key);
    *ret_count += json_array_size(list);
    if (*ret_count > max)
        return err_set(err, ERR_LIMIT, "More than %zu %s", max, key);
    json_array_foreach((json_t *)list, i, entry) if (!json_is_object(entry)) return err_set(
        err, ERR_INVALID, "'%s' holds something that is not an object", key);
    return 0;
}

static int modules_check(const json_t *json, struct err *err)
{
    size_t modules = 0;
    size_t files = 0;
    size_t i;
    const json_t *module;
    int rc = list_check(json, "modules", BUILD_MODULES_MAX, &modules, err);

    if (rc < 0)
        return rc;
    json_array_foreach(json_object_get(json, "modules"), i, module)
    {
        rc = list_check(module, "artifacts", BUILD_FILES_MAX, &files, err);
        if (rc == 0)
            rc = list_check(module, "dependencies", BUILD_FILES_MAX, &files, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int build_info_take(json_t *json, struct build_info *ret, struct err *err)
{
    struct build_info info = { .json = json };
    struct item_path at;
    const char *started = json_string_value(json_object_get(json, "started"));
    int rc = json_is_object(json) ? 0 : err_set(err, ERR_INVALID, "The build-info is no object");

    if (rc == 0)
        rc = take_name(json, "name", info.name, err);
    if (rc == 0)
        rc = take_name(json, "number", info.number, err);
    if (rc == 0 && (!started || !when_iso_parse(started, &info.started_ms)))
        rc = err_set(err, ERR_INVALID, "'started' is not like 2026-02-02T02:40:00.000+0000");
    if (rc == 0)
        rc = modules_check(json, err);
    if (rc == 0)
        rc = build_info_path(&info, &at, err);
    if (rc == 0)
        *ret = info;
    else
        json_decref(json);
    return rc;
}

int build_info_parse(const char *text, size_t len, struct build_info *ret, struct err *err)
{
    json_error_t fault;
    json_t *json = json_loadb(text, len, 0, &fault);

    if (!json)
        return err_set(err, ERR_INVALID, "The build-info is not JSON: line %d: %.150s", fault.line,
                       fault.text);
    return build_info_take(json, ret, err);
}

void build_info_done(struct build_info *info)
{
    json_decref(info->json);
    info->json = NULL;
}

/* --- what is in it --- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

const json_t *build_module(const struct build_info *info, size_t index)
{
    return json_array_get(json_object_get(info->json, "modules"), index);
}

const char *build_module_name(const json_t *module)
{
    return text_of(module, "id");
}

bool build_module_file(const json_t *module, enum build_kind kind, size_t index,
                       struct build_file *ret)
{
    bool made = kind == BUILD_ARTIFACTS;
    const json_t *file =
        json_array_get(json_object_get(module, made ? "artifacts" : "dependencies"), index);

    *ret = (struct build_file){ .module = build_module_name(module),
                                .name = text_of(file, made ? "name" : "id"),
                                .type = text_of(file, "type"),
                                .repo = made ? text_of(file, "originalDeploymentRepo") : "",
                                .path = made ? text_of(file, "path") : "",
                                .scopes = json_object_get(file, "scopes"),
                                .sha1 = text_of(file, "sha1"),
                                .md5 = text_of(file, "md5"),
                                .sha256 = text_of(file, "sha256") };
    return file != NULL;
}
