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
#include "store/disk/search_way.h"

/* --- the tree --- */

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
    return query->sort_count > 0 ? "items i" BY_PLACE : NULL;
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
