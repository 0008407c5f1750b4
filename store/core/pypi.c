#include "store/core/pypi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- projects --- */

static bool byte_is_separator(char c)
{
    return c == '-' || c == '_' || c == '.';
}

static bool byte_is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The first `len` bytes of `name`; false: they are no name. */
static bool name_normalise(const char *name, size_t len, char ret[PYPI_NAME_MAX + 1])
{
    size_t out = 0;

    if (len == 0 || len > PYPI_NAME_MAX || !byte_is_alnum(name[0]) || !byte_is_alnum(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (byte_is_alnum(name[i]))
            ret[out++] = (char)tolower((unsigned char)name[i]);
        else if (!byte_is_separator(name[i]))
            return false;
        else if (ret[out - 1] != '-')
            ret[out++] = '-';
    }
    ret[out] = '\0';
    return true;
}

int pypi_normal_name(const char *name, char ret[PYPI_NAME_MAX + 1], struct err *err)
{
    char normal[PYPI_NAME_MAX + 1];

    if (!name_normalise(name, strlen(name), normal))
        return err_set(err, ERR_INVALID, "'%.80s' is not the name of a Python project", name);
    memcpy(ret, normal, sizeof normal);
    return 0;
}

bool pypi_name_is_normal(const char *name)
{
    char normal[PYPI_NAME_MAX + 1];

    return name_normalise(name, strlen(name), normal) && strcmp(name, normal) == 0;
}

/* --- files --- */

static bool file_is_plain(const char *file)
{
    for (; *file; file++)
        if (!byte_is_alnum(*file) && !strchr("-_.+!", *file))
            return false;
    return true;
}

static bool version_take(const char *text, size_t len, char ret[PYPI_VERSION_MAX + 1])
{
    if (len == 0 || len > PYPI_VERSION_MAX || !byte_is_alnum(text[0]))
        return false;
    memcpy(ret, text, len);
    ret[len] = '\0';
    return true;
}

/* The length of the name without the ending of a source distribution; 0: it has none. */
static size_t sdist_stem(const char *file)
{
    static const char *const endings[] = { ".tar.gz", ".zip",    ".tar.bz2", ".tgz",
                                           ".tar.xz", ".tar.lz", ".tar.Z",   ".tar" };
    size_t len = strlen(file);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && strcmp(file + len - ending, endings[i]) == 0)
            return len - ending;
    }
    return 0;
}

/* Older source distributions have dashes in their project's name: what is before the version is
 * what is the project in its normal form. */
static bool sdist_parse(const char *file, size_t stem, const char *project,
                        struct pypi_file_name *ret)
{
    char name[PYPI_NAME_MAX + 1];

    for (size_t i = 1; i < stem; i++)
        if (file[i] == '-' && name_normalise(file, i, name) && strcmp(name, project) == 0)
            return version_take(file + i + 1, stem - i - 1, ret->version);
    return false;
}

/* name-version[-build]-python-abi-platform.whl; none of the parts has a dash. */
static bool wheel_parse(const char *file, const char *project, struct pypi_file_name *ret)
{
    char name[PYPI_NAME_MAX + 1];
    size_t name_len = strcspn(file, "-");
    const char *version = file + name_len + (file[name_len] == '-');
    int dashes = 0;

    for (const char *at = file; *at; at++)
        dashes += *at == '-';
    return (dashes == 4 || dashes == 5) && name_normalise(file, name_len, name) &&
           strcmp(name, project) == 0 && version_take(version, strcspn(version, "-"), ret->version);
}

int pypi_file_parse(const char *file, const char *project, struct pypi_file_name *ret,
                    struct err *err)
{
    struct pypi_file_name found = { .version = "" };
    size_t len = strlen(file);
    size_t stem = sdist_stem(file);

    found.wheel = len > 4 && strcmp(file + len - 4, ".whl") == 0;
    bool ok = len <= ITEM_NAME_MAX && file_is_plain(file) &&
              (found.wheel ? wheel_parse(file, project, &found)
                           : sdist_parse(file, stem, project, &found));
    if (!ok)
        return err_set(err, ERR_INVALID,
                       "'%.100s' is not the name of a wheel or source distribution of %.80s", file,
                       project);
    *ret = found;
    return 0;
}

/* --- items --- */

int pypi_item(const char *repo, const char *project, const char *file, struct item_path *ret,
              struct err *err)
{
    char text[REPO_KEY_MAX + PYPI_NAME_MAX + PYPI_VERSION_MAX + ITEM_NAME_MAX + 8];
    struct pypi_file_name name = { .version = "-" };

    pypi_file_parse(file, project, &name, NULL);
    if (!*file || strchr(file, '/') || strlen(file) > ITEM_NAME_MAX)
        return err_set(err, ERR_INVALID, "'%.100s' is not the name of a file", file);
    snprintf(text, sizeof text, "/%s/%s/%s/%s", repo, project, name.version, file);
    return item_path_check(text, ret, err);
}

bool pypi_item_project(const struct item_path *item, char ret[PYPI_NAME_MAX + 1])
{
    size_t len = strcspn(item->path, "/");
    const char *version = item->path + len + (item->path[len] == '/');
    const char *file = strchr(version, '/');
    char name[PYPI_NAME_MAX + 1];

    if (item->folder || !file || file == version || strchr(file + 1, '/') ||
        !name_normalise(item->path, len, name) || strncmp(name, item->path, len) != 0)
        return false;
    memcpy(ret, name, sizeof name);
    return true;
}

bool pypi_item_is_metadata(const struct item_path *item, struct item_path *ret)
{
    size_t len = strlen(item->path);
    size_t suffix = strlen(PYPI_METADATA_SUFFIX);

    if (len <= suffix || strcmp(item->path + len - suffix, PYPI_METADATA_SUFFIX) != 0)
        return false;
    *ret = *item;
    ret->path[len - suffix] = '\0';
    return true;
}
