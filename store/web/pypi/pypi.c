/* pypi.c - GET of a PyPI repository: its list of projects, their pages, and the files; and what of
 * these is ours. */
#include "store/web/pypi/pypi.h"

#include <malloc.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/accept.h"
#include "store/core/names.h"
#include "store/core/text.h"
#include "store/disk/pypi.h"

enum { LARGE_FILES = 2000 };

/* --- blocking work --- */

static int projects_look(struct call *call, struct err *err)
{
    struct pypi_ask *ask = call->own;
    struct item_path folder = { .folder = true };
    struct pypi_projects all = { 0 };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ask->members_count; i++)
        rc = pypi_local_projects(call->store->reader_db, ask->members[i]->key,
                                 ask->members[i]->class == REPO_REMOTE ? ".pypi" : "", &all, err);
    memcpy(folder.repo, ask->repository->key, sizeof folder.repo);
    for (size_t i = 0; rc == 0 && i < all.count; i++) {
        snprintf(folder.path, sizeof folder.path, "%s", all.names[i]);
        if (call_may(call, ACCESS_READ, &folder))
            pypi_projects_add(&ask->projects, all.names[i]);
    }
    pypi_projects_done(&all);
    return rc;
}

/* One local member. */
static int page_look(struct call *call, const char *key, struct err *err)
{
    struct pypi_ask *ask = call->own;

    int rc = pypi_local_page(call->store->reader_db, key, &ask->page, err);
    ask->ours |= rc > 0;
    return rc < 0 ? rc : 0;
}

static int file_look(struct call *call, const char *key, struct err *err)
{
    struct pypi_ask *ask = call->own;
    struct item_path at = ask->metadata ? ask->of : ask->at;

    int rc = pypi_local_has(call->store->reader_db, key, ask->project, err);
    if (rc <= 0 || ask->found)
        return rc < 0 ? rc : 0;
    ask->ours = true;
    memcpy(at.repo, key, sizeof at.repo);
    rc = index_find(call->store->reader_db, &at, &call->item, err);
    ask->found = rc == 0 && !call->item.at.folder;
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* By its patterns, and those of the repository that was asked: a page is of the whole project. */
static bool may_have(const struct pypi_ask *ask, const struct repository *repository)
{
    struct item_path at = ask->of;

    if (ask->what == PYPI_PAGE) {
        at = (struct item_path){ .folder = true };
        memcpy(at.path, ask->project, sizeof ask->project);
    }
    return repo_admits(repository, &at) && repo_admits(ask->repository, &at);
}

/* What is ours. */
static void look_work(struct call *call)
{
    struct pypi_ask *ask = call->own;
    struct err *err = &call->task.err;
    int rc = ask->what == PYPI_PROJECTS ? projects_look(call, err) : 0;

    for (size_t i = 0; rc == 0 && ask->what != PYPI_PROJECTS && i < ask->members_count; i++)
        if (ask->members[i]->class == REPO_LOCAL && may_have(ask, ask->members[i]))
            rc = (ask->what == PYPI_PAGE ? page_look : file_look)(call, ask->members[i]->key, err);
    ask->known = ask->ours;
    call->task.rc = rc;
}

/* --- then (the loop) --- */

static void on_looked(struct call *call)
{
    struct pypi_ask *ask = call->own;

    if (!call->request)
        return;
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (ask->what == PYPI_PROJECTS)
        pypi_answer_page(call);
    else if (ask->found)
        pypi_answer_file(call);
    else if ((!ask->ours || repo_mixes(ask->repository, ask->project)) &&
             may_have(ask, ask->repository))
        pypi_remote_next(call);
    else if (ask->what == PYPI_PAGE)
        pypi_answer_page(call);
    else
        pypi_answer_missing(call);
}

/* --- what is asked --- */

static void ask_free(struct call *call)
{
    struct pypi_ask *ask = take_ptr(call->own);
    bool large = ask->page.count >= LARGE_FILES;

    pypi_page_done(&ask->page);
    pypi_projects_done(&ask->projects);
    free(ask->members);
    free(ask->want);
    free(ask->packed.data);
    free(ask);
    if (large)
        malloc_trim(0); /* it was many small pieces, which nobody soon needs again */
}

static void members_find(struct call *call, struct pypi_ask *ask)
{
    const char *at = ask->repository->members;
    char key[REPO_KEY_MAX + 1];

    ask->members = xcalloc(STORE_REPOSITORIES_MAX + 1, sizeof *ask->members);
    if (ask->repository->class != REPO_VIRTUAL)
        ask->members[ask->members_count++] = ask->repository;
    else
        while (ask->members_count < STORE_REPOSITORIES_MAX && repo_next_member(&at, key))
            ask->members[ask->members_count++] = store_repository(call->store, key);
}

static struct pypi_ask *ask_new(struct call *call, const struct repository *repository,
                                enum pypi_what what)
{
    struct pypi_ask *ask = xcalloc(1, sizeof *ask);

    ask->repository = repository;
    ask->what = what;
    members_find(call, ask);
    call_own(call, ask, ask_free);
    return ask;
}

/* HTML for browsers and old clients, JSON for those that like it better; false: it was answered. */
static bool type_choose(struct call *call, const char **ret_type, bool *ret_json)
{
    static const char *const offers[] = { "text/html", PYPI_TYPE_HTML, PYPI_TYPE_JSON,
                                          "application/vnd.pypi.simple.latest+html",
                                          "application/vnd.pypi.simple.latest+json" };
    static const char *const types[] = { "text/html; charset=utf-8", PYPI_TYPE_HTML, PYPI_TYPE_JSON,
                                         PYPI_TYPE_HTML, PYPI_TYPE_JSON };
    const char *wanted = http_query(call->request, "format");

    int choice = accept_choose(wanted && *wanted ? wanted : http_header(call->request, "Accept"),
                               offers, countof(offers));
    if (choice < 0) {
        call_error(call, 406, "The simple index is " PYPI_TYPE_JSON " or text/html");
        return false;
    }
    *ret_type = types[choice];
    *ret_json = choice == 2 || choice == 4;
    return true;
}

static void ask_text(struct call *call, const struct repository *repository, const char *project)
{
    const char *type;
    bool json;

    if (!type_choose(call, &type, &json))
        return;
    struct pypi_ask *ask = ask_new(call, repository, project ? PYPI_PAGE : PYPI_PROJECTS);
    ask->type = type;
    ask->json = json;
    if (project)
        memcpy(ask->project, project, sizeof ask->project);
    pypi_page_init(&ask->page, ask->project);
    call_post(call, call->store->reader, look_work, on_looked);
}

/* --- paths --- */

static void redirect(struct call *call, const struct repository *repository, const char *project)
{
    auto_free char *location = xasprintf("%s/api/pypi/%s/simple/%s%s", call->base, repository->key,
                                         project ? project : "", project ? "/" : "");

    http_set_header(call->request, "Location", location);
    http_answer(call->request, 302, NULL, "", 0);
}

/* `rest` is what follows "simple": "", "/", "/Name" or "/name/". */
static void simple_call(struct call *call, const struct repository *repository, const char *rest)
{
    size_t len = strcspn(rest + (*rest == '/'), "/");
    const char *end = rest + (*rest == '/') + len;
    struct item_path folder = { .folder = true };
    char name[PYPI_NAME_MAX + 1];
    char normal[PYPI_NAME_MAX + 1];

    if (!*rest) {
        redirect(call, repository, NULL);
    } else if (!rest[1]) {
        ask_text(call, repository, NULL);
    } else if ((end[0] && end[1]) ||
               text_decode(rest + 1, len, false, name, sizeof name, NULL) < 0 ||
               pypi_normal_name(name, normal, NULL) < 0) {
        call_error(call, 404, TEXT_NO_FILE);
    } else {
        memcpy(folder.repo, repository->key, sizeof folder.repo);
        snprintf(folder.path, sizeof folder.path, "%s", normal);
        if (!call_require(call, ACCESS_READ, &folder))
            return;
        if (strcmp(name, normal) != 0 || !end[0])
            redirect(call, repository, normal);
        else
            ask_text(call, repository, normal);
    }
}

static void file_call(struct call *call, const struct repository *repository)
{
    struct item_path of = call->at;
    bool metadata = pypi_item_is_metadata(&call->at, &of);
    char project[PYPI_NAME_MAX + 1];

    if (!call_require(call, ACCESS_READ, &call->at))
        return;
    if (!pypi_item_project(&of, project)) {
        call_error(call, 404, TEXT_NO_FILE);
        return;
    }
    struct pypi_ask *ask = ask_new(call, repository, PYPI_FILE);
    ask->at = call->at;
    ask->of = of;
    ask->metadata = metadata;
    memcpy(ask->project, project, sizeof project);
    pypi_page_init(&ask->page, project);
    call_post(call, call->store->reader, look_work, on_looked);
}

/* `rest` is "/<project>/<version>/<file>". */
static void packages_call(struct call *call, const struct repository *repository, const char *rest)
{
    auto_free char *path = xasprintf("/%s%s", repository->key, rest);

    if (item_path_parse(path, &call->at, NULL, NULL) < 0)
        call_error(call, 404, TEXT_NO_FILE);
    else
        file_call(call, repository);
}

bool pypi_get(struct call *call, const struct repository *repository)
{
    struct item_path of = call->at;
    char project[PYPI_NAME_MAX + 1];

    if (repository->class == REPO_LOCAL)
        return false;
    pypi_item_is_metadata(&call->at, &of);
    if (pypi_item_project(&of, project))
        file_call(call, repository);
    else
        get_stored(call); /* the upstream's paths are not ours: nothing else can be asked of it */
    return true;
}

const struct repository *pypi_repository(struct call *call)
{
    size_t len = strcspn(call->rest, "/");
    char key[REPO_KEY_MAX + 1];
    char text[ERROR_TEXT_MAX];

    snprintf(key, sizeof key, "%.*s", (int)(len > REPO_KEY_MAX ? 0 : len), call->rest);
    const struct repository *repository = store_repository(call->store, key);
    if (repository && repository->type == REPO_PYPI)
        return repository;
    snprintf(text, sizeof text, "No PyPI repository '%s'", key);
    call_error(call, 404, text);
    return NULL;
}

void pypi_call(struct call *call)
{
    const struct repository *repository = pypi_repository(call);
    const char *rest = call->rest + strcspn(call->rest, "/");

    if (!repository)
        return;
    if (strncmp(rest, "/simple", 7) == 0 && (rest[7] == '/' || !rest[7]))
        simple_call(call, repository, rest + 7);
    else if (strncmp(rest, "/packages/", 10) == 0)
        packages_call(call, repository, rest + 9);
    else
        call_error(call, 404, TEXT_NO_FILE);
}
