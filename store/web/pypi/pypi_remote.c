/* pypi_remote.c - the remote members of what is asked of a PyPI repository, one after the other.
 *
 * An upstream's page is kept at .pypi/<project>/simple, as JSON if the upstream knows that.  It
 * tells where each file lies and what its bytes are: a file that is kept already needs no page, and
 * one that is fetched is verified by it. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/pypi/pypi.h"
#include "store/web/remote/remote.h"

#define PAGE_ACCEPT PYPI_TYPE_JSON ", " PYPI_TYPE_HTML ";q=0.2, text/html;q=0.1"

static const struct repository *member(const struct pypi_ask *ask)
{
    return ask->members[ask->remote_next - 1];
}

/* --- what is wanted --- */

static void file_want(struct call *call)
{
    struct pypi_ask *ask = call->own;
    struct remote_want *want = ask->want;

    *want =
        (struct remote_want){ .repository = member(ask), .at = ask->at, .rule = REMOTE_IMMUTABLE };
    memcpy(want->at.repo, member(ask)->key, sizeof want->at.repo);
    call->at = want->at;
}

/* --- the page --- */

/* The file's URL, or that of its metadata: the same path and ".metadata" (PEP 658). */
static int url_take(struct remote_want *want, const char *url, bool metadata, struct err *err)
{
    size_t path = strcspn(url, "?");
    int len = snprintf(want->url, sizeof want->url, "%.*s%s%s", (int)path, url,
                       metadata ? PYPI_METADATA_SUFFIX : "", url + path);

    return len < (int)sizeof want->url ? 0 : err_set(err, ERR_LIMIT, "a URL is too long");
}

/* Where the file lies, if this page has it. */
static int file_take(struct call *call, const struct pypi_page *page, struct err *err)
{
    struct pypi_ask *ask = call->own;
    const struct pypi_file *file = pypi_page_find(page, item_name(&ask->of));
    struct item_path expected;

    if (!file || (ask->metadata && !file->has_metadata) ||
        pypi_item(ask->of.repo, ask->project, file->name, &expected, NULL) < 0 ||
        strcmp(expected.path, ask->of.path) != 0)
        return 0;
    file_want(call);
    if (ask->metadata)
        memcpy(ask->want->promised.sha256, file->metadata_sha256, sizeof file->metadata_sha256);
    else
        ask->want->promised = file->hashes;
    ask->found = true;
    ask->want->document = ask->metadata;
    return url_take(ask->want, file->url, ask->metadata, err);
}

static void parse_work(struct call *call)
{
    struct pypi_ask *ask = call->own;
    struct err *err = &call->task.err;
    struct pypi_page page;

    pypi_page_init(&page, ask->project);
    int rc = pypi_page_read(&page, call->text, call->text_len, ask->want->url, err);
    if (rc < 0) {
        err_wrap(err, "%s", ask->want->url);
        err_reason(err, "UPSTREAM");
    } else if (ask->what == PYPI_FILE) {
        rc = file_take(call, &page, err);
    } else {
        pypi_page_merge(&ask->page, &page);
    }
    pypi_page_done(&page);
    free(take_ptr(call->text));
    ask->known = true;
    call->task.rc = rc;
}

static void on_parsed(struct call *call)
{
    const struct pypi_ask *ask = call->own;

    if (!call->request)
        return;
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (ask->found)
        remote_answer(call, ask->want);
    else
        pypi_remote_next(call);
}

static void on_page_read(struct call *call)
{
    if (!call->request)
        return;
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        call_post(call, store_disk(call->store), parse_work, on_parsed);
}

/* No other member can add to it.  Its URLs are relative, so whichever repository was asked for it
 * tells the same. */
static bool page_is_alone(const struct pypi_ask *ask)
{
    for (size_t i = ask->remote_next; i < ask->members_count; i++)
        if (ask->members[i]->class == REPO_REMOTE)
            return false;
    return ask->what == PYPI_PAGE && !ask->known;
}

/* Answered as it was before? */
static bool page_is_kept(struct call *call)
{
    struct pypi_ask *ask = call->own;

    snprintf(ask->kept_as, sizeof ask->kept_as, "%s/%s/%s", member(ask)->key, ask->project,
             ask->json ? "json" : "html");
    memcpy(ask->source, call->item.digests.sha256, sizeof ask->source);
    return pypi_answer_kept(call);
}

/* Of a page that cannot be had only the files of others may be told when they are ours: else a
 * client would choose among the files of some, and another time among those of all. */
static void on_page_loaded(struct call *call)
{
    const struct pypi_ask *ask = call->own;

    if (!call->request)
        return;
    if (call->task.rc == -ERR_NOT_FOUND || (call->task.rc < 0 && ask->ours))
        pypi_remote_next(call);
    else if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (!page_is_alone(ask) || !page_is_kept(call))
        call_read_item(call, &ask->want->at, PYPI_PAGE_MAX, on_page_read);
}

static void page_load(struct call *call)
{
    struct pypi_ask *ask = call->own;
    struct remote_want *want = ask->want;
    const char *base = remote_base(call->store, member(ask));

    *want = (struct remote_want){
        .repository = member(ask), .rule = REMOTE_METADATA, .document = true, .accept = PAGE_ACCEPT
    };
    memcpy(want->at.repo, member(ask)->key, sizeof want->at.repo);
    snprintf(want->at.path, sizeof want->at.path, ".pypi/%s/simple", ask->project);
    snprintf(want->url, sizeof want->url, "%s/%s/", base, ask->project);
    remote_load(call, want, on_page_loaded);
}

/* --- one after the other --- */

void pypi_remote_next(struct call *call)
{
    struct pypi_ask *ask = call->own;

    while (ask->remote_next < ask->members_count &&
           ask->members[ask->remote_next]->class != REPO_REMOTE)
        ask->remote_next++;
    if (ask->remote_next == ask->members_count) {
        if (ask->what == PYPI_PAGE)
            pypi_answer_page(call);
        else
            pypi_answer_missing(call);
        return;
    }
    ask->remote_next++;
    if (!ask->want)
        ask->want = xcalloc(1, sizeof *ask->want);
    if (ask->what == PYPI_FILE) {
        file_want(call);
        ask->want->on_fetch = page_load;
        call->on_missing = pypi_remote_next;
        remote_answer(call, ask->want);
    } else {
        page_load(call);
    }
}
