/* search.c - what all searches do: their strand, who may see what, the answer. */
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/web/search/search_own.h"

static void finding_free(struct call *call)
{
    struct finding *finding = call->own;

    if (finding->release)
        finding->release(finding);
    aql_free(finding->query);
    spool_done(&finding->answer);
    free(finding);
}

static const char *members_of(void *ctx, const char *repo)
{
    const struct repository *repository = store_repository(ctx, repo);
    return repository && repository->class == REPO_VIRTUAL ? repository->members : NULL;
}

struct finding *finding_new(struct call *call, struct aql_query *query)
{
    struct finding *finding = xcalloc(1, sizeof *finding);

    finding->query = query;
    finding->call = call;
    spool_init(&finding->answer, call->store->settings->state_dir, SEARCH_ANSWER_MAX);
    aql_expand_repos(query, members_of, call->store);
    call_own(call, finding, finding_free);
    return finding;
}

void finding_post(struct finding *finding, call_fn work, call_fn then)
{
    const struct searcher *searcher = store_searcher(finding->call->store);

    finding->db = searcher->db;
    call_post(finding->call, searcher->strand, work, then);
}

static bool may_tell(void *ctx, const char *repo, const char *path)
{
    const struct call *call = ctx;
    return call->scope && scope_allows(call->scope, ACCESS_READ, repo, path);
}

static struct search search_of(const struct finding *finding)
{
    return (struct search){ .query = finding->query,
                            .budget_ms = finding->call->store->settings->search_ms,
                            .may_tell = may_tell,
                            .ctx = finding->call };
}

int finding_items(struct finding *finding, search_row_fn each, struct err *err)
{
    const struct search search = search_of(finding);
    return search_items(finding->db, &search, each, finding, err);
}

int finding_builds(struct finding *finding, search_build_fn each, struct err *err)
{
    const struct search search = search_of(finding);
    return search_builds(finding->db, &search, each, finding, err);
}

static void answer_error(struct call *call, bool plain)
{
    const struct err *err = &call->task.err;

    if (err->reason && strcmp(err->reason, "SEARCH_TIME") == 0)
        log_warn("search", "took too long, stopped", "user=%s", call->user);
    if (plain && (call->task.rc == -ERR_LIMIT || call->task.rc == -ERR_INVALID))
        call_answer(call, 400, "text/plain", err->text);
    else
        call_fail(call, TEXT_NO_ITEM);
}

void finding_answer(struct finding *finding, const char *type, bool plain_errors)
{
    struct call *call = finding->call;
    struct spool *answer = &finding->answer;

    if (!call->request)
        return;
    if (call->task.rc < 0)
        answer_error(call, plain_errors);
    else if (answer->fd >= 0)
        http_answer_file(call->request, 200, type, take_fd(answer->fd), 0, answer->written);
    else
        http_answer(call->request, 200, type, answer->text.data, answer->text.len);
}
