#include "store/disk/maven.h"

#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"

#define PLUGIN_PREFIX "maven.plugin.prefix"
#define PLUGIN_NAME   "maven.plugin.name"

/* --- the builds of a snapshot --- */

struct builds {
    struct maven_metadata *metadata;
    struct maven_file newest; /* that has a POM, else of all; number 0: none is numbered */
    bool has_pom;
    struct err *err;
};

static bool file_is_newer(const struct maven_file *file, const struct maven_file *than)
{
    if (file->number != than->number)
        return file->number > than->number;
    return strcmp(file->stamp, than->stamp) > 0;
}

/* The POM comes last, or nearly so: a build without one is still on its way. */
static int find_newest(void *ctx, const struct item *item)
{
    struct builds *builds = ctx;
    struct maven_file file;
    bool pom;

    if (!maven_file_parse(&item->at, &file))
        return 0;
    pom = strcmp(file.extension, "pom") == 0;
    if (pom < builds->has_pom)
        return 0;
    if (pom > builds->has_pom || file_is_newer(&file, &builds->newest))
        builds->newest = file;
    builds->has_pom = pom;
    return 0;
}

static int add_build(void *ctx, const struct item *item)
{
    struct builds *builds = ctx;
    struct maven_file file;

    if (!maven_file_parse(&item->at, &file) || file_is_newer(&file, &builds->newest))
        return 0;
    struct maven_build build = { .classifier = file.classifier,
                                 .extension = file.extension,
                                 .value = file.build,
                                 .number = file.number };
    if (file.number > 0)
        snprintf(build.updated, sizeof build.updated, "%.8s%.6s", file.stamp, file.stamp + 9);
    else
        maven_when(item->modified_ms, build.updated);
    maven_metadata_touch(builds->metadata, build.updated);
    return maven_metadata_add_build(builds->metadata, &build, builds->err);
}

static int compute_builds(struct db *db, const struct item_path *folder,
                          const struct maven_folder *of, struct maven_metadata *ret,
                          struct err *err)
{
    struct builds builds = { .metadata = ret, .err = err };
    int rc = index_list(db, folder, 1, find_newest, &builds, err);

    if (rc == 0)
        rc = index_list(db, folder, 1, add_build, &builds, err);
    if (rc < 0 || ret->builds_count == 0)
        return rc;
    memcpy(ret->group, of->group, sizeof ret->group);
    memcpy(ret->artifact, of->artifact, sizeof ret->artifact);
    memcpy(ret->version, of->version, sizeof ret->version);
    memcpy(ret->stamp, builds.newest.stamp, sizeof ret->stamp);
    ret->number = builds.newest.number;
    return 0;
}

/* --- the versions of an artifact --- */

/* A folder is a version when a file in it begins as one of this artifact and version does: with
 * "app-1.0", or "app-1.0-" for 1.0-SNAPSHOT.  By the index on (repo, path, name). */
#define VERSIONS                                                                                   \
    "SELECT c.name, MAX(f.modified_ms) FROM (SELECT repo, path || '/' || name AS place, name,"     \
    " ?1 || '-' || CASE WHEN substr(name, -8)='SNAPSHOT' THEN substr(name, 1, length(name) - 8)"   \
    " ELSE name END AS head FROM items WHERE repo=?2 AND path=?3 AND sha256 IS NULL) c"            \
    " JOIN items f ON f.repo=c.repo AND f.path=c.place AND f.name >= c.head"                       \
    " AND f.name < c.head || x'7f' AND f.sha256 IS NOT NULL GROUP BY c.name"

static int compute_versions(struct db *db, const struct item_path *folder,
                            struct maven_metadata *ret, struct err *err)
{
    const char *artifact = item_name(folder);
    size_t group_len = item_parent_len(folder);
    char when[MAVEN_WHEN_MAX];
    int rc;

    if (group_len == 0)
        return 0;
    sqlite3_stmt *st = db_bind(db, VERSIONS, "ttt", artifact, folder->repo, folder->path);
    while ((rc = db_step(db, st, err)) > 0) {
        maven_when(db_int(st, 1), when);
        maven_metadata_touch(ret, when);
        rc = maven_metadata_add_version(ret, db_text(st, 0), err);
        if (rc < 0) {
            db_end(st);
            return rc;
        }
    }
    if (rc < 0 || ret->versions_count == 0)
        return rc;
    snprintf(ret->artifact, sizeof ret->artifact, "%s", artifact);
    snprintf(ret->group, sizeof ret->group, "%.*s", (int)group_len, folder->path);
    for (char *at = ret->group; *at; at++)
        if (*at == '/')
            *at = '.';
    return 0;
}

/* --- the plugins of a group --- */

#define PLUGINS                                                                                    \
    "SELECT i.name, p.value, n.value FROM items i"                                                 \
    " JOIN properties p ON p.item=i.id AND p.key='" PLUGIN_PREFIX "'"                              \
    " LEFT JOIN properties n ON n.item=i.id AND n.key='" PLUGIN_NAME "'"                           \
    " WHERE i.repo=? AND i.path=? AND i.sha256 IS NULL ORDER BY i.name"

static int compute_plugins(struct db *db, const struct item_path *folder,
                           struct maven_metadata *ret, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, PLUGINS, "tt", folder->repo, folder->path);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        struct maven_plugin plugin = { .artifact = (char *)db_text(st, 0),
                                       .prefix = (char *)db_text(st, 1),
                                       .name = (char *)db_text(st, 2) };
        rc = maven_metadata_add_plugin(ret, &plugin, err);
        if (rc < 0) {
            db_end(st);
            return rc;
        }
    }
    return rc;
}

int maven_compute(struct db *db, const struct item_path *folder, struct maven_metadata *ret,
                  struct err *err)
{
    struct maven_folder of;
    int rc;

    if (maven_folder_parse(folder->path, &of) && maven_version_is_snapshot(of.version)) {
        rc = compute_builds(db, folder, &of, ret, err);
    } else {
        rc = compute_versions(db, folder, ret, err);
        if (rc == 0)
            rc = compute_plugins(db, folder, ret, err);
    }
    if (rc == 0 && maven_metadata_is_empty(ret))
        return err_set(err, ERR_NOT_FOUND, "no artifact, snapshot or plugins in %s:%.150s",
                       folder->repo, folder->path);
    return rc;
}

/* --- keeping plugins --- */

static int keep_plugin(struct db *db, const struct item_path *group,
                       const struct maven_plugin *plugin, int64_t now_ms, struct err *err)
{
    struct item_path at;
    struct props props;
    auto_free char *text = xasprintf("%s/%s/%s", group->repo, group->path, plugin->artifact);

    if (strchr(plugin->artifact, '/') || item_path_check(text, &at, NULL) < 0)
        return 0;
    props_init(&props);
    int rc = props_add(&props, PLUGIN_PREFIX, plugin->prefix, err);
    if (rc == 0 && plugin->name[0])
        rc = props_add(&props, PLUGIN_NAME, plugin->name, err);
    if (rc == 0)
        rc = index_props_change(db, &at, false, PROPS_SET, &props, now_ms, err);
    props_done(&props);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int maven_keep_plugins(struct db *db, const struct item_path *group,
                       const struct maven_metadata *told, int64_t now_ms, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < told->plugins_count; i++)
        rc = keep_plugin(db, group, &told->plugins[i], now_ms, err);
    return rc;
}
