/* search_offer.c - the ranges of indexes that conditions lead to. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/search_way.h"

/* --- ranges of items --- */

static bool is_term(const struct aql_node *part, enum aql_field field)
{
    return part->kind == AQL_TERM && part->field == field;
}

const char *field_equals(const struct parts *parts, enum aql_field field)
{
    for (size_t i = 0; i < parts->count; i++)
        if (is_term(parts->list[i], field) && term_equals(parts->list[i]))
            return term_equals(parts->list[i]);
    return NULL;
}

/* A pattern that the field must match and that does not begin with a wildcard. */
static const char *field_pattern(const struct parts *parts, enum aql_field field)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct aql_node *term = parts->list[i];
        if (is_term(term, field) && !term->null && term->op == AQL_MATCH &&
            pattern_prefix(term->text) > 0 && !(field == AQL_PATH && aql_match(term->text, ".")))
            return term->text;
    }
    return NULL;
}

/* The repositories that may be meant: there are few, whatever is asked of them. */
static void add_repositories(struct sql *where, const struct parts *parts)
{
    const char *repo = field_equals(parts, AQL_REPO);

    if (repo) {
        sql_add_text(where, "i.repo=?", repo);
        return;
    }
    sql_add(where, "i.repo IN (SELECT r.key FROM repositories r WHERE 1");
    for (size_t i = 0; i < parts->count; i++)
        if (is_term(parts->list[i], AQL_REPO)) {
            sql_add(where, " AND ");
            sql_add_compare(where, "r.key", parts->list[i]);
        }
    sql_add(where, ")");
}

static bool repo_is_told(const struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        if (is_term(parts->list[i], AQL_REPO))
            return true;
    return false;
}

static void offer_place(struct planner *planner, struct way *best, const struct parts *parts)
{
    const char *path = field_equals(parts, AQL_PATH);
    const char *name = field_equals(parts, AQL_NAME);
    const char *path_pattern = field_pattern(parts, AQL_PATH);
    const char *name_pattern = field_pattern(parts, AQL_NAME);

    if (!path && !path_pattern)
        return;
    struct range *range = range_new("i.id", "items i" BY_PLACE);
    add_repositories(&range->where, parts);
    if (!path) {
        sql_add_range(&range->where, "i.path", path_pattern, pattern_prefix(path_pattern));
    } else {
        sql_add_text(&range->where, " AND i.path=?", path);
        if (name)
            sql_add_text(&range->where, " AND i.name=?", name);
        else if (name_pattern)
            sql_add_range(&range->where, "i.name", name_pattern, pattern_prefix(name_pattern));
    }
    range_offer(planner, best, range, path && name ? FEW_ROWS : -1);
}

static void offer_name(struct planner *planner, struct way *best, const struct parts *parts)
{
    const char *name = field_equals(parts, AQL_NAME);
    const char *pattern = field_pattern(parts, AQL_NAME);
    const char *repo = field_equals(parts, AQL_REPO);

    if (!name && !pattern)
        return;
    struct range *range = range_new("i.id", "items i INDEXED BY items_by_name");
    if (name) {
        sql_add_text(&range->where, "i.name=?", name);
    } else {
        sql_add(&range->where, "1");
        sql_add_range(&range->where, "i.name", pattern, pattern_prefix(pattern));
    }
    if (repo)
        sql_add_text(&range->where, " AND i.repo=?", repo);
    range_offer(planner, best, range, -1);
}

static void offer_bytes(struct planner *planner, struct way *best, const struct parts *parts)
{
    static const struct {
        enum aql_field field;
        const char *tables;
        const char *where;
    } ways[] = {
        { AQL_SHA256, "items i INDEXED BY items_by_sha256", "i.sha256=?" },
        { AQL_ACTUAL_SHA1,
          "blobs c INDEXED BY blobs_by_sha1 CROSS JOIN items i INDEXED BY items_by_sha256",
          "c.sha1=? AND i.sha256=c.sha256" },
        { AQL_ACTUAL_MD5,
          "blobs c INDEXED BY blobs_by_md5 CROSS JOIN items i INDEXED BY items_by_sha256",
          "c.md5=? AND i.sha256=c.sha256" },
        { AQL_ORIGINAL_SHA1,
          "blobs c INDEXED BY blobs_by_sha1 CROSS JOIN items i INDEXED BY items_by_sha256",
          "c.sha1=? AND i.sha256=c.sha256" },
        { AQL_ORIGINAL_MD5,
          "blobs c INDEXED BY blobs_by_md5 CROSS JOIN items i INDEXED BY items_by_sha256",
          "c.md5=? AND i.sha256=c.sha256" },
    };

    for (size_t i = 0; i < countof(ways); i++) {
        const char *sum = field_equals(parts, ways[i].field);
        if (!sum)
            continue;
        struct range *range = range_new("i.id", ways[i].tables);
        sql_add_text(&range->where, ways[i].where, sum);
        range_offer(planner, best, range, -1);
    }
}

/* All bounds told of a number or time: " AND column>?" for each; false: none. */
static bool add_bounds(struct sql *where, const struct parts *parts, enum aql_field field,
                       const char *column)
{
    bool found = false;

    for (size_t i = 0; i < parts->count; i++) {
        const struct aql_node *term = parts->list[i];
        if (!is_term(term, field) || term->null || term->op == AQL_NE)
            continue;
        sql_add(where, " AND ");
        sql_add_compare(where, column, term);
        found = true;
    }
    return found;
}

static void offer_bounds(struct planner *planner, struct way *best, const struct parts *parts,
                         struct range *range, enum aql_field field, const char *column)
{
    if (add_bounds(&range->where, parts, field, column))
        range_offer(planner, best, range, -1);
    else
        range_free(range);
}

static void offer_times(struct planner *planner, struct way *best, const struct parts *parts)
{
    struct range *created = range_new("i.id", "items i INDEXED BY items_by_created");
    struct range *modified = range_new("i.id", "items i INDEXED BY items_by_modified");
    struct range *sent = range_new("s.item", "downloads s INDEXED BY downloads_by_last");

    add_repositories(&created->where, parts);
    offer_bounds(planner, best, parts, created, AQL_CREATED, "i.created_ms");
    add_repositories(&modified->where, parts);
    offer_bounds(planner, best, parts, modified, AQL_MODIFIED, "i.modified_ms");
    sql_add(&sent->where, "1");
    offer_bounds(planner, best, parts, sent, AQL_STAT_DOWNLOADED, "s.last_ms");
}

/* Folders have no bytes: bounds that zero is within are no way to them. */
static void offer_size(struct planner *planner, struct way *best, const struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct aql_node *term = parts->list[i];
        if (!is_term(term, AQL_SIZE) || term->null ||
            !((term->op == AQL_GT && term->number >= 0) ||
              ((term->op == AQL_GTE || term->op == AQL_EQ) && term->number > 0)))
            continue;
        struct range *range =
            range_new("i.id", "blobs c INDEXED BY blobs_by_size CROSS JOIN items i"
                              " INDEXED BY items_by_sha256");
        sql_add_compare(&range->where, "c.size_bytes", term);
        sql_add(&range->where, " AND i.sha256=c.sha256");
        range_offer(planner, best, range, -1);
    }
}

static void offer_repository(struct planner *planner, struct way *best, const struct parts *parts)
{
    if (!repo_is_told(parts))
        return;
    struct range *range = range_new("i.id", "items i" BY_PLACE);
    add_repositories(&range->where, parts);
    range_offer(planner, best, range, -1);
}

/* --- ranges of what items have many of --- */

/* An item may have many values that begin alike. */
static void offer_property(struct planner *planner, struct way *best, const struct aql_node *term)
{
    if (term->field != AQL_AT_KEY || strcmp(term->key, "*") == 0 ||
        (term->null && term->op == AQL_EQ))
        return;
    bool any = term->null || strcmp(term->text, "*") == 0;
    if (!term->null && term->op != AQL_EQ && term->op != AQL_MATCH)
        return;
    struct range *range = range_new("q.item", "properties q INDEXED BY properties_by_value");
    sql_add_text(&range->where, "q.key=?", term->key);
    if (!any && term_equals(term)) {
        sql_add_text(&range->where, " AND q.value=?", term->text);
    } else {
        range->twice = true;
        if (!any && pattern_prefix(term->text) > 0)
            sql_add_range(&range->where, "q.value", term->text, pattern_prefix(term->text));
    }
    range_offer(planner, best, range, -1);
}

static void offer_properties(struct planner *planner, struct way *best, const struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->list[i]->kind == AQL_TERM) {
            offer_property(planner, best, parts->list[i]);
        } else if (parts->list[i]->kind == AQL_MSP) {
            struct parts *inner = xcalloc(1, sizeof *inner);
            parts_add(inner, parts->list[i]);
            for (size_t k = 0; k < inner->count; k++)
                if (inner->list[k]->kind == AQL_TERM)
                    offer_property(planner, best, inner->list[k]);
            free(inner);
        }
}

/* The items that have the bytes of an artifact or dependency, by whichever checksum was told. */
#define BYTES_OF(table)                                                                            \
    "builds u INDEXED BY builds_by_name CROSS JOIN build_modules m ON m.build=u.id"                \
    " CROSS JOIN " table " a ON a.module=m.id"                                                     \
    " CROSS JOIN blobs c ON (c.sha256=a.sha256 AND a.sha256<>'')"                                  \
    " OR (c.sha1=a.sha1 AND a.sha1<>'') OR (c.md5=a.md5 AND a.md5<>'')"                            \
    " CROSS JOIN items i INDEXED BY items_by_sha256 ON i.sha256=c.sha256"

static void offer_build(struct planner *planner, struct way *best, const struct parts *parts,
                        enum aql_field name_field, enum aql_field number_field, const char *tables)
{
    const char *name = field_equals(parts, name_field);
    const char *number = field_equals(parts, number_field);

    if (!name)
        return;
    struct range *range = range_new("i.id", tables);
    range->twice = true;
    sql_add_text(&range->where, "u.name=?", name);
    if (number)
        sql_add_text(&range->where, " AND u.number=?", number);
    range_offer(planner, best, range, -1);
}

void offer_all(struct planner *planner, struct way *best, const struct parts *parts)
{
    offer_place(planner, best, parts);
    offer_bytes(planner, best, parts);
    offer_name(planner, best, parts);
    offer_properties(planner, best, parts);
    offer_build(planner, best, parts, AQL_ARTIFACT_BUILD_NAME, AQL_ARTIFACT_BUILD_NUMBER,
                BYTES_OF("build_artifacts"));
    offer_build(planner, best, parts, AQL_DEPENDENCY_BUILD_NAME, AQL_DEPENDENCY_BUILD_NUMBER,
                BYTES_OF("build_dependencies"));
    offer_times(planner, best, parts);
    offer_size(planner, best, parts);
    offer_repository(planner, best, parts);
}
