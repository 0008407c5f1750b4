#include "store/web/search/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/core/when.h"

/* --- "name": value --- */

struct object {
    struct spool *spool;
    bool some; /* a comma is due */
};

static void add_name(struct object *object, const char *name)
{
    spool_add(object->spool, object->some ? ",\"" : "\"");
    spool_add(object->spool, name);
    spool_add(object->spool, "\":");
    object->some = true;
}

static void add_text(struct object *object, const char *name, const char *value)
{
    add_name(object, name);
    spool_add_json(object->spool, value);
}

static void add_number(struct object *object, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    add_name(object, name);
    spool_add(object->spool, text);
}

static void add_when(struct object *object, const char *name, int64_t wall_ms)
{
    char text[WHEN_TEXT_MAX];

    when_iso(wall_ms, text);
    add_text(object, name, text);
}

/* --- an item's fields --- */

static void add_path(struct object *object, const struct item_path *at)
{
    char folder[ITEM_PATH_MAX + 1];
    size_t len = item_parent_len(at);

    memcpy(folder, at->path, len);
    folder[len] = '\0';
    add_text(object, "path", len ? folder : ".");
}

static int64_t depth_of(const struct item_path *at)
{
    int64_t depth = 1;

    for (const char *c = at->path; *c; c++)
        depth += *c == '/';
    return depth;
}

/* What a folder has not is left out. */
static void add_sum(struct object *object, const char *name, const char *sum, bool known)
{
    if (known && sum[0])
        add_text(object, name, sum);
}

static void add_sums(struct object *object, const struct aql_query *query, const struct item *item)
{
    const struct digests *digests = &item->digests;
    const struct {
        enum aql_field field;
        const char *value;
        bool known;
    } sums[] = {
        { AQL_ORIGINAL_MD5, digests->md5, item->claimed & CLAIM_MD5 },
        { AQL_ACTUAL_MD5, digests->md5, true },
        { AQL_ORIGINAL_SHA1, digests->sha1, item->claimed & CLAIM_SHA1 },
        { AQL_ACTUAL_SHA1, digests->sha1, true },
        { AQL_SHA256, digests->sha256, true },
    };

    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        if (query->shown[sums[i].field])
            add_sum(object, aql_field_rule(sums[i].field)->name, sums[i].value, sums[i].known);
}

static void add_times(struct object *object, const bool *shown, const struct item *item)
{
    if (shown[AQL_CREATED])
        add_when(object, "created", item->created_ms);
    if (shown[AQL_CREATED_BY])
        add_text(object, "created_by", item->created_by);
    if (shown[AQL_MODIFIED])
        add_when(object, "modified", item->modified_ms);
    if (shown[AQL_MODIFIED_BY])
        add_text(object, "modified_by", item->modified_by);
    if (shown[AQL_UPDATED])
        add_when(object, "updated", item->updated_ms);
}

static void add_fields(struct object *object, const struct aql_query *query,
                       const struct item *item)
{
    const bool *shown = query->shown;

    if (shown[AQL_REPO])
        add_text(object, "repo", item->at.repo);
    if (shown[AQL_PATH])
        add_path(object, &item->at);
    if (shown[AQL_NAME])
        add_text(object, "name", item_name(&item->at));
    if (shown[AQL_ITEM_TYPE])
        add_text(object, "type", item->at.folder ? "folder" : "file");
    if (shown[AQL_SIZE])
        add_number(object, "size", item->digests.size_bytes);
    add_times(object, shown, item);
    if (shown[AQL_DEPTH])
        add_number(object, "depth", depth_of(&item->at));
    add_sums(object, query, item);
}

/* --- what it may have many of, or none --- */

static bool key_is_shown(const struct aql_query *query, const char *key)
{
    for (size_t i = 0; i < query->keys_count; i++)
        if (strcmp(query->keys[i], key) == 0)
            return true;
    return query->properties;
}

static int add_properties(struct object *object, struct db *reader, const struct aql_query *query,
                          int64_t item, struct err *err)
{
    struct object list = { .spool = object->spool };
    struct props props;

    props_init(&props);
    int rc = index_props(reader, item, &props, err);
    for (size_t i = 0; rc == 0 && i < props.count; i++) {
        if (!key_is_shown(query, props.list[i].key))
            continue;
        struct object property = { .spool = object->spool };
        if (!list.some)
            add_name(object, "properties");
        spool_add(object->spool, list.some ? ",{" : "[{");
        add_text(&property, "key", props.list[i].key);
        add_text(&property, "value", props.list[i].value);
        spool_add(object->spool, "}");
        list.some = true;
    }
    if (list.some)
        spool_add(object->spool, "]");
    props_done(&props);
    return rc;
}

static void add_downloads(struct object *object, const bool *shown,
                          const struct downloads *downloads)
{
    struct object one = { .spool = object->spool };

    add_name(object, "stats");
    spool_add(object->spool, "[{");
    if (shown[AQL_STAT_DOWNLOADED] && downloads->count > 0)
        add_when(&one, "downloaded", downloads->last_ms);
    if (shown[AQL_STAT_DOWNLOADED_BY] && downloads->count > 0)
        add_text(&one, "downloaded_by", downloads->last_by);
    if (shown[AQL_STAT_DOWNLOADS])
        add_number(&one, "downloads", downloads->count);
    spool_add(object->spool, "}]");
}

int rows_add_item(struct spool *spool, struct db *reader, const struct aql_query *query,
                  const struct search_row *row, struct err *err)
{
    struct object object = { .spool = spool };
    const bool *shown = query->shown;
    int rc = 0;

    spool_add(spool, "{");
    add_fields(&object, query, &row->item);
    if (query->properties || query->keys_count > 0)
        rc = add_properties(&object, reader, query, row->item.id, err);
    if (shown[AQL_STAT_DOWNLOADS] || shown[AQL_STAT_DOWNLOADED] || shown[AQL_STAT_DOWNLOADED_BY])
        add_downloads(&object, shown, &row->downloads);
    spool_add(spool, "}");
    return rc;
}

void rows_add_build(struct spool *spool, const struct aql_query *query,
                    const struct search_build *build)
{
    struct object object = { .spool = spool };

    spool_add(spool, "{");
    if (query->shown[AQL_BUILD_NAME])
        add_text(&object, "build.name", build->name);
    if (query->shown[AQL_BUILD_NUMBER])
        add_text(&object, "build.number", build->number);
    if (query->shown[AQL_BUILD_STARTED])
        add_when(&object, "build.started", build->started_ms);
    spool_add(spool, "}");
}
