/* search_own.h - what AQL and the other searches share. */
#pragma once
#include "store/disk/search.h"
#include "store/web/call.h"
#include "store/web/search/spool.h"

/* A search in work; the call's own. */
struct finding {
    struct aql_query *query; /* owned */
    struct db *db;           /* of the strand it runs on */
    struct spool answer;
    int64_t rows;
    bool info; /* X-Result-Detail: what is told of each besides its URL */
    bool properties;
    struct call *call;
    struct versions *versions;                /* of search_versions.c … */
    void (*release)(struct finding *finding); /* … which frees them; may be NULL */
};

enum { SEARCH_ANSWER_MAX = 1 << 30 };

/* Give the call a finding, which takes the query.  What a query says of a virtual repository is
 * then said of its members. */
struct finding *finding_new(struct call *call, struct aql_query *query);
/* Run `work` on the strand with the least to do; it has finding->db. */
void finding_post(struct finding *finding, call_fn work, call_fn then);
/* The query's rows, of what the caller may read. */
int finding_items(struct finding *finding, search_row_fn each, struct err *err);
int finding_builds(struct finding *finding, search_build_fn each, struct err *err);
/* Answer with what is in finding->answer, or with the error of the task as plain text or JSON. */
void finding_answer(struct finding *finding, const char *type, bool plain_errors);
/* ?repos=a,b as a criterion. */
int search_repos(struct call *call, struct aql_query *query, struct err *err);
/* A parameter of the request; NULL: not there, or empty. */
const char *search_parameter(struct call *call, const char *name);
/* "org.acme" as the folders it lies in; gives. */
char *search_group_path(const char *group);
