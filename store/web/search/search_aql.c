/* search_aql.c - POST api/search/aql. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/search/rows.h"
#include "store/web/search/search_own.h"

enum { QUERY_MAX = 256 << 10 };

/* --- blocking work (a searcher's strand) --- */

static int result_begin(struct finding *finding)
{
    spool_add(&finding->answer, finding->rows++ > 0 ? ",\n" : "\n");
    return finding->answer.err.code == ERR_NONE ? 0 : -(int)finding->answer.err.code;
}

static int item_add(void *ctx, const struct search_row *row)
{
    struct finding *finding = ctx;
    int rc = result_begin(finding);

    return rc < 0 ? rc
                  : rows_add_item(&finding->answer, finding->db, finding->query, row,
                                  &finding->call->task.err);
}

static int build_add(void *ctx, const struct search_build *build)
{
    struct finding *finding = ctx;
    int rc = result_begin(finding);

    if (rc == 0)
        rows_add_build(&finding->answer, finding->query, build);
    return rc;
}

static void range_add(struct finding *finding)
{
    const struct aql_query *query = finding->query;
    char text[160];

    snprintf(text, sizeof text,
             "\n],\n\"range\":{\"start_pos\":%" PRId64 ",\"end_pos\":%" PRId64
             ",\"total\":%" PRId64,
             query->offset, query->offset + finding->rows, finding->rows);
    spool_add(&finding->answer, text);
    if (query->limit >= 0) {
        snprintf(text, sizeof text, ",\"limit\":%" PRId64, query->limit);
        spool_add(&finding->answer, text);
    }
    spool_add(&finding->answer, "}\n}\n");
}

static void aql_work(struct call *call)
{
    struct finding *finding = call->own;
    struct err *err = &call->task.err;

    spool_add(&finding->answer, "{\n\"results\":[");
    int rc = finding->query->domain == AQL_ITEMS ? finding_items(finding, item_add, err)
                                                 : finding_builds(finding, build_add, err);
    range_add(finding);
    int ended = spool_end(&finding->answer, rc < 0 ? NULL : err);
    call->task.rc = rc < 0 ? rc : ended;
}

/* --- events (the loop) --- */

static void on_aql(struct call *call)
{
    finding_answer(call->own, "application/json", true);
}

static void on_query(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct aql_query *query = NULL;
    struct err err = { 0 };

    if (aql_parse(body, len, call->now_ms, &query, &err) < 0) {
        auto_free char *text = xasprintf("Failed to parse query: %s\n", err.text);
        call_answer(call, 400, "text/plain", text);
        return;
    }
    finding_post(finding_new(call, query), aql_work, on_aql);
}

/* Who is nobody may not search, even where everybody may read. */
void aql_call(struct call *call)
{
    if (call->token[0] == '\0')
        call_deny(call, ACCESS_READ, NULL);
    else
        http_collect(call->request, QUERY_MAX, on_query);
}
