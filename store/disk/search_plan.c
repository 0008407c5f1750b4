/* search_plan.c - where the candidates of a query come from.
 *
 * A way is a set of index ranges such that every row that is asked for lies in one
 * of them.  Of conditions that must all hold the cheapest one is a way; of those of
 * which one must hold, all of theirs together are.  Conditions inside of an $or are
 * read together with those around it, so that {"repo": r, "$or": [{"path": a},
 * {"path": b}]} is two ranges of the index by repository, path and name.
 *
 * What a range costs is counted, up to PLAN_PROBE_ROWS rows: no statistics that may
 * be old, no guess.  A range of one row or few is not counted. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/search_own.h"

enum {
    FEW_ROWS = 4,
    PROBES_MAX = 48, /* of one query; what is not counted is "many" */
};

/* "SELECT id FROM tables WHERE where", each item at most once if not `twice`. */
struct range {
    const char *id;
    struct sql tables;
    struct sql where;
    bool twice;
    int64_t rows;
};

/* Ranges that together are a way. */
struct way {
    struct range **list; /* owned, with the ranges */
    size_t count;
    int64_t rows;
};

struct planner {
    struct db *db;
    int probes;
    int rc;
    struct err *err;
};

static void range_free(struct range *range)
{
    sql_done(&range->tables);
    sql_done(&range->where);
    free(range);
}

static void way_done(struct way *way)
{
    for (size_t i = 0; i < way->count; i++)
        range_free(way->list[i]);
    free(way->list);
    *way = (struct way){ 0 };
}

/* The other's ranges become its own. */
static void way_join(struct way *way, struct way *other)
{
    way->list = xrealloc(way->list, (way->count + other->count + 1) * sizeof(struct range *));
    for (size_t i = 0; i < other->count; i++)
        way->list[way->count++] = other->list[i];
    way->rows += other->rows;
    free(other->list);
    *other = (struct way){ 0 };
}

/* Keep the better one in `best`; the other is done. */
static void way_choose(struct way *best, struct way *other)
{
    if (best->count > 0 && best->rows <= other->rows) {
        way_done(other);
        return;
    }
    way_done(best);
    *best = *other;
}

/* --- counting --- */

static void range_select(const struct range *range, struct sql *ret)
{
    sql_add(ret, range->twice ? "SELECT DISTINCT " : "SELECT ");
    sql_add(ret, range->id);
    sql_add(ret, " AS id FROM ");
    sql_append(ret, &range->tables);
    sql_add(ret, " WHERE ");
    sql_append(ret, &range->where);
}

static int range_count(struct planner *planner, struct range *range, int64_t most)
{
    sqlite3_stmt *statement = NULL;
    struct sql sql;

    sql_init(&sql);
    sql_add(&sql, "SELECT count(*) FROM (");
    range_select(range, &sql);
    sql_add_number(&sql, " LIMIT ?)", most);
    int rc = sql_prepare(planner->db, &sql, &statement, planner->err);
    if (rc == 0 && (rc = db_step(planner->db, statement, planner->err)) > 0) {
        range->rows = db_int(statement, 0);
        rc = 0;
    }
    sqlite3_finalize(statement);
    sql_done(&sql);
    return rc;
}

/* The range becomes the way, if it is better; `rows` -1: count them. */
static void range_offer(struct planner *planner, struct way *best, struct range *range,
                        int64_t rows)
{
    int64_t most = best->count > 0 ? best->rows : PLAN_PROBE_ROWS;
    struct way way = { .list = xmalloc(sizeof(struct range *)), .count = 1 };

    if (rows < 0 && planner->rc == 0 && most > FEW_ROWS && planner->probes++ < PROBES_MAX)
        planner->rc = range_count(planner, range, most);
    else
        range->rows = rows < 0 ? PLAN_PROBE_ROWS : rows;
    way.list[0] = range;
    way.rows = range->rows;
    way_choose(best, &way);
}

static struct range *range_new(const char *id, const char *tables)
{
    struct range *range = xcalloc(1, sizeof *range);

    range->id = id;
    sql_init(&range->tables);
    sql_init(&range->where);
    sql_add(&range->tables, tables);
    return range;
}

/* --- ranges of items --- */

static bool is_term(const struct aql_node *part, enum aql_field field)
{
    return part->kind == AQL_TERM && part->field == field;
}

/* The text that a field must be; NULL: not told. */
static const char *field_equals(const struct parts *parts, enum aql_field field)
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

#define BY_PLACE "items i INDEXED BY sqlite_autoindex_items_1"

static void offer_place(struct planner *planner, struct way *best, const struct parts *parts)
{
    const char *path = field_equals(parts, AQL_PATH);
    const char *name = field_equals(parts, AQL_NAME);
    const char *path_pattern = field_pattern(parts, AQL_PATH);
    const char *name_pattern = field_pattern(parts, AQL_NAME);

    if (!path && !path_pattern)
        return;
    struct range *range = range_new("i.id", BY_PLACE);
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
    struct range *range = range_new("i.id", BY_PLACE);
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

/* --- the tree --- */

static void offer_all(struct planner *planner, struct way *best, const struct parts *parts)
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

static void cover_and(struct planner *planner, struct way *best, const struct aql_node *and,
                      const struct parts *around);

/* A way for each child, or none at all. */
static void cover_or(struct planner *planner, struct way *best, const struct aql_node * or,
                     const struct parts *around)
{
    struct way all = { 0 };

    for (const struct aql_node *child = or->children; child; child = child->next) {
        struct way one = { 0 };
        cover_and(planner, &one, child, around);
        bool none = one.count == 0;
        way_join(&all, &one);
        if (none) {
            way_done(&all);
            return;
        }
    }
    way_choose(best, &all);
}

static void cover_and(struct planner *planner, struct way *best, const struct aql_node *and,
                      const struct parts *around)
{
    struct parts *parts = xcalloc(1, sizeof *parts);
    size_t own;

    parts_add(parts, and);
    own = parts->count;
    for (size_t i = 0; around && i < around->count && parts->count < PARTS_MAX; i++)
        if (around->list[i]->kind != AQL_OR)
            parts->list[parts->count++] = around->list[i];
    offer_all(planner, best, parts);
    for (size_t i = 0; i < own; i++)
        if (parts->list[i]->kind == AQL_OR)
            cover_or(planner, best, parts->list[i], parts);
    free(parts);
}

/* --- what comes of it --- */

void plan_init(struct plan *plan)
{
    *plan = (struct plan){ 0 };
    sql_init(&plan->tables);
    sql_init(&plan->where);
}

void plan_done(struct plan *plan)
{
    sql_done(&plan->tables);
    sql_done(&plan->where);
}

/* The index in whose order the items of one repository come as asked; NULL: none. */
static const char *sort_index(const struct aql_query *query)
{
    static const enum aql_field place[] = { AQL_REPO, AQL_PATH, AQL_NAME };
    size_t skip = query->sort_count > 0 && query->sort[0] == AQL_PATH;

    if (query->sort_count == 1 && query->sort[0] == AQL_CREATED)
        return "items i INDEXED BY items_by_created";
    if (query->sort_count == 1 && query->sort[0] == AQL_MODIFIED)
        return "items i INDEXED BY items_by_modified";
    for (size_t i = 0; i < query->sort_count; i++)
        if (skip + i >= countof(place) || query->sort[i] != place[skip + i])
            return NULL;
    return query->sort_count > 0 ? BY_PLACE : NULL;
}

/* The first few of many: read them in their order, until there are enough. */
static bool plan_sorted(struct plan *plan, const struct aql_query *query)
{
    struct parts *parts = xcalloc(1, sizeof *parts);
    const char *index = sort_index(query);

    parts_add(parts, query->root);
    const char *repo = field_equals(parts, AQL_REPO);
    if (query->limit >= 0 && index && repo) {
        sql_add(&plan->tables, index);
        sql_add_text(&plan->where, "i.repo=?", repo);
        plan->sorted = true;
    }
    free(parts);
    return plan->sorted;
}

static void plan_union(struct plan *plan, const struct way *way)
{
    sql_add(&plan->tables, "(");
    for (size_t i = 0; i < way->count; i++) {
        sql_add(&plan->tables, i ? " UNION " : "");
        range_select(way->list[i], &plan->tables);
    }
    sql_add(&plan->tables, ") d CROSS JOIN items i ON i.id=d.id");
    sql_add(&plan->where, "1");
}

int plan_make(struct db *db, const struct aql_query *query, struct plan *plan, struct err *err)
{
    struct planner planner = { .db = db, .err = err };
    struct way way = { 0 };

    cover_and(&planner, &way, query->root, NULL);
    plan->all = way.count == 0;
    if ((plan->all || way.rows >= PLAN_PROBE_ROWS) && plan_sorted(plan, query)) {
        plan->all = false;
    } else if (plan->all) {
        sql_add(&plan->tables, "items i");
        sql_add(&plan->where, "1");
    } else if (way.count == 1 && strcmp(way.list[0]->id, "i.id") == 0 &&
               strncmp(way.list[0]->tables.text.data, "items i", 7) == 0) {
        sql_append(&plan->tables, &way.list[0]->tables);
        sql_append(&plan->where, &way.list[0]->where);
    } else {
        plan_union(plan, &way);
    }
    way_done(&way);
    return planner.rc;
}
