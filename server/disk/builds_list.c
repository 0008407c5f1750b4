#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/disk/builds_own.h"
#include "server/disk/page.h"
#include "sos/base/auto.h"

/* One text for each index that can lead; what does not lead is filtered. */
#define LIST(lead)                                                                                 \
    "SELECT " BUILD_COLUMNS " FROM builds WHERE " lead " number < ?4"                              \
    " AND (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR created_by = ?2)"                        \
    " AND (?3 IS NULL OR state = ?3) ORDER BY number DESC LIMIT ?5"

static sqlite3_stmt *list_bind(struct db *db, const struct build_filter *filter,
                               const struct page *page)
{
    const char *state = filter->state ? state_text(filter->state) : NULL;
    const char *sql = LIST("");
    if (filter->project)
        sql = LIST("project = ?1 AND");
    else if (filter->created_by)
        sql = LIST("created_by = ?2 AND");
    else if (state)
        sql = LIST("state = ?3 AND");
    return db_bind(db, sql, "tttii", filter->project, filter->created_by, state, page->before,
                   page->size + 1);
}

int builds_list(struct db *db, const struct build_filter *filter,
                struct sos_list_builds_response *ret, struct err *err)
{
    struct page page = { 0 };
    int rc = page_parse(filter->page_size, filter->page_token, &page, err);
    if (rc < 0)
        return rc;

    struct sos_list_builds_response list = { .builds =
                                                 xcalloc((size_t)page.size, sizeof *list.builds) };
    sqlite3_stmt *statement = list_bind(db, filter, &page);
    while ((rc = db_step(db, statement, err)) > 0) {
        if (list.builds_count == (size_t)page.size) {
            list.next_page_token = page_token(list.builds[list.builds_count - 1].number);
            break;
        }
        struct build_row row;
        rc = build_row_read(statement, &row, err);
        if (rc < 0)
            break;
        list.builds[list.builds_count++] = row.msg;
    }
    db_end(statement);
    if (rc < 0) {
        sos_list_builds_response_done(&list);
        return rc;
    }
    *ret = list;
    return 0;
}
