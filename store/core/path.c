#include "store/core/path.h"

#include <stdio.h>
#include <string.h>

#include "store/core/text.h"

static bool key_char_is_valid(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool repo_key_is_valid(const char *key)
{
    static const char *const taken[] = { "api", "access", "artifactory", "ui", "webapp" };
    size_t len = strlen(key);

    if (len == 0 || len > REPO_KEY_MAX || strchr("._-", key[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!key_char_is_valid(key[i]))
            return false;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(key, taken[i]) == 0)
            return false;
    return true;
}

/* One element of a path: may it be a name? */
static int element_check(const char *name, size_t len, struct err *err)
{
    if (len > ITEM_NAME_MAX)
        return err_set(err, ERR_LIMIT, "Path element is longer than %d bytes", ITEM_NAME_MAX);
    if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
        return err_set(err, ERR_INVALID, "Path holds a '.' or '..' element");
    if (memchr(name, '\\', len))
        return err_set(err, ERR_INVALID, "Path holds a backslash");
    return 0;
}

/* Put the elements of `text` into `ret->path`, with single slashes. */
static int path_join(const char *text, struct item_path *ret, struct err *err)
{
    size_t out = 0;
    int depth = 0;

    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "/");
        if (len > 0) {
            int rc = element_check(at, len, err);
            if (rc < 0)
                return rc;
            if (at[len] == '/' && at[len - 1] == '!')
                return err_set(err, ERR_INVALID, "Entries of archives are not served");
            if (++depth > ITEM_DEPTH_MAX || out + len + 1 > ITEM_PATH_MAX)
                return err_set(err, ERR_LIMIT, "Path is longer than %d bytes or %d elements",
                               ITEM_PATH_MAX, ITEM_DEPTH_MAX);
            if (out > 0)
                ret->path[out++] = '/';
            memcpy(ret->path + out, at, len);
            out += len;
        }
        at += len + (at[len] == '/');
    }
    ret->path[out] = '\0';
    return 0;
}

int item_path_check(const char *text, struct item_path *ret, struct err *err)
{
    text += strspn(text, "/");
    size_t key_len = strcspn(text, "/");

    *ret = (struct item_path){ 0 };
    if (key_len > REPO_KEY_MAX)
        return err_set(err, ERR_INVALID, "Repository key is longer than %d bytes", REPO_KEY_MAX);
    memcpy(ret->repo, text, key_len);
    if (!repo_key_is_valid(ret->repo))
        return err_set(err, ERR_INVALID, "'%s' is not a repository key", ret->repo);

    text += key_len;
    ret->folder = *text == '\0' || text[strlen(text) - 1] == '/';
    int rc = path_join(text, ret, err);
    if (rc == 0 && ret->path[0] == '\0')
        ret->folder = true;
    return rc;
}

/* Matrix parameters may also stand behind the repository: "/repo;k=v/path". */
static int path_take_matrix(const char **raw, size_t len, size_t *ret_len, struct props *props,
                            struct err *err)
{
    const char *matrix = memchr(*raw, ';', len);

    *ret_len = matrix ? (size_t)(matrix - *raw) : len;
    if (!matrix || !props)
        return 0;
    return props_parse_matrix(matrix + 1, len - *ret_len - 1, props, err);
}

int item_path_parse(const char *raw, struct item_path *ret, struct props *ret_props,
                    struct err *err)
{
    char text[REPO_KEY_MAX + 3 * (ITEM_PATH_MAX + 2)];
    size_t key_len;
    size_t path_len;

    raw += strspn(raw, "/");
    size_t key_raw = strcspn(raw, "/");
    int rc = path_take_matrix(&raw, key_raw, &key_len, ret_props, err);
    if (rc == 0 && key_len > REPO_KEY_MAX)
        return err_set(err, ERR_INVALID, "Repository key is longer than %d bytes", REPO_KEY_MAX);
    if (rc == 0)
        rc = text_decode(raw, key_len, false, text, REPO_KEY_MAX + 1, err);
    if (rc < 0)
        return rc;
    if (strchr(text, '/'))
        return err_set(err, ERR_INVALID, "'%s' is not a repository key", text);

    const char *path = raw + key_raw;
    rc = path_take_matrix(&path, strlen(path), &path_len, ret_props, err);
    size_t used = strlen(text);
    if (rc == 0)
        rc = text_decode(path, path_len, false, text + used, sizeof text - used, err);
    return rc < 0 ? rc : item_path_check(text, ret, err);
}

const char *item_name(const struct item_path *item)
{
    const char *slash = strrchr(item->path, '/');
    return slash ? slash + 1 : item->path;
}

size_t item_parent_len(const struct item_path *item)
{
    const char *slash = strrchr(item->path, '/');
    return slash ? (size_t)(slash - item->path) : 0;
}

enum sidecar item_sidecar(const struct item_path *item, struct item_path *ret)
{
    static const struct {
        const char *suffix;
        enum sidecar kind;
    } suffixes[] = { { ".sha1", SIDECAR_SHA1 },
                     { ".md5", SIDECAR_MD5 },
                     { ".sha256", SIDECAR_SHA256 } };
    size_t len = strlen(item->path);

    if (item->folder)
        return SIDECAR_NONE;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t cut = strlen(suffixes[i].suffix);
        if (strlen(item_name(item)) > cut &&
            strcmp(item->path + len - cut, suffixes[i].suffix) == 0) {
            *ret = *item;
            ret->path[len - cut] = '\0';
            return suffixes[i].kind;
        }
    }
    return SIDECAR_NONE;
}

bool item_is_npm_own(const struct item_path *item)
{
    return strncmp(item->path, ".npm", 4) == 0 && (item->path[4] == '/' || item->path[4] == '\0');
}

bool item_is_maven_metadata(const struct item_path *item)
{
    return strcmp(item_name(item), "maven-metadata.xml") == 0;
}
