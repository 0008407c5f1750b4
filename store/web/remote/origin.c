/* origin.c - where remote repositories get their things: upstreams that the images name,
 * credentials, and what an upstream was found not to have or to be. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/core/golang.h"
#include "store/web/remote/remote_own.h"

enum {
    FILE_MAX = 1 << 20,
    CREDENTIALS_MAX = 256,
    MISSES = 8192, /* places; a new miss takes that of an old one */
};

struct missed {
    char *path; /* "repo/path"; NULL: free */
    enum miss why;
    int64_t until_ms;
};

struct origins {
    char *bases[REPO_TYPES];
    char sumdb[GOLANG_SUMDB_MAX + 1];
    struct credential {
        char repo[REPO_KEY_MAX + 1];
        char *text;
    } credentials[CREDENTIALS_MAX];
    size_t credentials_count;
    struct away {
        char repo[REPO_KEY_MAX + 1];
        int64_t until_ms;
    } away[STORE_REPOSITORIES_MAX];
    size_t away_count;
    struct missed *misses; /* made with the first */
};

struct origins *origins_new(void)
{
    return xcalloc(1, sizeof(struct origins));
}

void origins_free(struct origins *origins)
{
    if (!origins)
        return;
    for (int i = 0; i < REPO_TYPES; i++)
        free(origins->bases[i]);
    for (size_t i = 0; i < origins->credentials_count; i++) {
        explicit_bzero(origins->credentials[i].text, strlen(origins->credentials[i].text));
        free(origins->credentials[i].text);
    }
    for (size_t i = 0; origins->misses && i < MISSES; i++)
        free(origins->misses[i].path);
    free(origins->misses);
    free(origins);
}

/* --- the images' upstreams --- */

/* By its name, as clients ask for it; "https://NAME" also.  "off": none. */
static void sumdb_take(struct origins *origins, const char *name)
{
    if (name && strncmp(name, "https://", 8) == 0)
        name += 8;
    if (!name || strpbrk(name, "/ +") || strlen(name) >= sizeof origins->sumdb)
        return;
    strcpy(origins->sumdb, strcmp(name, "off") == 0 ? "" : name);
}

const char *origins_sumdb(const struct origins *origins)
{
    return origins->sumdb;
}

static int base_take(struct origins *origins, const char *type_name, const char *url,
                     const char *file, struct err *err)
{
    struct repository checked;
    int type = repo_type_parse(type_name);
    auto_free char *line = xasprintf("x remote url=%s", url ? url : "");

    if (strcmp(type_name, "gosumdb") == 0) {
        sumdb_take(origins, url);
        return 0;
    }
    if (type < 0)
        return 0; /* of something that is no repository of ours */
    if (!url || repo_parse(line, &checked, NULL) < 0)
        return err_set(err, ERR_INVALID, "%s: the upstream of %s is no URL", file, type_name);
    if (!origins->bases[type])
        origins->bases[type] = xstrdup(checked.url);
    return 0;
}

static int image_read(struct origins *origins, const char *file, struct err *err)
{
    json_error_t fault;
    struct buf text;
    const char *type;
    json_t *url;

    buf_init(&text, FILE_MAX);
    int rc = fs_read(file, &text, err);
    json_t *image = rc == 0 ? json_loadb(text.len ? text.data : "", text.len, 0, &fault) : NULL;
    buf_done(&text);
    if (rc == 0 && !image)
        rc = err_set(err, ERR_INVALID, "%s: %s", file, fault.text);
    json_object_foreach(json_object_get(image, "upstreams"), type, url)
    {
        if (rc == 0)
            rc = base_take(origins, type, json_string_value(url), file, err);
    }
    json_decref(image);
    return rc;
}

static int is_json(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static int images_read(struct origins *origins, const char *dir, struct err *err)
{
    struct dirent **list;
    int rc = 0;
    int count = scandir(dir, &list, is_json, alphasort);

    if (count < 0)
        return err_errno(err, "read the images' folder %s", dir);
    for (int i = 0; i < count; i++) {
        auto_free char *file = xasprintf("%s/%s", dir, list[i]->d_name);
        if (rc == 0)
            rc = image_read(origins, file, err);
        free(list[i]);
    }
    free(list);
    return rc;
}

const char *origins_base(const struct origins *origins, enum repo_type type)
{
    return origins->bases[type] ? origins->bases[type] : "";
}

/* --- credentials --- */

/* "KEY USER:PASSWORD" or "KEY bearer TOKEN" */
static int credential_take(struct origins *origins, char *line, const char *file, struct err *err)
{
    struct credential *made = &origins->credentials[origins->credentials_count];
    char *text = line + strcspn(line, " \t");

    if (*text)
        *text++ = '\0';
    text += strspn(text, " \t");
    bool is_bearer = strncmp(text, "bearer ", 7) == 0 && text[7];
    if (!repo_key_is_valid(line) || (!is_bearer && !strchr(text, ':')))
        return err_set(
            err, ERR_INVALID,
            "%s: a line is KEY USER:PASSWORD or KEY bearer TOKEN, this is neither: %.20s…", file,
            line);
    if (origins->credentials_count == CREDENTIALS_MAX)
        return err_set(err, ERR_LIMIT, "%s: more than %d lines", file, CREDENTIALS_MAX);
    snprintf(made->repo, sizeof made->repo, "%s", line);
    made->text = is_bearer ? xstrdup(text) : xasprintf("basic %s", text);
    origins->credentials_count++;
    return 0;
}

static int secret_check(const char *file, struct err *err)
{
    struct stat st;

    if (stat(file, &st) < 0)
        return err_errno(err, "upstream credentials %s", file);
    if ((st.st_mode & 077) == 0)
        return 0;
    err_set(err, ERR_INVALID, "%s holds passwords and others may read it", file);
    err_hint(err, "chmod 600 it");
    return -ERR_INVALID;
}

static int credentials_read(struct origins *origins, const char *file, struct err *err)
{
    struct buf text;
    int rc = secret_check(file, err);

    if (rc < 0)
        return rc;
    buf_init(&text, FILE_MAX);
    rc = fs_read(file, &text, err);
    char *rest = rc == 0 && text.len ? text.data : NULL;
    for (char *line; rc == 0 && (line = strsep(&rest, "\r\n"));) {
        line += strspn(line, " \t");
        if (*line && *line != '#')
            rc = credential_take(origins, line, file, err);
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_done(&text);
    return rc;
}

const char *origins_credentials(const struct origins *origins, const char *repo)
{
    for (size_t i = 0; i < origins->credentials_count; i++)
        if (strcmp(origins->credentials[i].repo, repo) == 0)
            return origins->credentials[i].text;
    return NULL;
}

static bool is_told(const char *setting)
{
    return setting && setting[0];
}

int origins_read(struct origins *origins, const struct store_settings *settings, struct err *err)
{
    int rc = 0;

    if (is_told(settings->images_dir))
        rc = images_read(origins, settings->images_dir, err);
    if (rc == 0 && is_told(settings->upstream_credentials))
        rc = credentials_read(origins, settings->upstream_credentials, err);
    if (rc == 0 && is_told(settings->go_sumdb))
        sumdb_take(origins, settings->go_sumdb);
    return rc;
}

/* --- what it has not --- */

static char *miss_path(const struct item_path *at)
{
    return xasprintf("%s/%s", at->repo, at->path);
}

/* FNV-1a: the one place where a path's miss may be. */
static struct missed *miss_place(const struct origins *origins, const char *path)
{
    uint64_t hash = 14695981039346656037u;

    for (const char *at = path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return &origins->misses[hash % MISSES];
}

void origins_miss(struct origins *origins, const struct item_path *at, enum miss why,
                  int64_t until_ms)
{
    char *path = miss_path(at);

    if (!origins->misses)
        origins->misses = xcalloc(MISSES, sizeof *origins->misses);
    struct missed *miss = miss_place(origins, path);
    free(miss->path);
    *miss = (struct missed){ .path = path, .why = why, .until_ms = until_ms };
}

enum miss origins_misses(const struct origins *origins, const struct item_path *at, int64_t now_ms)
{
    auto_free char *path = miss_path(at);

    if (!origins->misses)
        return MISS_NOT;
    const struct missed *missed = miss_place(origins, path);
    bool is_it = missed->path && strcmp(missed->path, path) == 0 && missed->until_ms > now_ms;
    return is_it ? missed->why : MISS_NOT;
}

void origins_forget_miss(struct origins *origins, const struct item_path *at)
{
    auto_free char *path = miss_path(at);

    if (!origins->misses)
        return;
    struct missed *miss = miss_place(origins, path);
    if (miss->path && strcmp(miss->path, path) == 0)
        free(take_ptr(miss->path));
}

/* --- that it is away --- */

static struct away *away_find(const struct origins *origins, const char *repo)
{
    for (size_t i = 0; i < origins->away_count; i++)
        if (strcmp(origins->away[i].repo, repo) == 0)
            return (struct away *)&origins->away[i];
    return NULL;
}

void origins_away(struct origins *origins, const char *repo, int64_t until_ms)
{
    struct away *away = away_find(origins, repo);

    if (!away && origins->away_count < STORE_REPOSITORIES_MAX) {
        away = &origins->away[origins->away_count++];
        snprintf(away->repo, sizeof away->repo, "%s", repo);
    }
    if (away)
        away->until_ms = until_ms;
}

bool origins_is_away(const struct origins *origins, const char *repo, int64_t now_ms)
{
    const struct away *away = away_find(origins, repo);
    return away && away->until_ms > now_ms;
}
