#include "store/core/retention.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "store/core/props.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, DAYS_MAX = 36500, KEEP_MAX = 1000000 };

static int place_parse(const char *word, struct retention_rule *ret, struct err *err)
{
    size_t len = strcspn(word, "/");
    const char *pattern = word[len] ? word + len + 1 : "";

    if (len == 0 || len > REPO_KEY_MAX || strlen(pattern) > ITEM_PATH_MAX)
        return err_set(err, ERR_INVALID, "retention: '%.80s' names no repository", word);
    memcpy(ret->repo, word, len);
    memcpy(ret->pattern, pattern, strlen(pattern) + 1);
    return 0;
}

static int keep_parse(const char *text, struct retention_rule *ret, struct err *err)
{
    char *end;
    long keep = strtol(text, &end, 10);

    if (end == text || *end || keep < 1 || keep > KEEP_MAX)
        return err_set(err, ERR_INVALID, "retention: keep=%.40s is no number from 1 to %d", text,
                       KEEP_MAX);
    ret->keep = keep;
    return 0;
}

/* In days, which durations have no letter for, or as any other. */
static int age_parse(const char *text, struct retention_rule *ret, struct err *err)
{
    char *end;
    long days = strtol(text, &end, 10);

    if (end != text && strcmp(end, "d") == 0 && days >= 0 && days <= DAYS_MAX) {
        ret->age_ms = (int64_t)days * DAY_MS;
        return 0;
    }
    int rc = clock_parse_duration(text, &ret->age_ms, err);
    if (rc < 0)
        err_wrap(err, "retention: age");
    return rc;
}

static int property_parse(const char *text, struct retention_rule *ret, struct err *err)
{
    size_t len = strcspn(text, "=");

    ret->has_value = text[len] == '=';
    if (len == 0 || len >= sizeof ret->key || strlen(text) - len >= sizeof ret->value)
        return err_set(err, ERR_INVALID, "retention: '%.80s' is no property", text);
    memcpy(ret->key, text, len);
    ret->key[len] = '\0';
    if (ret->has_value)
        memcpy(ret->value, text + len + 1, strlen(text + len + 1) + 1);
    return prop_key_is_valid(ret->key)
               ? 0
               : err_set(err, ERR_INVALID, "retention: '%.80s' is no property", text);
}

static int word_parse(const char *word, struct retention_rule *ret, struct err *err)
{
    static const char property[] = "unless-property=";

    if (!ret->repo[0])
        return place_parse(word, ret, err);
    if (strcmp(word, "folders") == 0) {
        ret->folders = true;
        return 0;
    }
    if (strncmp(word, "keep=", 5) == 0)
        return keep_parse(word + 5, ret, err);
    if (strncmp(word, "age=", 4) == 0)
        return age_parse(word + 4, ret, err);
    if (strncmp(word, property, sizeof property - 1) == 0)
        return property_parse(word + sizeof property - 1, ret, err);
    return err_set(err, ERR_INVALID, "retention: '%.80s' is no condition", word);
}

int retention_parse(const char *text, struct retention_rule *ret, struct err *err)
{
    struct retention_rule rule = { .keep = -1, .age_ms = -1 };
    auto_free char *words = xstrdup(text + strspn(text, " \t"));
    char *rest = words;
    int rc = 0;

    if (strlen(words) >= sizeof rule.text)
        return err_set(err, ERR_INVALID, "retention: a rule is longer than %d bytes",
                       RETENTION_TEXT_MAX - 1);
    snprintf(rule.text, sizeof rule.text, "%s", words);
    for (char *word; rc == 0 && (word = strsep(&rest, " \t"));)
        if (*word)
            rc = word_parse(word, &rule, err);
    if (rc == 0 && rule.keep < 0 && rule.age_ms < 0)
        rc = err_set(err, ERR_INVALID, "retention: '%.80s' tells neither keep= nor age=", text);
    if (rc == 0)
        *ret = rule;
    return rc;
}

bool retention_matches(const struct retention_rule *rule, const char *path)
{
    return rule->pattern[0] == '\0' || fnmatch(rule->pattern, path, 0) == 0;
}

bool retention_is_over(const struct retention_rule *rule, int64_t rank, int64_t modified_ms,
                       int64_t now_ms)
{
    return (rule->keep < 0 || rank >= rule->keep) &&
           (rule->age_ms < 0 || now_ms - modified_ms > rule->age_ms);
}
