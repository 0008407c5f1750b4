/* search.h - queries of core/aql.h, answered from the index.
 *
 *   tree --search_plan.c--> where candidates come from: the conditions that have an index and
 *     |                     leave the fewest rows, found by counting them
 *     +----search_sql.c---> all conditions, asked of each candidate
 *                       --> one statement
 *
 * Everything blocks; on a reader's connection.  A query that works longer than its budget is
 * stopped. */
#pragma once
#include <stdint.h>

#include "sos/serve/db.h"
#include "store/core/aql.h"
#include "store/disk/downloads.h"
#include "store/disk/index.h"

struct search_row {
    struct item item;
    struct downloads downloads; /* when the query shows some of it */
};
typedef int (*search_row_fn)(void *ctx, const struct search_row *row);

struct search {
    const struct aql_query *query;
    int64_t budget_ms;
    /* May this item be told?  What it refuses is not there, for limits too.  NULL: all. */
    bool (*may_tell)(void *ctx, const char *repo, const char *path);
    void *ctx; /* of may_tell */
};

/* Each item the query is for, in its order; `each` returns non-zero to stop, which is then the
 * result.  It may use `db` to read.  -ERR_LIMIT, reason SEARCH_TIME: it took too long. */
int search_items(struct db *db, const struct search *search, search_row_fn each, void *ctx,
                 struct err *err);

struct search_build {
    char name[ITEM_PATH_MAX + 1];
    char number[ITEM_PATH_MAX + 1];
    int64_t started_ms;
};
typedef int (*search_build_fn)(void *ctx, const struct search_build *build);
/* The same for builds.find; a build is its build-info's item. */
int search_builds(struct db *db, const struct search *search, search_build_fn each, void *ctx,
                  struct err *err);

typedef void (*search_line_fn)(void *ctx, const char *line);
/* The statement, then SQLite's plan for it, a line for each step. */
int search_explain(struct db *db, const struct aql_query *query, search_line_fn each, void *ctx,
                   struct err *err);
