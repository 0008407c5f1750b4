#include "store/core/names.h"

#include <string.h>

#include "store/core/maven_path.h"
#include "store/core/pattern.h"
#include "store/core/pypi.h"

/* --- names --- */

/* The first `count` elements; false: there are fewer. */
static bool elements_take(const char *path, int count, char ret[ITEM_PATH_MAX + 1])
{
    size_t len = 0;

    for (int i = 0; i < count; i++) {
        size_t next = strcspn(path + len + (i > 0), "/");
        if (next == 0 || (i > 0 && path[len] != '/'))
            return false;
        len += next + (i > 0);
    }
    memcpy(ret, path, len);
    ret[len] = '\0';
    return true;
}

/* All but the last `count`; false: nothing would be left. */
static bool elements_cut(const char *path, int count, char ret[ITEM_PATH_MAX + 1])
{
    memcpy(ret, path, strlen(path) + 1);
    while (count-- > 0) {
        char *slash = strrchr(ret, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return ret[0] != '\0';
}

static enum name_kind maven_name(const struct item_path *at, char ret[ITEM_PATH_MAX + 1])
{
    struct item_path folder;

    if (maven_document_of(at, &folder) == MAVEN_NO_DOCUMENT) /* group/artifact/version/file */
        return elements_cut(at->path, 3, ret) && elements_cut(at->path, 2, ret) ? NAME_SURE
                                                                                : NAME_NONE;
    if (maven_version_is_snapshot(item_name(&folder)))
        return elements_cut(folder.path, 1, ret) ? NAME_SURE : NAME_NONE;
    return elements_cut(folder.path, 0, ret) ? NAME_PERHAPS : NAME_NONE;
}

static enum name_kind golang_name(const char *path, char ret[ITEM_PATH_MAX + 1])
{
    const char *end = strstr(path, "/@");

    if (!end || end == path || strncmp(path, "sumdb/", 6) == 0)
        return NAME_NONE;
    memcpy(ret, path, (size_t)(end - path));
    ret[end - path] = '\0';
    return NAME_SURE;
}

/* In `own` lies what is kept of names that have no folder themselves. */
static enum name_kind first_name(const char *path, const char *own, bool scopes,
                                 char ret[ITEM_PATH_MAX + 1])
{
    size_t len = strlen(own);

    if (strncmp(path, own, len) == 0)
        path += len;
    return elements_take(path, scopes && path[0] == '@' ? 2 : 1, ret) ? NAME_SURE : NAME_NONE;
}

enum name_kind name_of(enum repo_type type, const struct item_path *at, char ret[ITEM_PATH_MAX + 1])
{
    switch (type) {
    case REPO_MAVEN:
        return maven_name(at, ret);
    case REPO_NPM:
        return first_name(at->path, ".npm/", true, ret);
    case REPO_PYPI:
        return first_name(at->path, ".pypi/", false, ret);
    case REPO_GO:
        return golang_name(at->path, ret);
    default:
        return NAME_NONE;
    }
}

/* --- patterns --- */

static bool folder_is_admitted(const struct repository *repository, const char *folder)
{
    return (!repository->includes[0] || pattern_list_reaches(repository->includes, folder)) &&
           !pattern_list_covers(repository->excludes, folder);
}

static bool file_is_admitted(const struct repository *repository, const char *path)
{
    return (!repository->includes[0] || pattern_list_matches(repository->includes, path)) &&
           !pattern_list_matches(repository->excludes, path);
}

/* Is it what is told of a whole name, or of a group?  Then *ret_folder is that. */
static bool is_of_a_folder(enum repo_type type, const struct item_path *at,
                           char ret_folder[ITEM_PATH_MAX + 1])
{
    struct item_path folder;

    if (type == REPO_MAVEN && maven_document_of(at, &folder) != MAVEN_NO_DOCUMENT) {
        memcpy(ret_folder, folder.path, sizeof folder.path);
        return true;
    }
    if (type == REPO_GO && strcmp(item_name(at), "list") != 0 &&
        strcmp(item_name(at), "@latest") != 0)
        return false;
    return (type == REPO_GO || strncmp(at->path, ".npm/", 5) == 0 ||
            strncmp(at->path, ".pypi/", 6) == 0) &&
           name_of(type, at, ret_folder) != NAME_NONE;
}

bool repo_admits(const struct repository *repository, const struct item_path *at)
{
    enum repo_type type = repository->type;
    char folder[ITEM_PATH_MAX + 1];
    struct item_path other;

    if ((!repository->includes[0] && !repository->excludes[0]) || at->path[0] == '\0' ||
        (type == REPO_GO && strncmp(at->path, "sumdb/", 6) == 0))
        return true;
    if (at->folder)
        return folder_is_admitted(repository, at->path);
    if (is_of_a_folder(type, at, folder))
        return folder_is_admitted(repository, folder);
    if (item_sidecar(at, &other) != SIDECAR_NONE ||
        (type == REPO_PYPI && pypi_item_is_metadata(at, &other)))
        return file_is_admitted(repository, other.path);
    return file_is_admitted(repository, at->path);
}
