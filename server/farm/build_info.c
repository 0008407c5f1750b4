/* build_info.c - what the store is told of a build, as Artifactory's clients read it.
 *
 * One module: the artifact, its files, and the files that the build downloaded.  Source: JFrog's
 * REST documentation, "Build Upload"; the JSON is that of build-info 1.0.1. */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "server/farm/state.h"

enum {
    DEPENDENCIES_TOLD_MAX = 20000, /* 16 MiB is what a store takes, and a path may be long */
    TIME_MAX = 40,
};

int64_t build_info_started_ms(const struct sos_build *build)
{
    return build->start_time_ms ? build->start_time_ms : build->create_time_ms;
}

/* "2026-02-02T02:40:00.000+0000" */
static void time_text(int64_t wall_ms, char ret[TIME_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[TIME_MAX];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret, TIME_MAX, "%.19s.%03d+0000", text, (int)(wall_ms % 1000));
}

/* Of the steps: the build itself ends only when this is published. */
static int64_t duration_ms(const struct sos_build *build)
{
    int64_t end = 0;

    for (size_t i = 0; i < build->steps_count; i++)
        if (build->steps[i].finish_time_ms > end)
            end = build->steps[i].finish_time_ms;
    int64_t duration = end - build_info_started_ms(build);
    return duration > 0 ? duration : 0;
}

static json_t *artifacts_json(const struct publish_order *order)
{
    const struct sos_artifact *artifact = order->artifact;
    json_t *all = json_array();

    for (size_t i = 0; i < artifact->files_count; i++) {
        const struct sos_artifact_file *file = &artifact->files[i];
        const char *dot = strrchr(file->path, '.');
        auto_free char *path = xasprintf("%s/%s/%s/%s", artifact->name, artifact->version,
                                         artifact->platform, file->path);
        json_array_append_new(all, json_pack("{ss,ss,ss,ss,ss,ss,ss}", "name", file->path, "type",
                                             dot ? dot + 1 : "bin", "path", path,
                                             "originalDeploymentRepo", order->repository, "sha1",
                                             file->sha1, "md5", file->md5, "sha256", file->sha256));
    }
    return all;
}

/* Files, not what only tells of them; and not what was left before its end. */
static json_t *dependencies_json(const struct publish_order *order)
{
    json_t *all = json_array();

    for (size_t i = 0; i < order->used_count; i++) {
        const struct sos_dependency *used = &order->used[i];
        if (used->metadata || !used->sha256 || json_array_size(all) == DEPENDENCIES_TOLD_MAX)
            continue;
        const char *name = strrchr(used->path, '/');
        const char *dot = strrchr(name ? name : used->path, '.');
        auto_free char *id = xasprintf("%s/%s", used->repository, used->path);
        json_array_append_new(all, json_pack("{ss,ss,ss}", "id", id, "type", dot ? dot + 1 : "bin",
                                             "sha256", used->sha256));
    }
    return all;
}

static json_t *vcs_json(const struct sos_vcs *vcs)
{
    if (!vcs)
        return NULL;
    return json_pack("[{ss*,ss*,ss*}]", "url", vcs->url, "revision", vcs->commit, "branch",
                     vcs->branch);
}

static json_t *properties_json(const struct sos_build *build)
{
    const struct sos_image_ref *image = build->image;

    return json_pack("{ss,ss*,ss*,ss*,ss*,ss*}", "sos.build", build->id, "sos.source",
                     build->source, "sos.lang", build->language, "sos.image",
                     image ? image->run_digest : NULL, "sos.image.build",
                     image ? image->build_digest : NULL, "sos.recipe",
                     image ? image->recipe_sha256 : NULL);
}

char *build_info_text(const struct publish_order *order)
{
    const struct sos_build *build = order->build;
    const struct sos_artifact *artifact = order->artifact;
    auto_free char *module = xasprintf("%s:%s", artifact->name, artifact->version);
    auto_free char *number = xasprintf("%d", build->number);
    char started[TIME_MAX];

    time_text(build_info_started_ms(build), started);
    json_t *root =
        json_pack("{ss,ss,ss,ss,sI,s{ss,ss},s{ss,ss},ss*,so,so*,s[{ss,ss,so,so}]}", "version",
                  "1.0.1", "name", artifact->name, "number", number, "started", started,
                  "durationMillis", (json_int_t)duration_ms(build), "agent", "name", "sos",
                  "version", SOS_VERSION, "buildAgent", "name", "GENERIC", "version", SOS_VERSION,
                  "principal", build->created_by, "properties", properties_json(build), "vcs",
                  vcs_json(build->vcs), "modules", "type", "generic", "id", module, "artifacts",
                  artifacts_json(order), "dependencies", dependencies_json(order));
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
