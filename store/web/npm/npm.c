/* npm.c - the npm registry's API: which call it is, who may; tags and removals. */
#include "store/web/npm/npm.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/core/intake.h"
#include "store/core/text.h"
#include "store/web/json.h"

enum { SMALL_BODY_MAX = 64 << 10 };

#define JSON_TYPE "application/json"

/* --- answers --- */

bool npm_is_known(const struct npm_call *npm, const char *etag)
{
    return npm->none_match && strstr(npm->none_match, etag);
}

void npm_take_json(struct call *call, json_t *value)
{
    free(call->text);
    call->text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!call->text)
        abort(); /* out of memory: all texts in it are UTF-8 */
    json_decref(value);
}

void npm_answer_text(struct call *call, int status)
{
    struct npm_call *npm = call->own;

    if (!call->request)
        return;
    if (npm->etag[0])
        http_set_header(call->request, "ETag", npm->etag);
    if (npm->path.what == NPM_PACKAGE)
        http_set_header(call->request, "Vary", "Accept");
    if (npm->etag[0] && npm_is_known(npm, npm->etag))
        http_answer_unchanged(call->request, (int64_t)strlen(call->text));
    else
        call_answer_text(call, status,
                         npm->abbreviated && npm->path.what == NPM_PACKAGE ? NPM_ABBREVIATED_TYPE
                                                                           : JSON_TYPE);
}

void npm_answer_done(struct call *call, int status)
{
    struct npm_call *npm = call->own;
    json_t *answer = json_pack("{s:b, s:s}", "ok", true, "id", npm->path.name);

    if (npm->rev[0])
        json_object_set_new(answer, "rev", json_string(npm->rev));
    npm_take_json(call, answer);
    call_answer_text(call, status, JSON_TYPE);
}

void npm_fail(struct call *call)
{
    char missing[ERROR_TEXT_MAX];

    snprintf(missing, sizeof missing, "%s",
             call->task.err.text[0] ? call->task.err.text : TEXT_NO_FILE);
    if (call->task.rc == -ERR_LIMIT && !call->task.err.reason) /* not an upstream's */
        call_error(call, 413, call->task.err.text);
    else
        call_fail(call, missing);
}

/* --- tags --- */

static void tag_work(struct call *call)
{
    struct npm_call *npm = call->own;

    call->task.rc =
        npm_tag_set(call->store->writer_db, npm->target->key, npm->path.name, npm->path.tag,
                    npm->path.version[0] ? npm->path.version : NULL, call->now_ms, &call->task.err);
}

static void on_changed(struct call *call)
{
    if (call->task.rc < 0)
        npm_fail(call);
    else
        npm_answer_done(call, 200);
}

/* The body is the version as a JSON string. */
static void on_tag_body(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    struct npm_call *npm = call->own;
    json_t *version = json_loadb(body, len, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(version);

    if (!text || !npm_version_is_valid(text)) {
        call_error(call, 400, "The body must be a version as a JSON string");
    } else {
        snprintf(npm->path.version, sizeof npm->path.version, "%s", text);
        call_post(call, call->store->writer, tag_work, on_changed);
    }
    json_decref(version);
}

static void tag_put(struct call *call)
{
    if (!npm_tag_is_valid(npm_of(call)->path.tag))
        call_error(call, 400, "That cannot be a tag: a tag is no version and no range of versions");
    else
        http_collect(call->request, SMALL_BODY_MAX, on_tag_body);
}

static void tag_delete(struct call *call)
{
    if (strcmp(npm_of(call)->path.tag, "latest") == 0)
        call_error(call, 400, "latest always stands for a version");
    else
        call_post(call, call->store->writer, tag_work, on_changed);
}

/* --- removal --- */

static void remove_work(struct call *call)
{
    struct npm_call *npm = call->own;

    call->task.rc = npm_remove(call->store->writer_db, npm->target->key, npm->path.name,
                               npm->path.version[0] ? npm->path.version : NULL, npm->path.rev,
                               &call->freed, &call->task.err);
}

static void on_freed(struct call *call)
{
    npm_answer_done(call, 200);
}

/* npm unpublish removes a tarball after the document said that its version is gone: it is. */
static void on_removed(struct call *call)
{
    bool gone = npm_of(call)->path.what == NPM_TARBALL && call->task.rc == -ERR_NOT_FOUND;

    if (call->task.rc < 0 && !gone)
        npm_fail(call);
    else
        call_free_bytes(call, on_freed);
}

static void remove_call(struct call *call)
{
    call_post_removal(call, remove_work, on_removed);
}

/* --- which call it is --- */

static const struct npm_route {
    enum npm_what what;
    const char *method;
    call_fn run;
    int access;   /* enum access */
    bool changes; /* it needs a local repository */
} routes[] = {
    { NPM_PING, "GET", npm_ping_call, ACCESS_NONE, false },
    { NPM_WHOAMI, "GET", npm_whoami_call, ACCESS_NONE, false },
    { NPM_WEB_LOGIN, "POST", npm_web_login_call, ACCESS_NONE, false },
    { NPM_USER, "PUT", npm_login_call, ACCESS_NONE, false },
    { NPM_ADVISORIES, "POST", npm_advisories_call, ACCESS_READ, false },
    { NPM_SEARCH, "GET", npm_search_call, ACCESS_READ, false },
    { NPM_TAGS, "GET", npm_read_call, ACCESS_READ, false },
    { NPM_TAG, "PUT", tag_put, ACCESS_ANNOTATE, true },
    { NPM_TAG, "POST", tag_put, ACCESS_ANNOTATE, true },
    { NPM_TAG, "DELETE", tag_delete, ACCESS_ANNOTATE, true },
    { NPM_PACKAGE, "GET", npm_read_call, ACCESS_READ, false },
    { NPM_PACKAGE, "PUT", npm_put_call, ACCESS_PUSH, true },
    { NPM_PACKAGE, "DELETE", remove_call, ACCESS_DELETE, true },
    { NPM_VERSION, "GET", npm_read_call, ACCESS_READ, false },
    { NPM_TARBALL, "GET", npm_read_call, ACCESS_READ, false },
    { NPM_TARBALL, "DELETE", remove_call, ACCESS_DELETE, true },
};

/* *ret_allow: the methods that this path has; "" for none. */
static const struct npm_route *route_find(const struct call *call, char ret_allow[64])
{
    const char *method = http_method(call->request);
    size_t len = 0;

    ret_allow[0] = '\0';
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (size_t i = 0; i < countof(routes); i++) {
        if (routes[i].what != npm_of(call)->path.what)
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        len +=
            (size_t)snprintf(ret_allow + len, 64 - len, "%s%s", len ? ", " : "", routes[i].method);
    }
    return NULL;
}

static void npm_free(struct call *call)
{
    npm_publish_free(call);
    npm_read_free(call);
    free(npm_of(call)->none_match);
    free(take_ptr(call->own));
}

static const struct repository *target_of(const struct call *call,
                                          const struct repository *repository)
{
    if (repository->class == REPO_VIRTUAL && repository->deploy[0])
        return store_repository(call->store, repository->deploy);
    return repository->class == REPO_LOCAL ? repository : NULL;
}

static void package_url_make(struct call *call)
{
    struct npm_call *npm = call->own;
    struct buf url;

    buf_init(&url, NPM_URL_MAX - 1);
    buf_printf(&url, "%s/api/npm/%s/", call->base, npm->path.repo);
    text_encode_path(&url, npm->path.name);
    snprintf(npm->package_url, sizeof npm->package_url, "%s", url.data ? url.data : "");
    buf_done(&url);
}

/* The package's folder stands for all that is known of it. */
static bool npm_admit(struct call *call, const struct npm_route *route)
{
    const struct npm_call *npm = call->own;
    struct item_path at = { .folder = true };

    if (route->access == ACCESS_NONE)
        return true;
    snprintf(at.repo, sizeof at.repo, "%s", route->changes ? npm->target->key : npm->path.repo);
    snprintf(at.path, sizeof at.path, "%s", npm->path.name);
    return call_require(call, route->access, &at);
}

/* What is published lies in the package's folder. */
static bool npm_takes(struct call *call, const struct npm_route *route)
{
    struct item_path at = { .folder = true };
    struct err err = { 0 };

    if (route->access != ACCESS_PUSH)
        return true;
    snprintf(at.repo, sizeof at.repo, "%s", npm_of(call)->target->key);
    snprintf(at.path, sizeof at.path, "%s", npm_of(call)->path.name);
    if (intake_check(npm_of(call)->target, &at, &err) == 0 &&
        intake_check(npm_of(call)->repository, &at, &err) == 0)
        return true;
    call_error(call, 409, err.text);
    return false;
}

/* A document with a revision is what remains after a removal. */
static bool npm_has_room(struct call *call, const struct npm_route *route)
{
    return npm_of(call)->path.rev[0] || call_has_room(call, route->access);
}

static void npm_run(struct call *call)
{
    char allow[64];
    const struct npm_route *route = route_find(call, allow);

    if (!route && !allow[0])
        call_error(call, 404, TEXT_NO_FILE);
    else if (!route)
        call_refuse_method(call, allow);
    else if (route->changes && !npm_of(call)->target)
        call_refuse_put(call, npm_of(call)->repository);
    else if (npm_admit(call, route) && npm_takes(call, route) && npm_has_room(call, route))
        route->run(call);
}

static void npm_begin(struct call *call, const struct repository *repository)
{
    struct npm_call *npm = call->own;
    const char *known = http_header(call->request, "If-None-Match");

    npm->repository = repository;
    npm->target = target_of(call, repository);
    npm->none_match = xstrdup(known);
    npm->abbreviated = npm_wants_abbreviated(http_header(call->request, "Accept"));
    package_url_make(call);
    npm_run(call);
}

void npm_call(struct call *call)
{
    const struct repository *repository;
    struct err err = { 0 };
    char text[ERROR_TEXT_MAX];

    call_own(call, xcalloc(1, sizeof(struct npm_call)), npm_free);
    if (npm_path_parse(call->rest, &npm_of(call)->path, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    repository = store_repository(call->store, npm_of(call)->path.repo);
    if (repository && repository->type == REPO_NPM) {
        npm_begin(call, repository);
    } else {
        snprintf(text, sizeof text, "There is no npm repository named %s", npm_of(call)->path.repo);
        call_error(call, 404, text);
    }
}

bool npm_get(struct call *call, const struct repository *repository)
{
    struct npm_path path;
    struct buf raw;

    if (repository->class == REPO_LOCAL)
        return false;
    /* As we read it, without matrix parameters: what is kept at that path was promised. */
    buf_init(&raw, 4 * ITEM_PATH_MAX);
    buf_printf(&raw, "%s/", call->at.repo);
    text_encode_path(&raw, call->at.path);
    bool is_tarball = npm_path_parse(raw.data, &path, NULL) == 0 && path.what == NPM_TARBALL;
    buf_done(&raw);
    if (!is_tarball) {
        get_stored(call); /* the upstream's paths are not ours: nothing else can be asked of it */
        return true;
    }
    call_own(call, xcalloc(1, sizeof(struct npm_call)), npm_free);
    npm_of(call)->path = path;
    npm_begin(call, repository);
    return true;
}
