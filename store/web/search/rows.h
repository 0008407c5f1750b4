/* rows.h - rows of AQL as JSON.  Pool threads. */
#pragma once
#include "store/disk/search.h"
#include "store/web/search/spool.h"

/* One item: the fields that the query shows, its properties, its downloads.  `reader` is where the
 * properties are read. */
int rows_add_item(struct spool *spool, struct db *reader, const struct aql_query *query,
                  const struct search_row *row, struct err *err);
void rows_add_build(struct spool *spool, const struct aql_query *query,
                    const struct search_build *build);
