#include "store/disk/golang.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

void golang_versions_done(struct golang_versions *versions)
{
    free(versions->list);
    *versions = (struct golang_versions){ 0 };
}

int golang_versions_add(struct golang_versions *versions, const char *version, struct err *err)
{
    if (versions->count == GOLANG_VERSIONS_MAX || strlen(version) > GOLANG_VERSION_MAX)
        return err_set(err, ERR_LIMIT, "the module has more than %d versions", GOLANG_VERSIONS_MAX);
    if ((versions->count & (versions->count - 1)) == 0)
        versions->list = xrealloc(versions->list, (versions->count ? 2 * versions->count : 1) *
                                                      sizeof *versions->list);
    strcpy(versions->list[versions->count++], version);
    return 0;
}

static int by_version(const void *a, const void *b)
{
    return golang_version_compare(a, b);
}

void golang_versions_sort(struct golang_versions *versions)
{
    size_t kept = 0;

    if (versions->count > 1)
        qsort(versions->list, versions->count, sizeof *versions->list, by_version);
    for (size_t i = 0; i < versions->count; i++)
        if (kept == 0 || strcmp(versions->list[kept - 1], versions->list[i]) != 0)
            memmove(versions->list[kept++], versions->list[i], sizeof *versions->list);
    versions->count = kept;
}

struct found {
    struct golang_versions zips;
    struct golang_versions mods;
    struct err *err;
};

static int file_add(void *ctx, const struct item *item)
{
    struct found *found = ctx;
    struct golang_path path;

    if (item->at.folder || !golang_path_parse(item->at.path, &path) ||
        !golang_version_is_canonical(path.version))
        return 0;
    if (path.kind == GOLANG_ZIP)
        return golang_versions_add(&found->zips, path.version, found->err);
    return path.kind == GOLANG_MOD ? golang_versions_add(&found->mods, path.version, found->err)
                                   : 0;
}

/* Of those that are sorted. */
static bool has_version(const struct golang_versions *versions, const char *version)
{
    return versions->count > 0 &&
           bsearch(version, versions->list, versions->count, sizeof *versions->list, by_version);
}

int golang_local_versions(struct db *reader, const char *repo, const struct golang_path *path,
                          struct golang_versions *ret, struct err *err)
{
    struct item_path folder = { .folder = true };
    struct found found = { .err = err };

    snprintf(folder.repo, sizeof folder.repo, "%s", repo);
    snprintf(folder.path, sizeof folder.path, "%s", path->folder);
    int rc = index_list(reader, &folder, 1, file_add, &found, err);
    golang_versions_sort(&found.mods);
    for (size_t i = 0; rc == 0 && i < found.zips.count; i++)
        if (has_version(&found.mods, found.zips.list[i]))
            rc = golang_versions_add(ret, found.zips.list[i], err);
    golang_versions_done(&found.zips);
    golang_versions_done(&found.mods);
    return rc;
}

int golang_local_time(struct db *reader, const char *repo, const char *folder, const char *version,
                      int64_t *ret_ms, struct err *err)
{
    char escaped[2 * GOLANG_VERSION_MAX + 1];
    struct item_path at = { 0 };
    struct item item;

    if (!golang_escape(version, escaped, sizeof escaped))
        return err_set(err, ERR_NOT_FOUND, "not a version");
    snprintf(at.repo, sizeof at.repo, "%s", repo);
    if ((size_t)snprintf(at.path, sizeof at.path, "%s/%s.zip", folder, escaped) >= sizeof at.path)
        return err_set(err, ERR_NOT_FOUND, "not a path");
    int rc = index_find(reader, &at, &item, err);
    if (rc == 0)
        *ret_ms = item.created_ms;
    return rc;
}
