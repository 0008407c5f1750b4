/* search_versions.c - GET api/search/versions and latestVersion of a Maven artifact. */
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/maven_path.h"
#include "store/core/maven_version.h"
#include "store/web/json.h"
#include "store/web/search/search_own.h"

#define VERSIONS_TYPE "application/vnd.org.jfrog.artifactory.search.ArtifactVersionsResult+json"

enum { VERSIONS_MAX = 20000 };

/* What is looked for, and what was found. */
struct versions {
    char *group;
    char *artifact;
    char *version; /* a pattern; NULL: any */
    char **list;   /* each once */
    size_t count;
    char *build; /* of a snapshot asked for: the newest, "1.0-20260102.030405-7" */
};

static void versions_free(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        free(versions->list[i]);
    free(versions->list);
    free(versions->group);
    free(versions->artifact);
    free(versions->version);
    free(versions->build);
    free(versions);
}

/* --- blocking work --- */

static void version_add(struct versions *versions, const char *version)
{
    for (size_t i = versions->count; i > 0; i--)
        if (strcmp(versions->list[i - 1], version) == 0)
            return;
    versions->list = xrealloc(versions->list, (versions->count + 1) * sizeof(char *));
    versions->list[versions->count++] = xstrdup(version);
}

static int file_see(void *ctx, const struct search_row *row)
{
    struct finding *finding = ctx;
    struct versions *versions = finding->versions;
    struct maven_file file;

    if (!maven_file_parse(&row->item.at, &file) || strcmp(file.group, versions->group) != 0 ||
        strcmp(file.artifact, versions->artifact) != 0 ||
        (versions->version && !aql_match(versions->version, file.version)))
        return 0;
    version_add(versions, file.version);
    if (file.snapshot &&
        (!versions->build || maven_version_compare(file.build, versions->build) > 0)) {
        free(versions->build);
        versions->build = xstrdup(file.build);
    }
    return versions->count < VERSIONS_MAX ? 0
                                          : err_set(&finding->call->task.err, ERR_LIMIT,
                                                    "More than %d versions", VERSIONS_MAX);
}

static int newest_first(const void *a, const void *b)
{
    return maven_version_compare(*(char *const *)b, *(char *const *)a);
}

static char *versions_text(const struct versions *versions)
{
    json_t *results = json_array();

    for (size_t i = 0; i < versions->count; i++)
        json_array_append_new(results,
                              json_pack("{s:s, s:b}", "version", versions->list[i], "integration",
                                        maven_version_is_snapshot(versions->list[i])));
    return json_take_text(json_pack("{s:o}", "results", results));
}

/* The newest release; of a snapshot asked for, its newest build.  NULL: there is none. */
static char *latest_text(const struct versions *versions)
{
    bool snapshot = versions->version && maven_version_is_snapshot(versions->version);

    if (snapshot)
        return xstrdup(versions->build);
    for (size_t i = 0; i < versions->count; i++)
        if (!maven_version_is_snapshot(versions->list[i]))
            return xstrdup(versions->list[i]);
    return NULL;
}

static void versions_work(struct call *call)
{
    struct finding *finding = call->own;
    struct versions *versions = finding->versions;
    struct err *err = &call->task.err;

    call->task.rc = finding_items(finding, file_see, err);
    if (call->task.rc < 0)
        return;
    if (versions->count > 0)
        qsort(versions->list, versions->count, sizeof *versions->list, newest_first);
    if (call->kind == CALL_SEARCH_LATEST)
        call->text = latest_text(versions);
    else if (versions->count > 0)
        call->text = versions_text(versions);
}

/* --- the loop --- */

static void on_versions(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_VERSIONS);
    else if (!call->text)
        call_error(call, 404, TEXT_NO_VERSIONS);
    else
        call_answer_text(call, 200,
                         call->kind == CALL_SEARCH_LATEST ? "text/plain" : VERSIONS_TYPE);
}

static void versions_release(struct finding *finding)
{
    versions_free(finding->versions);
}

static int query_versions(struct call *call, struct versions *versions, struct aql_query *query,
                          struct err *err)
{
    const char *group = search_parameter(call, "g");
    const char *artifact = search_parameter(call, "a");

    versions->group = xstrdup(group ? group : "");
    versions->artifact = xstrdup(artifact ? artifact : "");
    versions->version = xstrdup(search_parameter(call, "v"));
    if (!group || !artifact)
        return err_set(err, ERR_INVALID, "The parameters 'g' and 'a' are needed");
    auto_free char *folder = search_group_path(group);
    auto_free char *path = xasprintf("%s/%s/*", folder, artifact);
    auto_free char *name = xasprintf("%s-*", artifact);
    aql_add_text(query->root, AQL_PATH, AQL_MATCH, path);
    aql_add_text(query->root, AQL_NAME, AQL_MATCH, name);
    return search_repos(call, query, err);
}

void versions_call(struct call *call)
{
    struct aql_query *query = aql_new(AQL_ITEMS);
    struct versions *versions = xcalloc(1, sizeof *versions);
    struct finding *finding;
    struct err err = { 0 };

    int rc = query_versions(call, versions, query, &err);
    finding = finding_new(call, query);
    finding->versions = versions;
    finding->release = versions_release;
    if (rc < 0)
        call_error(call, 400, err.text);
    else
        finding_post(finding, versions_work, on_versions);
}
