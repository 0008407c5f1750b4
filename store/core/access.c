#include "store/core/access.h"

#include <stdio.h>
#include <string.h>

#include "store/core/path.h"
#include "store/core/text.h"

enum { ACCESS_USER = ACCESS_READ | ACCESS_PUSH | ACCESS_ANNOTATE, ACCESS_ALL = 63 };

/* One word, taken apart: `access` at what begins with `path`, of `repo`. */
struct rule {
    int access;
    char repo[REPO_KEY_MAX + 1]; /* "*": any */
    char path[ITEM_PATH_MAX + 1];
    bool open; /* it ended in '*': any rest of the text, not only what lies below */
};

/* --- words --- */

static bool word_is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

/* The next word and its length; NULL: that was the last. */
static const char *word_next(const char **at, size_t *ret_len)
{
    const char *word = *at + strspn(*at, " ");

    *ret_len = strcspn(word, " ");
    *at = word + *ret_len;
    return *ret_len > 0 ? word : NULL;
}

/* "r,w,n": the bits, or -1. */
static int actions_parse(const char *text, size_t len)
{
    static const char letters[] = "rwndm"; /* in the order of the bits */
    int access = 0;

    if (len % 2 == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        const char *letter = memchr(letters, text[i], sizeof letters - 1);
        if (i % 2 == 0 ? !letter : text[i] != ',')
            return -1;
        if (letter)
            access |= 1 << (letter - letters);
    }
    return access;
}

/* "REPO/PATH", still encoded. */
static int place_parse(const char *text, size_t len, struct rule *ret, struct err *err)
{
    const char *slash = memchr(text, '/', len);
    size_t key_len = slash ? (size_t)(slash - text) : len;

    if (key_len == 0 || key_len > REPO_KEY_MAX)
        return err_set(err, ERR_INVALID, "a scope's repository has 1 to %d letters", REPO_KEY_MAX);
    memcpy(ret->repo, text, key_len);
    ret->repo[key_len] = '\0';
    if (strcmp(ret->repo, "*") != 0 && !repo_key_is_valid(ret->repo))
        return err_set(err, ERR_INVALID, "'%s' is not a repository key", ret->repo);
    ret->path[0] = '\0';
    ret->open = false;
    if (!slash)
        return 0;
    int rc = text_decode(slash + 1, len - key_len - 1, false, ret->path, sizeof ret->path, err);
    size_t path_len = rc < 0 ? 0 : strlen(ret->path);
    while (path_len > 0 && ret->path[path_len - 1] == '*')
        ret->open = true, path_len--;
    if (!ret->open && path_len > 0 && ret->path[path_len - 1] == '/')
        path_len--;
    ret->path[path_len] = '\0';
    if (rc == 0 && strchr(ret->path, '*'))
        return err_set(err, ERR_INVALID, "a scope's path may have '*' at its end only");
    return rc;
}

static int rule_parse(const char *word, size_t len, struct rule *ret, struct err *err)
{
    static const char artifact[] = "artifact:";
    size_t skip = sizeof artifact - 1;

    *ret = (struct rule){ .repo = "*" };
    if (word_is(word, len, SCOPE_ADMIN))
        ret->access = ACCESS_ALL;
    else if (word_is(word, len, SCOPE_USER))
        ret->access = ACCESS_USER;
    else if (word_is(word, len, SCOPE_READERS))
        ret->access = ACCESS_READ;
    if (ret->access != 0)
        return 0;
    const char *colon = len > skip && memcmp(word, artifact, skip) == 0
                            ? memrchr(word + skip, ':', len - skip)
                            : NULL;
    if (!colon)
        return err_set(err, ERR_INVALID, "'%.*s' is not a scope this store knows",
                       len < 80 ? (int)len : 80, word);
    ret->access = actions_parse(colon + 1, len - (size_t)(colon + 1 - word));
    if (ret->access < 0)
        return err_set(err, ERR_INVALID, "a scope's actions are some of r,w,n,d,m");
    return place_parse(word + skip, (size_t)(colon - word) - skip, ret, err);
}

int scope_check(const char *scope, struct err *err)
{
    struct rule rule;
    size_t len;
    size_t count = 0;
    int rc = 0;

    if (strlen(scope) >= SCOPE_MAX)
        return err_set(err, ERR_LIMIT, "a scope has at most %d bytes", SCOPE_MAX - 1);
    for (const char *word; rc == 0 && (word = word_next(&scope, &len)); count++)
        rc = rule_parse(word, len, &rule, err);
    if (rc == 0 && count == 0)
        return err_set(err, ERR_INVALID, "the scope is empty");
    if (rc == 0 && count > SCOPE_WORDS_MAX)
        return err_set(err, ERR_LIMIT, "a scope has at most %d words", SCOPE_WORDS_MAX);
    return rc;
}

/* --- what they allow --- */

static bool rule_covers(const struct rule *rule, const char *repo, const char *path)
{
    size_t len = strlen(rule->path);

    if (!repo)
        return true;
    if (strcmp(rule->repo, "*") != 0 && strcmp(rule->repo, repo) != 0)
        return false;
    if (!path || len == 0)
        return true;
    if (strncmp(path, rule->path, len) != 0)
        return false;
    return rule->open || path[len] == '\0' || path[len] == '/';
}

bool scope_allows(const char *scope, int access, const char *repo, const char *path)
{
    struct rule rule;
    size_t len;

    for (const char *word; access != 0 && (word = word_next(&scope, &len));)
        if (rule_parse(word, len, &rule, NULL) == 0 && rule_covers(&rule, repo, path))
            access &= ~rule.access;
    return access == 0;
}

bool scope_is_part(const char *scope, const char *whole)
{
    size_t len;
    size_t other_len;

    for (const char *word; (word = word_next(&scope, &len));) {
        const char *at = whole;
        const char *other;
        while ((other = word_next(&at, &other_len)) &&
               (other_len != len || memcmp(word, other, len) != 0))
            ;
        if (!other)
            return false;
    }
    return true;
}

const char *access_verb(int access)
{
    static const char *const verbs[] = { "read", "deploy to", "annotate", "delete", "manage" };

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (access & 1 << i)
            return verbs[i];
    return "administer";
}
