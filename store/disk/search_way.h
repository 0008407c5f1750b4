/* search_way.h - ranges of indexes, what they cost, and ways made of them.
 *
 * A way is a set of index ranges such that every row that is asked for lies in one of them. */
#pragma once
#include "store/disk/search_own.h"

enum { FEW_ROWS = 4 }; /* of a range that is not worth counting */

/* "SELECT id FROM tables WHERE where", each item at most once if not `twice`. */
struct range {
    const char *id;
    struct sql tables;
    struct sql where;
    bool twice;
    int64_t rows;
};

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

/* --- ranges --- */

/* The caller owns it; both texts are constants. */
struct range *range_new(const char *id, const char *tables);
void range_free(struct range *range);
/* Append its SELECT. */
void range_select(const struct range *range, struct sql *ret);
/* Takes the range, which becomes the way if it is better; `rows` -1: count them.  What fails is
 * told by planner->rc. */
void range_offer(struct planner *planner, struct way *best, struct range *range, int64_t rows);

/* --- ways --- */

void way_done(struct way *way);
/* The other's ranges become its own. */
void way_join(struct way *way, struct way *other);
/* Keep the better one in `best`; the other is done. */
void way_choose(struct way *best, struct way *other);

/* --- which ranges there are (search_offer.c) --- */

/* Each range that these conditions, which must all hold, have an index for; the best is kept. */
void offer_all(struct planner *planner, struct way *best, const struct parts *parts);
/* The text that a field must be; NULL: not told. */
const char *field_equals(const struct parts *parts, enum aql_field field);
