#include "store/web/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/mime.h"
#include "store/core/text.h"
#include "store/core/when.h"

enum { URL_MAX = 8192 };

char *json_take_text(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;

    if (!text)
        abort(); /* out of memory: all texts in it are UTF-8 */
    json_decref(value);
    return text;
}

char *item_url(const struct item_path *at, const char *base, const char *below)
{
    struct buf url;

    buf_init(&url, URL_MAX);
    buf_printf(&url, "%s%s/%s", base, below, at->repo);
    if (at->path[0])
        buf_add_str(&url, "/");
    text_encode_path(&url, at->path);
    return buf_take(&url);
}

void json_set_when(json_t *object, const char *key, int64_t wall_ms)
{
    char text[WHEN_TEXT_MAX];

    when_iso(wall_ms, text);
    json_object_set_new(object, key, json_string(text));
}

json_t *props_json(const struct props *props)
{
    json_t *object = json_object();

    for (size_t i = 0; i < props->count; i++) {
        json_t *values = json_object_get(object, props->list[i].key);
        if (!values) {
            values = json_array();
            json_object_set_new(object, props->list[i].key, values);
        }
        json_array_append_new(values, json_string(props->list[i].value));
    }
    return object;
}

static void item_json_bytes(json_t *object, const struct item *item, const char *base)
{
    auto_free char *url = item_url(&item->at, base, "");
    char size[24];
    const struct digests *digests = &item->digests;

    snprintf(size, sizeof size, "%" PRId64, digests->size_bytes);
    json_object_set_new(object, "downloadUri", json_string(url));
    json_object_set_new(object, "mimeType", json_string(mime_of(item_name(&item->at))));
    json_object_set_new(object, "size", json_string(size));
    json_object_set_new(object, "checksums",
                        json_pack("{s:s, s:s, s:s}", "sha1", digests->sha1, "md5", digests->md5,
                                  "sha256", digests->sha256));
    json_t *original = json_object();
    if (item->claimed & CLAIM_SHA1)
        json_object_set_new(original, "sha1", json_string(digests->sha1));
    if (item->claimed & CLAIM_MD5)
        json_object_set_new(original, "md5", json_string(digests->md5));
    json_object_set_new(original, "sha256", json_string(digests->sha256));
    json_object_set_new(object, "originalChecksums", original);
}

json_t *item_json(const struct item *item, const char *base)
{
    json_t *object = json_object();
    auto_free char *path = xasprintf("/%s", item->at.path);
    auto_free char *uri = item_url(&item->at, base, "/api/storage");

    json_object_set_new(object, "repo", json_string(item->at.repo));
    json_object_set_new(object, "path", json_string(path));
    json_set_when(object, "created", item->created_ms);
    if (item->id != 0)
        json_object_set_new(object, "createdBy", json_string(item->created_by));
    json_set_when(object, "lastModified", item->modified_ms);
    if (item->id != 0)
        json_object_set_new(object, "modifiedBy", json_string(item->modified_by));
    json_set_when(object, "lastUpdated", item->updated_ms);
    if (!item->at.folder)
        item_json_bytes(object, item, base);
    json_object_set_new(object, "uri", json_string(uri));
    return object;
}

json_t *json_capital(const char *name)
{
    auto_free char *text = xstrdup(name);

    text[0] = (char)toupper((unsigned char)text[0]);
    return json_string(text);
}

json_t *json_upper(const char *name)
{
    auto_free char *text = xstrdup(name);

    for (char *at = text; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return json_string(text);
}
