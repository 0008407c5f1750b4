/* repositories.c - which repositories there are. */
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "store/web/call.h"
#include "store/web/json.h"

/* ?type=local&packageType=npm, in any case. */
static bool is_asked(struct call *call, const struct repository *repository)
{
    const char *class = http_query(call->request, "type");
    const char *type = http_query(call->request, "packageType");

    return (!class || !*class || strcasecmp(class, repo_class_name(repository->class)) == 0) &&
           (!type || !*type || strcasecmp(type, repo_type_name(repository->type)) == 0);
}

static json_t *row_json(const struct call *call, const struct repository *repository)
{
    auto_free char *url = xasprintf("%s/%s", call->base, repository->key);

    return json_pack("{s:s, s:s, s:o, s:s, s:o}", "key", repository->key, "description", "", "type",
                     json_upper(repo_class_name(repository->class)), "url",
                     repository->url[0] ? repository->url : url, "packageType",
                     json_capital(repo_type_name(repository->type)));
}

void repositories_call(struct call *call)
{
    json_t *list = json_array();

    for (size_t i = 0; i < call->store->repositories_count; i++)
        if (call_sees(call, call->store->repositories[i].key) &&
            is_asked(call, &call->store->repositories[i]))
            json_array_append_new(list, row_json(call, &call->store->repositories[i]));
    call->text = json_take_text(list);
    http_set_header(call->request, "Cache-Control", "no-store");
    call_answer_text(call, 200, "application/json");
}

static json_t *members_json(const struct repository *repository)
{
    json_t *list = json_array();
    const char *at = repository->members;
    char key[REPO_KEY_MAX + 1];

    while (repo_next_member(&at, key))
        json_array_append_new(list, json_string(key));
    return list;
}

/* As Artifactory lists patterns. */
static json_t *patterns_json(const char *list, const char *fallback)
{
    auto_free char *text = xstrdup(list[0] ? list : fallback);

    for (char *at = text; (at = strchr(at, '+'));)
        *at = ',';
    return json_string(text);
}

void repository_call(struct call *call)
{
    static const char *const layouts[REPO_TYPES] = { "simple-default", "maven-2-default",
                                                     "npm-default", "simple-default",
                                                     "go-default" };
    const struct repository *found = store_repository(call->store, call->rest);

    if (!found) {
        call_error(call, 404, "Repository does not exist");
        return;
    }
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", found->key, "rclass",
                  repo_class_name(found->class), "packageType", repo_type_name(found->type),
                  "description", "", "repoLayoutRef", layouts[found->type]);
    json_object_set_new(json, "includesPattern", patterns_json(found->includes, "**/*"));
    json_object_set_new(json, "excludesPattern", patterns_json(found->excludes, ""));
    if (found->class == REPO_LOCAL) {
        json_object_set_new(json, "handleReleases", json_boolean(!found->no_releases));
        json_object_set_new(json, "handleSnapshots", json_boolean(!found->no_snapshots));
        json_object_set_new(json, "immutable", json_boolean(found->immutable));
    } else if (found->class == REPO_REMOTE) {
        json_object_set_new(json, "url", json_string(found->url));
    } else {
        json_object_set_new(json, "repositories", members_json(found));
        json_object_set_new(json, "defaultDeploymentRepo", json_string(found->deploy));
    }
    call->text = json_take_text(json);
    call_answer_text(call, 200, "application/json");
}
