/* search_own.h - what the files of the search share: SQL text with the values of its question
 * marks, conditions, and where candidates come from. */
#pragma once
#include "sos/base/buf.h"
#include "store/disk/search.h"

/* --- text --- */

struct sql_value {
    char *text; /* owned; NULL: the number */
    int64_t number;
};
struct sql {
    struct buf text;
    struct sql_value *values; /* in the order of their question marks */
    size_t count;
};
void sql_init(struct sql *sql);
void sql_done(struct sql *sql);
void sql_add(struct sql *sql, const char *text);
/* Text in which each '?' is the value. */
void sql_add_text(struct sql *sql, const char *text, const char *value);
void sql_add_number(struct sql *sql, const char *text, int64_t value);
/* Append all of another. */
void sql_append(struct sql *sql, const struct sql *other);
/* Prepared and bound; the values must outlive it.  Finalize it.  -ERR_LIMIT: too much for SQLite.
 */
int sql_prepare(struct db *db, const struct sql *sql, sqlite3_stmt **ret, struct err *err);

/* --- conditions --- */

/* "column op value" of a term, its key not looked at. */
void sql_add_compare(struct sql *sql, const char *column, const struct aql_node *term);
/* Is the term true of what equals this text only?  NULL: no.  A pattern without wildcards is. */
const char *term_equals(const struct aql_node *term);
/* A pattern of ours as GLOB has it; gives. */
char *glob_of(const char *pattern);
/* What all texts that match begin with: the length. */
size_t pattern_prefix(const char *pattern);
/* " AND column >= 'prefix' AND column < what follows all that begin so" */
void sql_add_range(struct sql *sql, const char *column, const char *prefix, size_t len);
/* The whole tree as one condition on i (items) and b (blobs), or on u (builds). */
void sql_add_tree(struct sql *sql, const struct aql_query *query);
/* The column or expression of a field; of what an item may have many of, with its tables' names. */
const char *sql_column(enum aql_field field);
/* What a scope's columns are of, and how it belongs to i or u: "… WHERE …"; NULL for i or u itself.
 */
const char *sql_scope(enum aql_scope scope);

/* What must hold together: the terms, $or and $msp of an $and and of each $and in it. */
enum { PARTS_MAX = 2 * AQL_TERMS_MAX };
struct parts {
    const struct aql_node *list[PARTS_MAX];
    size_t count;
};
void parts_add(struct parts *parts, const struct aql_node *and);

/* --- candidates --- */

enum { PLAN_PROBE_ROWS = 4000 }; /* more candidates than that are "many" */

struct plan {
    struct sql tables; /* "items i …": what comes after FROM */
    struct sql where;  /* what leads to the candidates */
    bool sorted;       /* they come in the order asked for */
    bool all;          /* no condition has an index: they are all items */
};
void plan_init(struct plan *plan);
void plan_done(struct plan *plan);
/* Choose, by counting candidates; `plan` was inited. */
int plan_make(struct db *db, const struct aql_query *query, struct plan *plan, struct err *err);
