/* search.c - running a query: the statement, its time, its rows. */
#include "store/disk/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/disk/index_own.h"
#include "store/disk/search_own.h"

enum { STEPS_BETWEEN = 20000 }; /* of SQLite's machine, between two looks at the clock */

/* --- the statement --- */

static bool shows_downloads(const struct aql_query *query)
{
    return query->shown[AQL_STAT_DOWNLOADS] || query->shown[AQL_STAT_DOWNLOADED] ||
           query->shown[AQL_STAT_DOWNLOADED_BY];
}

/* Rows that are equal otherwise keep one order, so that offsets make sense. */
static void add_order(struct sql *sql, const struct aql_query *query, const char *id)
{
    const char *direction = query->descending ? " DESC" : "";

    for (size_t i = 0; i < query->sort_count; i++) {
        const char *column = sql_column(query->sort[i]);
        sql_add(sql, i ? ", " : " ORDER BY ");
        sql_add(sql, column + (*column == '+'));
        sql_add(sql, direction);
    }
    if (query->sort_count > 0) {
        sql_add(sql, ", ");
        sql_add(sql, id);
        sql_add(sql, direction);
    }
    if (query->limit >= 0 || query->offset > 0) {
        sql_add_number(sql, " LIMIT ?", query->limit);
        sql_add_number(sql, " OFFSET ?", query->offset);
    }
}

/* may_tell of the search, as a function of SQL. */
static void sql_may_tell(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct search *search = sqlite3_user_data(context);
    const char *repo = (const char *)sqlite3_value_text(values[0]);
    const char *folder = (const char *)sqlite3_value_text(values[1]);
    const char *name = (const char *)sqlite3_value_text(values[2]);
    char path[ITEM_PATH_MAX + 1];

    (void)count;
    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    sqlite3_result_int(context, search->may_tell(search->ctx, repo, path));
}

static void add_filter(struct db *db, const struct search *search, struct sql *ret)
{
    if (!search->may_tell)
        return;
    sqlite3_create_function(db_handle(db), "may_tell", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                            (void *)search, sql_may_tell, NULL, NULL);
    sql_add(ret, " AND may_tell(i.repo, i.path, i.name)");
}

static int items_sql(struct db *db, const struct search *search, struct sql *ret, struct err *err)
{
    const struct aql_query *query = search->query;
    struct plan plan;

    plan_init(&plan);
    int rc = plan_make(db, query, &plan, err);
    sql_add(ret, "SELECT " ITEM_COLUMNS);
    if (shows_downloads(query))
        sql_add(ret, ", n.count, n.last_ms, n.last_by");
    sql_add(ret, " FROM ");
    sql_append(ret, &plan.tables);
    sql_add(ret, " LEFT JOIN blobs b ON b.sha256=i.sha256");
    if (shows_downloads(query))
        sql_add(ret, " LEFT JOIN downloads n ON n.item=i.id");
    sql_add(ret, " WHERE ");
    sql_append(ret, &plan.where);
    sql_add(ret, " AND ");
    sql_add_tree(ret, query);
    add_filter(db, search, ret);
    add_order(ret, query, "i.id");
    plan_done(&plan);
    return rc;
}

static void builds_sql(struct db *db, const struct search *search, struct sql *ret)
{
    sql_add(ret, "SELECT u.name, u.number, u.started_ms FROM builds u"
                 " CROSS JOIN items i ON i.id=u.item WHERE ");
    sql_add_tree(ret, search->query);
    add_filter(db, search, ret);
    add_order(ret, search->query, "u.id");
}

/* --- its time --- */

struct budget {
    sqlite3 *handle;
    int64_t end_mono_ms;
    bool over;
};

static int on_steps(void *ctx)
{
    struct budget *budget = ctx;

    budget->over = clock_mono_ms() > budget->end_mono_ms;
    return budget->over;
}

static void budget_start(struct budget *budget, struct db *db, int64_t budget_ms)
{
    *budget =
        (struct budget){ .handle = db_handle(db), .end_mono_ms = clock_mono_ms() + budget_ms };
    sqlite3_progress_handler(budget->handle, STEPS_BETWEEN, on_steps, budget);
}

static int budget_end(struct budget *budget, int64_t budget_ms, int rc, struct err *err)
{
    sqlite3_progress_handler(budget->handle, 0, NULL, NULL);
    if (rc >= 0 || !budget->over)
        return rc;
    err_set(err, ERR_LIMIT,
            "the search took longer than %" PRId64 " s and was stopped; name the repository, the"
            " path, the name, a property or a checksum",
            budget_ms / 1000);
    err_reason(err, "SEARCH_TIME");
    return -ERR_LIMIT;
}

/* --- its rows --- */

static void row_read(sqlite3_stmt *statement, const struct aql_query *query, struct search_row *ret)
{
    item_read(statement, &ret->item);
    ret->downloads = (struct downloads){ 0 };
    if (!shows_downloads(query))
        return;
    ret->downloads.count = db_int(statement, ITEM_COLUMNS_COUNT);
    ret->downloads.last_ms = db_int(statement, ITEM_COLUMNS_COUNT + 1);
    snprintf(ret->downloads.last_by, sizeof ret->downloads.last_by, "%s",
             db_text(statement, ITEM_COLUMNS_COUNT + 2));
}

static int items_step(struct db *db, sqlite3_stmt *statement, const struct aql_query *query,
                      search_row_fn each, void *ctx, struct err *err)
{
    struct search_row row;
    int rc;

    while ((rc = db_step(db, statement, err)) > 0) {
        row_read(statement, query, &row);
        rc = each(ctx, &row);
        if (rc != 0)
            return rc;
    }
    return rc;
}

int search_items(struct db *db, const struct search *search, search_row_fn each, void *ctx,
                 struct err *err)
{
    sqlite3_stmt *statement = NULL;
    struct budget budget;
    struct sql sql;

    sql_init(&sql);
    budget_start(&budget, db, search->budget_ms);
    int rc = items_sql(db, search, &sql, err);
    if (rc == 0)
        rc = sql_prepare(db, &sql, &statement, err);
    if (rc == 0)
        rc = items_step(db, statement, search->query, each, ctx, err);
    sqlite3_finalize(statement);
    sql_done(&sql);
    return budget_end(&budget, search->budget_ms, rc, err);
}

static int builds_step(struct db *db, sqlite3_stmt *statement, search_build_fn each, void *ctx,
                       struct err *err)
{
    struct search_build build;
    int rc;

    while ((rc = db_step(db, statement, err)) > 0) {
        snprintf(build.name, sizeof build.name, "%s", db_text(statement, 0));
        snprintf(build.number, sizeof build.number, "%s", db_text(statement, 1));
        build.started_ms = db_int(statement, 2);
        rc = each(ctx, &build);
        if (rc != 0)
            return rc;
    }
    return rc;
}

int search_builds(struct db *db, const struct search *search, search_build_fn each, void *ctx,
                  struct err *err)
{
    sqlite3_stmt *statement = NULL;
    struct budget budget;
    struct sql sql;

    sql_init(&sql);
    builds_sql(db, search, &sql);
    budget_start(&budget, db, search->budget_ms);
    int rc = sql_prepare(db, &sql, &statement, err);
    if (rc == 0)
        rc = builds_step(db, statement, each, ctx, err);
    sqlite3_finalize(statement);
    sql_done(&sql);
    return budget_end(&budget, search->budget_ms, rc, err);
}

/* --- how --- */

static int explained_sql(struct db *db, const struct search *search, struct sql *ret,
                         struct err *err)
{
    if (search->query->domain == AQL_ITEMS)
        return items_sql(db, search, ret, err);
    builds_sql(db, search, ret);
    return 0;
}

int search_explain(struct db *db, const struct aql_query *query, search_line_fn each, void *ctx,
                   struct err *err)
{
    static const char explain[] = "EXPLAIN QUERY PLAN ";
    const struct search search = { .query = query };
    sqlite3_stmt *statement = NULL;
    struct sql sql;

    sql_init(&sql);
    sql_add(&sql, explain);
    int rc = explained_sql(db, &search, &sql, err);
    if (rc == 0)
        rc = sql_prepare(db, &sql, &statement, err);
    if (rc == 0)
        each(ctx, sql.text.data + strlen(explain));
    while (rc == 0 && (rc = db_step(db, statement, err)) > 0) {
        each(ctx, db_text(statement, 3));
        rc = 0;
    }
    sqlite3_finalize(statement);
    sql_done(&sql);
    return rc;
}
