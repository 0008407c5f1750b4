#include "store/core/maven_metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sos/base/auto.h"
#include "store/core/maven_version.h"

void maven_metadata_init(struct maven_metadata *metadata)
{
    *metadata = (struct maven_metadata){ 0 };
}

void maven_metadata_done(struct maven_metadata *metadata)
{
    for (size_t i = 0; i < metadata->versions_count; i++)
        free(metadata->versions[i]);
    for (size_t i = 0; i < metadata->builds_count; i++) {
        free(metadata->builds[i].classifier);
        free(metadata->builds[i].extension);
        free(metadata->builds[i].value);
    }
    for (size_t i = 0; i < metadata->plugins_count; i++) {
        free(metadata->plugins[i].name);
        free(metadata->plugins[i].prefix);
        free(metadata->plugins[i].artifact);
    }
    free(metadata->versions);
    free(metadata->builds);
    free(metadata->plugins);
    maven_metadata_init(metadata);
}

bool maven_metadata_is_empty(const struct maven_metadata *metadata)
{
    return metadata->versions_count == 0 && metadata->builds_count == 0 &&
           metadata->plugins_count == 0 && metadata->number == 0;
}

void maven_when(int64_t wall_ms, char ret[MAVEN_WHEN_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(ret, MAVEN_WHEN_MAX, "%Y%m%d%H%M%S", &tm);
}

int64_t maven_when_parse(const char *when)
{
    struct tm tm = { 0 };

    if (sscanf(when, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000;
}

void maven_metadata_touch(struct maven_metadata *metadata, const char *updated)
{
    if (strcmp(metadata->updated, updated) < 0)
        snprintf(metadata->updated, sizeof metadata->updated, "%s", updated);
}

/* --- adding --- */

/* Room for one more; the array doubles, its size is told by the count alone. */
static void *list_grow(void *list, size_t count, size_t size)
{
    return count & (count - 1) ? list : xrealloc(list, (count ? 2 * count : 1) * size);
}

static int count_check(size_t count, size_t max, struct err *err)
{
    if (count < max)
        return 0;
    return err_set(err, ERR_LIMIT, "more than %zu entries in one maven-metadata.xml", max);
}

int maven_metadata_add_version(struct maven_metadata *metadata, const char *version,
                               struct err *err)
{
    int rc = count_check(metadata->versions_count, MAVEN_VERSIONS_MAX, err);

    if (rc < 0)
        return rc;
    metadata->versions =
        list_grow(metadata->versions, metadata->versions_count, sizeof *metadata->versions);
    metadata->versions[metadata->versions_count++] = xstrdup(version);
    return 0;
}

static struct maven_build *build_find(const struct maven_metadata *metadata,
                                      const struct maven_build *of)
{
    for (size_t i = 0; i < metadata->builds_count; i++)
        if (strcmp(metadata->builds[i].classifier, of->classifier) == 0 &&
            strcmp(metadata->builds[i].extension, of->extension) == 0)
            return &metadata->builds[i];
    return NULL;
}

static bool build_is_newer(const struct maven_build *build, const struct maven_build *old)
{
    if (build->number > 0 && old->number > 0 && build->number != old->number)
        return build->number > old->number;
    return strcmp(build->updated, old->updated) > 0;
}

int maven_metadata_add_build(struct maven_metadata *metadata, const struct maven_build *build,
                             struct err *err)
{
    struct maven_build *old = build_find(metadata, build);

    if (old && build_is_newer(build, old)) {
        free(old->value);
        old->value = xstrdup(build->value);
        old->number = build->number;
        memcpy(old->updated, build->updated, sizeof old->updated);
    }
    if (old)
        return 0;
    int rc = count_check(metadata->builds_count, MAVEN_KINDS_MAX, err);
    if (rc < 0)
        return rc;
    metadata->builds =
        list_grow(metadata->builds, metadata->builds_count, sizeof *metadata->builds);
    struct maven_build *made = &metadata->builds[metadata->builds_count++];
    *made = *build;
    made->classifier = xstrdup(build->classifier);
    made->extension = xstrdup(build->extension);
    made->value = xstrdup(build->value);
    return 0;
}

int maven_metadata_add_plugin(struct maven_metadata *metadata, const struct maven_plugin *plugin,
                              struct err *err)
{
    for (size_t i = 0; i < metadata->plugins_count; i++)
        if (strcmp(metadata->plugins[i].prefix, plugin->prefix) == 0)
            return 0;
    int rc = count_check(metadata->plugins_count, MAVEN_KINDS_MAX, err);
    if (rc < 0)
        return rc;
    metadata->plugins =
        list_grow(metadata->plugins, metadata->plugins_count, sizeof *metadata->plugins);
    metadata->plugins[metadata->plugins_count++] =
        (struct maven_plugin){ .name = xstrdup(plugin->name),
                               .prefix = xstrdup(plugin->prefix),
                               .artifact = xstrdup(plugin->artifact) };
    return 0;
}

/* --- merging --- */

static void text_fill(char *text, size_t room, const char *from)
{
    if (text[0] == '\0')
        snprintf(text, room, "%s", from);
}

static void version_raise(char text[ITEM_NAME_MAX + 1], const char *version)
{
    if (version[0] && (text[0] == '\0' || maven_version_compare(text, version) < 0))
        snprintf(text, ITEM_NAME_MAX + 1, "%s", version);
}

static void head_merge(struct maven_metadata *metadata, const struct maven_metadata *from)
{
    text_fill(metadata->group, sizeof metadata->group, from->group);
    text_fill(metadata->artifact, sizeof metadata->artifact, from->artifact);
    text_fill(metadata->version, sizeof metadata->version, from->version);
    version_raise(metadata->latest, from->latest);
    version_raise(metadata->release, from->release);
    maven_metadata_touch(metadata, from->updated);
    if (strcmp(metadata->stamp, from->stamp) < 0) {
        memcpy(metadata->stamp, from->stamp, sizeof metadata->stamp);
        metadata->number = from->number;
    }
}

/* Numbers of builds are counted anew in each repository: between two, time alone tells. */
int maven_metadata_merge(struct maven_metadata *metadata, const struct maven_metadata *from,
                         struct err *err)
{
    int rc = 0;

    head_merge(metadata, from);
    for (size_t i = 0; rc == 0 && i < from->versions_count; i++)
        rc = maven_metadata_add_version(metadata, from->versions[i], err);
    for (size_t i = 0; rc == 0 && i < from->builds_count; i++) {
        struct maven_build build = from->builds[i];
        build.number = 0;
        rc = maven_metadata_add_build(metadata, &build, err);
    }
    for (size_t i = 0; rc == 0 && i < from->plugins_count; i++)
        rc = maven_metadata_add_plugin(metadata, &from->plugins[i], err);
    return rc;
}

/* --- the end --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_version(const void *a, const void *b)
{
    int order = maven_version_compare(*(char *const *)a, *(char *const *)b);
    return order ? order : by_text(a, b);
}

static void versions_sort(struct maven_metadata *metadata)
{
    size_t kept = 0;

    if (metadata->versions_count == 0)
        return;
    qsort(metadata->versions, metadata->versions_count, sizeof *metadata->versions, by_text);
    for (size_t i = 0; i < metadata->versions_count; i++) {
        if (kept > 0 && strcmp(metadata->versions[kept - 1], metadata->versions[i]) == 0)
            free(metadata->versions[i]);
        else
            metadata->versions[kept++] = metadata->versions[i];
    }
    metadata->versions_count = kept;
    qsort(metadata->versions, kept, sizeof *metadata->versions, by_version);
}

void maven_metadata_finish(struct maven_metadata *metadata)
{
    bool latest = metadata->latest[0] != '\0';
    bool release = metadata->release[0] != '\0';

    versions_sort(metadata);
    for (size_t i = 0; i < metadata->versions_count; i++) {
        const char *version = metadata->versions[i];
        if (!latest)
            version_raise(metadata->latest, version);
        if (!release && !maven_version_is_snapshot(version))
            version_raise(metadata->release, version);
    }
}

/* --- writing --- */

/* What XML 1.0 has no way to say is left out. */
static void text_write(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            buf_add_str(buf, "&amp;");
        else if (*text == '<')
            buf_add_str(buf, "&lt;");
        else if (*text == '>')
            buf_add_str(buf, "&gt;");
        else if ((unsigned char)*text >= 0x20)
            buf_add(buf, text, 1);
    }
}

static void element_write(struct buf *buf, int indent, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    buf_printf(buf, "%*s<%s>", indent, "", name);
    text_write(buf, text);
    buf_printf(buf, "</%s>\n", name);
}

static void versions_write(const struct maven_metadata *metadata, struct buf *buf)
{
    if (metadata->versions_count == 0)
        return;
    buf_add_str(buf, "    <versions>\n");
    for (size_t i = 0; i < metadata->versions_count; i++)
        element_write(buf, 6, "version", metadata->versions[i]);
    buf_add_str(buf, "    </versions>\n");
}

static void builds_write(const struct maven_metadata *metadata, struct buf *buf)
{
    if (metadata->number > 0)
        buf_printf(buf,
                   "    <snapshot>\n      <timestamp>%s</timestamp>\n"
                   "      <buildNumber>%ld</buildNumber>\n    </snapshot>\n",
                   metadata->stamp, metadata->number);
    element_write(buf, 4, "lastUpdated", metadata->updated);
    if (metadata->builds_count == 0)
        return;
    buf_add_str(buf, "    <snapshotVersions>\n");
    for (size_t i = 0; i < metadata->builds_count; i++) {
        const struct maven_build *build = &metadata->builds[i];
        buf_add_str(buf, "      <snapshotVersion>\n");
        element_write(buf, 8, "classifier", build->classifier);
        element_write(buf, 8, "extension", build->extension);
        element_write(buf, 8, "value", build->value);
        element_write(buf, 8, "updated", build->updated);
        buf_add_str(buf, "      </snapshotVersion>\n");
    }
    buf_add_str(buf, "    </snapshotVersions>\n");
}

static void plugins_write(const struct maven_metadata *metadata, struct buf *buf)
{
    if (metadata->plugins_count == 0)
        return;
    buf_add_str(buf, "  <plugins>\n");
    for (size_t i = 0; i < metadata->plugins_count; i++) {
        buf_add_str(buf, "    <plugin>\n");
        element_write(buf, 6, "name", metadata->plugins[i].name);
        element_write(buf, 6, "prefix", metadata->plugins[i].prefix);
        element_write(buf, 6, "artifactId", metadata->plugins[i].artifact);
        buf_add_str(buf, "    </plugin>\n");
    }
    buf_add_str(buf, "  </plugins>\n");
}

void maven_metadata_write(const struct maven_metadata *metadata, struct buf *ret)
{
    bool versioning =
        metadata->versions_count > 0 || metadata->builds_count > 0 || metadata->number > 0;

    buf_add_str(ret, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<metadata modelVersion=\"1.1.0\">\n");
    element_write(ret, 2, "groupId", metadata->group);
    element_write(ret, 2, "artifactId", metadata->artifact);
    element_write(ret, 2, "version", metadata->version);
    if (versioning) {
        buf_add_str(ret, "  <versioning>\n");
        element_write(ret, 4, "latest", metadata->latest);
        element_write(ret, 4, "release", metadata->release);
        versions_write(metadata, ret);
        builds_write(metadata, ret);
        buf_add_str(ret, "  </versioning>\n");
    }
    plugins_write(metadata, ret);
    buf_add_str(ret, "</metadata>\n");
}
