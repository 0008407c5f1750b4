#include "gateway/rules.h"

#include <stdio.h>
#include <string.h>

#include "common/serve/http_text.h"

static const char *const roots[RULES_TYPES] = {
    [RULES_GO] = RULES_BASE "/api/go/",
    [RULES_NPM] = RULES_BASE "/api/npm/",
    [RULES_PYPI] = RULES_BASE "/api/pypi/",
    [RULES_MAVEN] = RULES_BASE "/",
};

bool rules_name_is_plain(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len < RULES_NAME_MAX && name[len] == '\0' && name[0] != '.' &&
           strcmp(name, "api") != 0;
}

/* --- the form of a path --- */

/* Decoded once, which must be all there is to decode: what is left may stand in a path as it is
 * (RFC 3986, pchar), but for ';', behind which some servers read parameters. */
static bool path_decode(const char *path, char ret[RULES_PATH_MAX])
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~!$&'()*+,=:@/";
    return http_text_decode(path, strlen(path), ret) && ret[strspn(ret, plain)] == '\0';
}

/* No element is empty (but behind a last slash), "." or "..". */
static bool elements_are_plain(const char *path)
{
    for (const char *at = path + 1;; at++) {
        size_t len = strcspn(at, "/");
        bool last = at[len] == '\0';
        if ((len == 0 && !last) || (len == 1 && at[0] == '.') ||
            (len == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (last)
            return true;
        at += len;
    }
}

/* Also in full, since it goes on record. */
static bool path_is_plain(const char *path, char ret_plain[RULES_PATH_MAX])
{
    return path[0] == '/' && strlen(path) < RULES_PATH_MAX && path_decode(path, ret_plain) &&
           elements_are_plain(ret_plain);
}

/* --- what lies below a repository --- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t len = strlen(text);
    size_t with_len = strlen(with);
    return len >= with_len && strcmp(text + len - with_len, with) == 0;
}

/* NAME or NAME/-/FILE, where a name is "x" or "@scope/x".  A registry's own calls (search, tokens,
 * who is asking), which begin with "-" or, as Artifactory's "auth/…", look like NAME/VERSION, a
 * build has no need of. */
static bool npm_is_served(const char *path)
{
    const char *name = path;
    if (path[0] == '@') {
        name = strchr(path, '/');
        name = name && name > path + 1 ? name + 1 : "";
    }
    size_t len = strcspn(name, "/");
    const char *file = name + len;
    if (len == 0 || name[0] == '-')
        return false;
    return *file == '\0' || (starts(file, "/-/") && file[3] && !strchr(file + 3, '/'));
}

static bool path_is_served(enum rules_type type, const char *path)
{
    switch (type) {
    case RULES_NPM:
        return npm_is_served(path);
    case RULES_PYPI:
        return starts(path, "simple/") || starts(path, "packages/");
    default:
        return path[0] != '\0';
    }
}

static bool path_is_metadata(enum rules_type type, const char *path)
{
    switch (type) {
    case RULES_GO:
        return ends(path, "/@v/list") || ends(path, "/@latest") || ends(path, ".info") ||
               starts(path, "sumdb/");
    case RULES_NPM:
        return !strstr(path, "/-/");
    case RULES_PYPI:
        return starts(path, "simple/") || ends(path, ".metadata");
    default:
        return starts(strrchr(path, '/') ? strrchr(path, '/') + 1 : path, "maven-metadata") ||
               ends(path, ".sha1") || ends(path, ".md5") || ends(path, ".sha256") ||
               ends(path, ".sha512");
    }
}

/* --- the rules --- */

static int refuse(const struct rules *rules, const char *path, struct err *err)
{
    err_set(err, ERR_DENIED, "a build may not ask for %.80s", path);
    err_hint(err, "only packages: repositories %s, %s, %s, %s", rules->repositories[RULES_GO],
             rules->repositories[RULES_NPM], rules->repositories[RULES_PYPI],
             rules->repositories[RULES_MAVEN]);
    err_reason(err, "GATEWAY_REFUSED");
    return -ERR_DENIED;
}

int rules_check(const struct rules *rules, const char *path, struct rules_target *ret,
                struct err *err)
{
    char plain[RULES_PATH_MAX];
    if (!path_is_plain(path, plain))
        return refuse(rules, path, err);
    for (int type = 0; type < RULES_TYPES; type++) {
        const char *repository = rules->repositories[type];
        size_t root_len = strlen(roots[type]);
        size_t len = strlen(repository);
        const char *rest = path + root_len;
        if (len == 0 || !starts(path, roots[type]) || strncmp(rest, repository, len) != 0 ||
            rest[len] != '/')
            continue;
        /* Up to here nothing is encoded; what follows is judged as the store will read it. */
        const char *below = plain + root_len + len + 1;
        if (!path_is_served((enum rules_type)type, below))
            continue;
        *ret = (struct rules_target){ .type = (enum rules_type)type,
                                      .repository = repository,
                                      .path = rest + len + 1 };
        ret->metadata = path_is_metadata(ret->type, below);
        snprintf(ret->url, sizeof ret->url, "%s", plain);
        return 0;
    }
    return refuse(rules, path, err);
}
