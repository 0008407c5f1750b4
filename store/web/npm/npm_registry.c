/* npm_registry.c - calls about the registry itself: ping, who one is, login, advisories, search. */
#include <ctype.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/web/json.h"
#include "store/web/npm/npm.h"

enum { SEARCH_MAX = 250, SEARCH_DEFAULT = 20, USER_BODY_MAX = 64 << 10, ADVICE_BODY_MAX = 8 << 20 };

#define JSON_TYPE "application/json"

/* --- the small ones --- */

void npm_ping_call(struct call *call)
{
    call_answer(call, 200, JSON_TYPE, "{}");
}

void npm_whoami_call(struct call *call)
{
    if (strcmp(call->user, "anonymous") == 0)
        call_deny(call, ACCESS_READ, NULL);
    else {
        npm_take_json(call, json_pack("{s:s}", "username", call->user));
        call_answer_text(call, 200, JSON_TYPE);
    }
}

/* npm then asks for a name and a password, which is what we have. */
void npm_web_login_call(struct call *call)
{
    call_error(call, 404, "There is no login by browser; use --auth-type=legacy");
}

/* `npm login` with a token of this store as the password gives that token. */
static void on_user(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);
    json_t *user = json_loadb(body, len, 0, NULL);
    const char *password = json_string_value(json_object_get(user, "password"));
    auto_free char *header = password ? xasprintf("Bearer %s", password) : NULL;

    if (header && auth_check_header(call->store->auth, header, call->now_ms)) {
        npm_take_json(call, json_pack("{s:b, s:s}", "ok", true, "token", password));
        call_answer_text(call, 201, JSON_TYPE);
    } else {
        call_error(call, 401, "The password must be a token of this store");
    }
    json_decref(user);
}

void npm_login_call(struct call *call)
{
    http_collect(call->request, USER_BODY_MAX, on_user);
}

/* Of what was published here no advisory is known; of others' packages only their registry can
 * tell, and silence would read as "none". */
static void on_advisories(struct http_request *request, const char *body, size_t len)
{
    struct call *call = http_state(request);

    (void)body;
    (void)len;
    if (npm_of(call)->repository->class == REPO_LOCAL)
        call_answer(call, 200, JSON_TYPE, "{}");
    else
        call_error(call, 404, "This store does not know advisories; ask the registry itself");
}

void npm_advisories_call(struct call *call)
{
    http_collect(call->request, ADVICE_BODY_MAX, on_advisories);
}

/* --- search --- */

struct found {
    struct call *call;
    const char *repo;
    json_t *objects;
};

/* What a search tells of a package: that of its latest version. */
static json_t *found_json(const json_t *manifest, const struct npm_row *row)
{
    static const char *const told[] = { "name",   "version",  "description", "keywords",
                                        "author", "homepage", "repository",  "license" };
    json_t *package = json_object();
    json_t *score = json_pack("{s:f, s:{s:f, s:f, s:f}}", "final", 1.0, "detail", "quality", 1.0,
                              "popularity", 1.0, "maintenance", 1.0);

    for (size_t i = 0; i < countof(told); i++)
        if (json_object_get(manifest, told[i]))
            json_object_set(package, told[i], json_object_get(manifest, told[i]));
    json_set_when(package, "date", row->created_ms);
    json_object_set_new(package, "links", json_object());
    json_object_set_new(package, "maintainers", json_array());
    return json_pack("{s:o, s:o, s:f}", "package", package, "score", score, "searchScore", 1.0);
}

static void name_found(void *ctx, const char *name)
{
    struct found *found = ctx;
    struct store *store = found->call->store;
    struct npm_package package;
    json_t *manifest = NULL;

    if (npm_package_load(store->reader_db, found->repo, name, &package, NULL) < 0)
        return;
    const struct npm_row *row = npm_package_tagged(&package, "latest");
    if (npm_package_manifest(&package, row, store->blobs, "", &manifest, NULL) == 0)
        json_array_append_new(found->objects, found_json(manifest, row));
    json_decref(manifest);
    npm_package_done(&package);
}

/* Of a virtual repository: what its local members have. */
static int search_all(struct call *call, struct found *found, int64_t *ret_total, struct err *err)
{
    struct npm_call *npm = call->own;
    const char *at =
        npm->repository->class == REPO_VIRTUAL ? npm->repository->members : npm->repository->key;
    char key[REPO_KEY_MAX + 1];
    int rc = 0;

    while (rc == 0 && repo_next_member(&at, key)) {
        int64_t total = 0;
        if (store_repository(call->store, key)->class != REPO_LOCAL)
            continue;
        found->repo = key;
        rc = npm_names(call->store->reader_db, key, npm->text, npm->offset,
                       npm->count - (int64_t)json_array_size(found->objects), name_found, found,
                       &total, err);
        *ret_total += total;
    }
    return rc;
}

static void search_work(struct call *call)
{
    struct found found = { .call = call, .objects = json_array() };
    int64_t total = 0;

    call->task.rc = search_all(call, &found, &total, &call->task.err);
    json_t *answer = json_pack("{s:o, s:I}", "objects", found.objects, "total", (json_int_t)total);
    json_set_when(answer, "time", call->now_ms);
    npm_take_json(call, answer);
}

static void on_searched(struct call *call)
{
    if (call->task.rc < 0)
        npm_fail(call);
    else
        npm_answer_text(call, 200);
}

static int64_t query_number(struct call *call, const char *name, int64_t fallback, int64_t max)
{
    const char *text = http_query(call->request, name);
    int64_t value = text && isdigit((unsigned char)text[0]) ? strtoll(text, NULL, 10) : fallback;

    return value < max ? value : max;
}

void npm_search_call(struct call *call)
{
    struct npm_call *npm = call->own;
    const char *text = http_query(call->request, "text");

    snprintf(npm->text, sizeof npm->text, "%s", text ? text : "");
    for (char *at = npm->text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    npm->offset = query_number(call, "from", 0, INT32_MAX);
    npm->count = query_number(call, "size", SEARCH_DEFAULT, SEARCH_MAX);
    call_post(call, call->store->reader, search_work, on_searched);
}
