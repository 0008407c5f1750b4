/* search_simple.c - GET api/search/checksum, prop, artifact, gavc: each is a query. */
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/web/json.h"
#include "store/web/search/search_own.h"

enum { PARTS_ASKED_MAX = 200 }; /* values of properties, and repositories */

#define TYPE(name) "application/vnd.org.jfrog.artifactory.search." name "+json"

/* --- blocking work --- */

static int result_add(void *ctx, const struct search_row *row)
{
    struct finding *finding = ctx;
    const char *base = finding->call->base;
    struct err *err = &finding->call->task.err;
    auto_free char *uri = item_url(&row->item.at, base, "/api/storage");
    json_t *object = finding->info ? item_json(&row->item, base) : json_pack("{s:s}", "uri", uri);
    struct props props;
    int rc = 0;

    props_init(&props);
    if (finding->properties)
        rc = index_props(finding->db, row->item.id, &props, err);
    if (finding->properties)
        json_object_set_new(object, "properties", props_json(&props));
    props_done(&props);
    auto_free char *text = json_take_text(object);
    spool_add(&finding->answer, finding->rows++ > 0 ? ",\n" : "\n");
    spool_add(&finding->answer, text);
    return rc;
}

static void results_work(struct call *call)
{
    struct finding *finding = call->own;
    struct err *err = &call->task.err;

    spool_add(&finding->answer, "{\n\"results\":[");
    int rc = finding_items(finding, result_add, err);
    spool_add(&finding->answer, "\n]\n}\n");
    int ended = spool_end(&finding->answer, rc < 0 ? NULL : err);
    call->task.rc = rc < 0 ? rc : ended;
}

/* --- parameters (the loop) --- */

const char *search_parameter(struct call *call, const char *name)
{
    const char *value = http_query(call->request, name);
    return value && *value ? value : NULL;
}

/* "a,b": the parts, each as one of an $or, as properties `key` or (NULL) repositories. */
static int add_each(struct aql_node *root, char *list, const char *key, int *parts, struct err *err)
{
    struct aql_node * or = aql_add(root, AQL_OR);

    for (char *one; (one = strsep(&list, ","));) {
        if (++*parts > PARTS_ASKED_MAX)
            return err_set(err, ERR_LIMIT, "More than %d values", PARTS_ASKED_MAX);
        struct aql_node *branch = aql_add(or, AQL_AND);
        if (!key)
            aql_add_text(branch, AQL_REPO, AQL_EQ, one);
        else if (strchr(one, '*') || strchr(one, '?'))
            aql_add_property(branch, key, AQL_MATCH, one);
        else
            aql_add_property(branch, key, AQL_EQ, *one ? one : "*");
    }
    return 0;
}

static int query_checksum(struct call *call, struct aql_query *query, struct err *err)
{
    static const struct {
        const char *name;
        enum aql_field field;
    } sums[] = { { "sha256", AQL_SHA256 }, { "sha1", AQL_ACTUAL_SHA1 }, { "md5", AQL_ACTUAL_MD5 } };
    struct claim claim = { 0 };
    int found = 0;

    for (size_t i = 0; i < countof(sums); i++) {
        const char *value = search_parameter(call, sums[i].name);
        if (!value)
            continue;
        enum claim_kind kind = i == 0 ? CLAIM_SHA256 : i == 1 ? CLAIM_SHA1 : CLAIM_MD5;
        int rc = claim_add(&claim, kind, value, err);
        if (rc < 0)
            return rc;
        aql_add_text(query->root, sums[i].field, AQL_EQ,
                     i == 0   ? claim.sha256
                     : i == 1 ? claim.sha1
                              : claim.md5);
        found++;
    }
    return found > 0 ? 0 : err_set(err, ERR_INVALID, "One of sha256, sha1 and md5 is needed");
}

/* Every parameter but repos= is a property; of values with commas between one is enough. */
static int query_prop(struct call *call, struct aql_query *query, struct err *err)
{
    const char *raw = http_raw_query(call->request);
    char key[PROP_KEY_MAX + 1];
    int found = 0;

    query->typed = true;
    while (*raw) {
        size_t len = strcspn(raw, "&");
        const char *equals = memchr(raw, '=', len);
        size_t key_len = equals ? (size_t)(equals - raw) : len;
        auto_free char *value = xcalloc(1, len + 1);
        int rc = text_decode(raw, key_len, true, key, sizeof key, err);
        if (rc == 0 && equals)
            rc = text_decode(equals + 1, len - key_len - 1, true, value, len + 1, err);
        if (rc < 0)
            return rc;
        if (*key && strcmp(key, "repos") != 0)
            rc = add_each(query->root, value, key, &found, err);
        if (rc < 0)
            return rc;
        raw += len + (raw[len] == '&');
    }
    return found > 0 ? 0 : err_set(err, ERR_INVALID, "A property is needed: ?key=value");
}

/* A name, or what it begins with; wildcards as they are. */
static int query_artifact(struct call *call, struct aql_query *query, struct err *err)
{
    const char *name = search_parameter(call, "name");

    if (!name)
        return err_set(err, ERR_INVALID, "The parameter 'name' is missing");
    bool wild = name[strcspn(name, "*?")] != '\0';
    auto_free char *pattern = xasprintf("%s%s", name, wild ? "" : "*");
    aql_add_text(query->root, AQL_NAME, AQL_MATCH, pattern);
    return 0;
}

/* --- Maven coordinates --- */

char *search_group_path(const char *group)
{
    char *path = xstrdup(group);

    for (char *at = path; *at; at++)
        if (*at == '.')
            *at = '/';
    return path;
}

static int query_gavc(struct call *call, struct aql_query *query, struct err *err)
{
    const char *group = search_parameter(call, "g");
    const char *artifact = search_parameter(call, "a");
    const char *version = search_parameter(call, "v");
    const char *classifier = search_parameter(call, "c");

    if (!group && !artifact && !version && !classifier)
        return err_set(err, ERR_INVALID, "One of g, a, v and c is needed");
    auto_free char *folder = search_group_path(group ? group : "*");
    auto_free char *path =
        xasprintf("%s/%s/%s", folder, artifact ? artifact : "*", version ? version : "*");
    auto_free char *name = xasprintf("%s-*%s%s%s", artifact ? artifact : "*", classifier ? "-" : "",
                                     classifier ? classifier : "", classifier ? ".*" : "");
    aql_add_text(query->root, AQL_PATH, AQL_MATCH, path);
    aql_add_text(query->root, AQL_NAME, AQL_MATCH, name);
    return 0;
}

/* --- the calls --- */

static const struct search_kind {
    int (*query)(struct call *call, struct aql_query *query, struct err *err);
    const char *type;
} kinds[] = {
    [CALL_SEARCH_CHECKSUM] = { query_checksum, TYPE("ChecksumSearchResult") },
    [CALL_SEARCH_PROP] = { query_prop, TYPE("MetadataSearchResult") },
    [CALL_SEARCH_ARTIFACT] = { query_artifact, TYPE("ArtifactSearchResult") },
    [CALL_SEARCH_GAVC] = { query_gavc, TYPE("GavcSearchResult") },
};

static void on_results(struct call *call)
{
    finding_answer(call->own, kinds[call->kind].type, false);
}

/* X-Result-Detail: info, properties */
static void detail_read(struct finding *finding)
{
    const char *detail = http_header(finding->call->request, "X-Result-Detail");

    finding->info = detail && strstr(detail, "info");
    finding->properties = detail && strstr(detail, "properties");
}

int search_repos(struct call *call, struct aql_query *query, struct err *err)
{
    auto_free char *repos = xstrdup(search_parameter(call, "repos"));
    int parts = 0;

    return repos ? add_each(query->root, repos, NULL, &parts, err) : 0;
}

void search_call(struct call *call)
{
    struct aql_query *query = aql_new(AQL_ITEMS);
    struct finding *finding;
    struct err err = { 0 };

    int rc = kinds[call->kind].query(call, query, &err);
    if (rc == 0)
        rc = search_repos(call, query, &err);
    finding = finding_new(call, query);
    if (rc < 0) {
        call_error(call, 400, err.text);
        return;
    }
    detail_read(finding);
    finding_post(finding, results_work, on_results);
}
