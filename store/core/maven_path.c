#include "store/core/maven_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

#define SNAPSHOT "SNAPSHOT"

bool maven_version_is_snapshot(const char *version)
{
    size_t len = strlen(version);
    size_t tail = strlen(SNAPSHOT);

    if (len < tail || strcmp(version + len - tail, SNAPSHOT) != 0)
        return false;
    return len == tail || version[len - tail - 1] == '-';
}

/* --- coordinates --- */

/* The last element of the first `len` bytes of a path; its start. */
static size_t element_start(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len;
}

bool maven_folder_parse(const char *path, struct maven_folder *ret)
{
    size_t len = strlen(path);
    size_t version = element_start(path, len);
    size_t artifact = version > 0 ? element_start(path, version - 1) : 0;

    if (artifact < 2)
        return false;
    snprintf(ret->version, sizeof ret->version, "%s", path + version);
    snprintf(ret->artifact, sizeof ret->artifact, "%.*s", (int)(version - 1 - artifact),
             path + artifact);
    snprintf(ret->group, sizeof ret->group, "%.*s", (int)(artifact - 1), path);
    for (char *at = ret->group; *at; at++)
        if (*at == '/')
            *at = '.';
    return true;
}

/* --- the file's name --- */

static const char *skip_digits(const char *at, int count)
{
    for (; count > 0 && *at >= '0' && *at <= '9'; count--)
        at++;
    return count == 0 ? at : NULL;
}

/* "20260102.030405-7", then what ends it.  NULL: it does not begin so. */
static const char *stamp_parse(const char *at, struct maven_file *ret)
{
    const char *dot = skip_digits(at, 8);
    const char *end = dot && *dot == '.' ? skip_digits(dot + 1, 6) : NULL;
    char *after;

    if (!end || *end != '-' || end[1] < '1' || end[1] > '9')
        return NULL;
    ret->number = strtol(end + 1, &after, 10);
    if (after - end > 10 || !strchr(".-", *after))
        return NULL;
    snprintf(ret->stamp, sizeof ret->stamp, "%.*s", (int)(end - at), at);
    return after;
}

/* The version in the file's name: its own, or that of one build of a snapshot. */
static const char *build_parse(const char *at, struct maven_file *ret)
{
    size_t len = strlen(ret->version);
    size_t base = len - strlen(SNAPSHOT);
    const char *end = NULL;

    if (strncmp(at, ret->version, len) == 0 && strchr(".-", at[len]))
        end = at + len;
    else if (ret->snapshot && strncmp(at, ret->version, base) == 0)
        end = stamp_parse(at + base, ret);
    if (end)
        snprintf(ret->build, sizeof ret->build, "%.*s", (int)(end - at), at);
    return end && *end ? end : NULL;
}

static bool ends_in(const char *text, size_t len, const char *tail)
{
    size_t tail_len = strlen(tail);
    return len > tail_len && strncmp(text + len - tail_len, tail, tail_len) == 0;
}

/* Where the extension begins: behind the last dot, but "tar.gz" is one, and so is "jar.asc". */
static const char *extension_find(const char *text)
{
    const char *dot = strrchr(text, '.');
    size_t len = dot ? (size_t)(dot - text) : 0;

    if (dot && (strcmp(dot, ".asc") == 0 || strcmp(dot, ".sigstore") == 0)) {
        const char *before = memrchr(text, '.', len);
        dot = before ? before : dot;
        len = (size_t)(dot - text);
    }
    if (dot && ends_in(text, len, ".tar"))
        dot -= strlen(".tar");
    return dot;
}

/* "-sources.jar" or ".jar" */
static bool rest_parse(const char *rest, struct maven_file *ret)
{
    const char *dot = rest[0] == '.' ? rest : extension_find(rest);

    if (!dot || dot[1] == '\0' || dot == rest + 1)
        return false;
    if (dot > rest)
        snprintf(ret->classifier, sizeof ret->classifier, "%.*s", (int)(dot - rest - 1), rest + 1);
    snprintf(ret->extension, sizeof ret->extension, "%s", dot + 1);
    return true;
}

/* The length of ".sha1" at its end; 0: there is none. */
static size_t checksum_len(const char *name)
{
    static const char *const suffixes[] = { ".sha1", ".md5", ".sha256", ".sha512" };

    for (size_t i = 0; i < countof(suffixes); i++)
        if (ends_in(name, strlen(name), suffixes[i]))
            return strlen(suffixes[i]);
    return 0;
}

bool maven_file_parse(const struct item_path *at, struct maven_file *ret)
{
    struct item_path folder = *at;
    struct maven_folder of;
    const char *name = item_name(at);

    folder.path[item_parent_len(at)] = '\0';
    if (at->folder || checksum_len(name) > 0 || !maven_folder_parse(folder.path, &of))
        return false;
    *ret = (struct maven_file){ .snapshot = maven_version_is_snapshot(of.version) };
    memcpy(ret->group, of.group, sizeof ret->group);
    memcpy(ret->artifact, of.artifact, sizeof ret->artifact);
    memcpy(ret->version, of.version, sizeof ret->version);
    size_t len = strlen(of.artifact);
    if (strncmp(name, of.artifact, len) != 0 || name[len] != '-')
        return false;
    const char *rest = build_parse(name + len + 1, ret);
    return rest && rest_parse(rest, ret);
}

bool maven_path_is_fixed(const struct item_path *at)
{
    struct item_path file = *at;
    struct maven_file of;

    file.path[strlen(file.path) - checksum_len(item_name(at))] = '\0';
    return maven_file_parse(&file, &of) && (!of.snapshot || of.number > 0);
}

/* --- documents and policy --- */

enum maven_document maven_document_of(const struct item_path *at, struct item_path *ret_folder)
{
    static const char *const names[] = { "maven-metadata.xml", "maven-metadata.xml.sha1",
                                         "maven-metadata.xml.md5", "maven-metadata.xml.sha256",
                                         "maven-metadata.xml.sha512" };

    for (size_t i = 0; i < countof(names); i++) {
        if (at->folder || strcmp(item_name(at), names[i]) != 0)
            continue;
        if (ret_folder) {
            *ret_folder = *at;
            ret_folder->path[item_parent_len(at)] = '\0';
            ret_folder->folder = true;
        }
        return (enum maven_document)(MAVEN_METADATA + i);
    }
    return MAVEN_NO_DOCUMENT;
}

/* Metadata of a snapshot says by its folder what it is; other metadata is of both. */
bool maven_policy_allows(const struct item_path *at, bool no_snapshots, bool no_releases)
{
    struct item_path folder = *at;
    struct maven_folder of;
    struct maven_file file;

    folder.path[item_parent_len(at)] = '\0';
    if (!maven_folder_parse(folder.path, &of))
        return true;
    if (maven_version_is_snapshot(of.version))
        return !no_snapshots;
    return !no_releases || !maven_file_parse(at, &file);
}
