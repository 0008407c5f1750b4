#include "store/core/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/pattern.h"

static const char *const types[REPO_TYPES] = { "generic", "maven", "npm", "pypi", "go" };
static const char *const classes[REPO_CLASSES] = { "local", "remote", "virtual" };

static int name_find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *repo_type_name(enum repo_type type)
{
    return types[type];
}

const char *repo_class_name(enum repo_class class)
{
    return classes[class];
}

int repo_type_parse(const char *name)
{
    return name_find(types, REPO_TYPES, name);
}

int repo_class_parse(const char *name)
{
    return name_find(classes, REPO_CLASSES, name);
}

bool repo_next_member(const char **at, char ret_key[REPO_KEY_MAX + 1])
{
    size_t len = strcspn(*at, "+");

    if (len == 0)
        return false;
    snprintf(ret_key, REPO_KEY_MAX + 1, "%.*s", (int)len, *at);
    *at += len + ((*at)[len] == '+');
    return true;
}

/* A '+' is in no name. */
bool repo_mixes(const struct repository *repository, const char *name)
{
    size_t len = strlen(name);

    if (strcmp(repository->mix, "*") == 0)
        return true;
    for (const char *at = repository->mix; *at;) {
        size_t word = strcspn(at, "+");
        if (word == len && memcmp(at, name, len) == 0)
            return true;
        at += word + (at[word] == '+');
    }
    return false;
}

/* --- the words --- */

static bool url_is_plain(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;

    return scheme > 0 && url[scheme] != '\0' && url[scheme] != '/' && strlen(url) < REPO_URL_MAX &&
           !strpbrk(url, "?#\"<>\\^`{|}");
}

static bool members_are_keys(const char *members)
{
    char key[REPO_KEY_MAX + 1];

    for (const char *at = members; *at;) {
        size_t len = strcspn(at, "+");
        if (len == 0 || len > REPO_KEY_MAX || (at[len] == '+' && at[len + 1] == '\0'))
            return false;
        repo_next_member(&at, key);
        if (!repo_key_is_valid(key))
            return false;
    }
    return members[0] != '\0' && strlen(members) < REPO_MEMBERS_MAX;
}

static bool url_take(struct repository *ret, const char *url)
{
    if (!url_is_plain(url))
        return false;
    snprintf(ret->url, sizeof ret->url, "%s", url);
    for (size_t len = strlen(ret->url); ret->url[len - 1] == '/';)
        ret->url[--len] = '\0';
    return true;
}

/* Names as paths have them, or a lone star. */
static bool mix_is_names(const char *mix)
{
    size_t len = strlen(mix);

    if (strcmp(mix, "*") == 0)
        return true;
    return len > 0 && len < REPO_MEMBERS_MAX && mix[0] != '+' && mix[len - 1] != '+' &&
           strspn(mix, "abcdefghijklmnopqrstuvwxyz0123456789-+"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ@._~!/") == len &&
           !strstr(mix, "++");
}

static bool patterns_take(char ret[REPO_PATTERNS_MAX], const char *list)
{
    return pattern_list_is_valid(list) &&
           snprintf(ret, REPO_PATTERNS_MAX, "%s", list) < REPO_PATTERNS_MAX;
}

static bool pair_take(struct repository *ret, const char *word)
{
    if (strncmp(word, "url=", 4) == 0)
        return url_take(ret, word + 4);
    if (strncmp(word, "members=", 8) == 0 && members_are_keys(word + 8))
        return snprintf(ret->members, sizeof ret->members, "%s", word + 8) > 0;
    if (strncmp(word, "deploy=", 7) == 0 && repo_key_is_valid(word + 7))
        return snprintf(ret->deploy, sizeof ret->deploy, "%s", word + 7) > 0;
    if (strncmp(word, "mix=", 4) == 0 && mix_is_names(word + 4))
        return snprintf(ret->mix, sizeof ret->mix, "%s", word + 4) > 0;
    if (strncmp(word, "includes=", 9) == 0)
        return patterns_take(ret->includes, word + 9);
    if (strncmp(word, "excludes=", 9) == 0)
        return patterns_take(ret->excludes, word + 9);
    return false;
}

static bool word_take(struct repository *ret, const char *word)
{
    int type = repo_type_parse(word);
    int class = repo_class_parse(word);

    if (type >= 0)
        ret->type = (enum repo_type)type;
    else if (class >= 0)
        ret->class = (enum repo_class) class;
    else if (strcmp(word, "immutable") == 0)
        ret->immutable = true;
    else if (strcmp(word, "releases") == 0)
        ret->no_snapshots = true;
    else if (strcmp(word, "snapshots") == 0)
        ret->no_releases = true;
    else
        return pair_take(ret, word);
    return true;
}

static bool mix_is_normal(const char *mix)
{
    return strcmp(mix, "*") == 0 || mix[strspn(mix, "abcdefghijklmnopqrstuvwxyz0123456789-+")] == 0;
}

static int repo_check(const struct repository *repo, struct err *err)
{
    bool of_local = repo->immutable || repo->no_snapshots || repo->no_releases;
    bool of_virtual = repo->members[0] || repo->deploy[0];

    if (repo->class != REPO_LOCAL && of_local)
        return err_set(err, ERR_INVALID,
                       "repository %s: only a local one has rules for what is put"
                       " there",
                       repo->key);
    if (repo->class != REPO_REMOTE && repo->url[0])
        return err_set(err, ERR_INVALID, "repository %s: only a remote one has a url", repo->key);
    if (repo->class != REPO_VIRTUAL && of_virtual)
        return err_set(err, ERR_INVALID, "repository %s: only a virtual one has members and deploy",
                       repo->key);
    if (repo->mix[0] && (repo->class != REPO_VIRTUAL || repo->type == REPO_GENERIC))
        return err_set(err, ERR_INVALID,
                       "repository %s: only a virtual one of maven, npm, pypi or go has mix",
                       repo->key);
    if (repo->mix[0] && repo->type == REPO_PYPI && !mix_is_normal(repo->mix))
        return err_set(err, ERR_INVALID,
                       "repository %s: mix=%.80s: projects are told in their normal form (a-b)",
                       repo->key, repo->mix);
    if (repo->class == REPO_VIRTUAL && !repo->members[0])
        return err_set(err, ERR_INVALID, "repository %s: a virtual one needs members=KEY+KEY",
                       repo->key);
    if (repo->no_snapshots && repo->no_releases)
        return err_set(err, ERR_INVALID,
                       "repository %s: releases and snapshots are said by saying"
                       " neither",
                       repo->key);
    return 0;
}

int repo_parse(const char *text, struct repository *ret, struct err *err)
{
    auto_free char *copy = xstrdup(text);
    char *rest = copy;

    *ret = (struct repository){ 0 };
    for (char *word; (word = strsep(&rest, " \t"));) {
        if (!*word)
            continue;
        if (!ret->key[0] && repo_key_is_valid(word))
            snprintf(ret->key, sizeof ret->key, "%s", word);
        else if (!ret->key[0] || !word_take(ret, word))
            return err_set(err, ERR_INVALID, "repository '%.60s': '%.80s' is not understood", text,
                           word);
    }
    if (!ret->key[0])
        return err_set(err, ERR_INVALID, "a repository has no key");
    return repo_check(ret, err);
}
