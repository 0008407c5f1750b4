/* search_way.c - ranges and ways, and counting what they cost. */
#include "store/disk/search_way.h"

#include "sos/base/auto.h"

enum { PROBES_MAX = 48 }; /* of one query; what is not counted is "many" */

void range_free(struct range *range)
{
    sql_done(&range->tables);
    sql_done(&range->where);
    free(range);
}

void way_done(struct way *way)
{
    for (size_t i = 0; i < way->count; i++)
        range_free(way->list[i]);
    free(way->list);
    *way = (struct way){ 0 };
}

void way_join(struct way *way, struct way *other)
{
    way->list = xrealloc(way->list, (way->count + other->count + 1) * sizeof(struct range *));
    for (size_t i = 0; i < other->count; i++)
        way->list[way->count++] = other->list[i];
    way->rows += other->rows;
    free(other->list);
    *other = (struct way){ 0 };
}

void way_choose(struct way *best, struct way *other)
{
    if (best->count > 0 && best->rows <= other->rows) {
        way_done(other);
        return;
    }
    way_done(best);
    *best = *other;
}

/* --- counting --- */

void range_select(const struct range *range, struct sql *ret)
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

void range_offer(struct planner *planner, struct way *best, struct range *range, int64_t rows)
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

struct range *range_new(const char *id, const char *tables)
{
    struct range *range = xcalloc(1, sizeof *range);

    range->id = id;
    sql_init(&range->tables);
    sql_init(&range->where);
    sql_add(&range->tables, tables);
    return range;
}
