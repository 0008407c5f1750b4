#include "store/core/aql_field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sos/base/auto.h"
#include "store/core/when.h"

static const struct aql_field_rule rules[] = {
    [AQL_REPO] = { "repo", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, true },
    [AQL_PATH] = { "path", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, true },
    [AQL_NAME] = { "name", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, true },
    [AQL_ITEM_TYPE] = { "type", AQL_ITEMS, AQL_OF_ITEM, AQL_TYPE, true },
    [AQL_SIZE] = { "size", AQL_ITEMS, AQL_OF_ITEM, AQL_NUMBER, true },
    [AQL_CREATED] = { "created", AQL_ITEMS, AQL_OF_ITEM, AQL_TIME, true },
    [AQL_CREATED_BY] = { "created_by", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, true },
    [AQL_MODIFIED] = { "modified", AQL_ITEMS, AQL_OF_ITEM, AQL_TIME, true },
    [AQL_MODIFIED_BY] = { "modified_by", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, true },
    [AQL_UPDATED] = { "updated", AQL_ITEMS, AQL_OF_ITEM, AQL_TIME, true },
    [AQL_DEPTH] = { "depth", AQL_ITEMS, AQL_OF_ITEM, AQL_NUMBER, false },
    [AQL_ORIGINAL_MD5] = { "original_md5", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, false },
    [AQL_ORIGINAL_SHA1] = { "original_sha1", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, false },
    [AQL_ACTUAL_MD5] = { "actual_md5", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, false },
    [AQL_ACTUAL_SHA1] = { "actual_sha1", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, false },
    [AQL_SHA256] = { "sha256", AQL_ITEMS, AQL_OF_ITEM, AQL_TEXT, false },
    [AQL_AT_KEY] = { "@", AQL_ITEMS, AQL_OF_PROPERTY, AQL_TEXT, false },
    [AQL_PROPERTY_KEY] = { "property.key", AQL_ITEMS, AQL_OF_PROPERTY, AQL_TEXT, false },
    [AQL_PROPERTY_VALUE] = { "property.value", AQL_ITEMS, AQL_OF_PROPERTY, AQL_TEXT, false },
    [AQL_STAT_DOWNLOADS] = { "stat.downloads", AQL_ITEMS, AQL_OF_STAT, AQL_NUMBER, false },
    [AQL_STAT_DOWNLOADED] = { "stat.downloaded", AQL_ITEMS, AQL_OF_STAT, AQL_TIME, false },
    [AQL_STAT_DOWNLOADED_BY] = { "stat.downloaded_by", AQL_ITEMS, AQL_OF_STAT, AQL_TEXT, false },
    [AQL_ARTIFACT_NAME] = { "artifact.name", AQL_ITEMS, AQL_OF_ARTIFACT, AQL_TEXT, false },
    [AQL_ARTIFACT_TYPE] = { "artifact.type", AQL_ITEMS, AQL_OF_ARTIFACT, AQL_TEXT, false },
    [AQL_ARTIFACT_MODULE] = { "artifact.module.name", AQL_ITEMS, AQL_OF_ARTIFACT, AQL_TEXT, false },
    [AQL_ARTIFACT_BUILD_NAME] = { "artifact.module.build.name", AQL_ITEMS, AQL_OF_ARTIFACT,
                                  AQL_TEXT, false },
    [AQL_ARTIFACT_BUILD_NUMBER] = { "artifact.module.build.number", AQL_ITEMS, AQL_OF_ARTIFACT,
                                    AQL_TEXT, false },
    [AQL_ARTIFACT_BUILD_STARTED] = { "artifact.module.build.started", AQL_ITEMS, AQL_OF_ARTIFACT,
                                     AQL_TIME, false },
    [AQL_DEPENDENCY_NAME] = { "dependency.name", AQL_ITEMS, AQL_OF_DEPENDENCY, AQL_TEXT, false },
    [AQL_DEPENDENCY_TYPE] = { "dependency.type", AQL_ITEMS, AQL_OF_DEPENDENCY, AQL_TEXT, false },
    [AQL_DEPENDENCY_MODULE] = { "dependency.module.name", AQL_ITEMS, AQL_OF_DEPENDENCY, AQL_TEXT,
                                false },
    [AQL_DEPENDENCY_BUILD_NAME] = { "dependency.module.build.name", AQL_ITEMS, AQL_OF_DEPENDENCY,
                                    AQL_TEXT, false },
    [AQL_DEPENDENCY_BUILD_NUMBER] = { "dependency.module.build.number", AQL_ITEMS,
                                      AQL_OF_DEPENDENCY, AQL_TEXT, false },
    [AQL_DEPENDENCY_BUILD_STARTED] = { "dependency.module.build.started", AQL_ITEMS,
                                       AQL_OF_DEPENDENCY, AQL_TIME, false },
    [AQL_BUILD_NAME] = { "name", AQL_BUILDS, AQL_OF_BUILD, AQL_TEXT, true },
    [AQL_BUILD_NUMBER] = { "number", AQL_BUILDS, AQL_OF_BUILD, AQL_TEXT, true },
    [AQL_BUILD_STARTED] = { "started", AQL_BUILDS, AQL_OF_BUILD, AQL_TIME, true },
    [AQL_MODULE_NAME] = { "module.name", AQL_BUILDS, AQL_OF_MODULE, AQL_TEXT, false },
    [AQL_MODULE_ARTIFACT_NAME] = { "module.artifact.name", AQL_BUILDS, AQL_OF_MODULE_ARTIFACT,
                                   AQL_TEXT, false },
    [AQL_MODULE_ARTIFACT_TYPE] = { "module.artifact.type", AQL_BUILDS, AQL_OF_MODULE_ARTIFACT,
                                   AQL_TEXT, false },
    [AQL_MODULE_ARTIFACT_SHA1] = { "module.artifact.sha1", AQL_BUILDS, AQL_OF_MODULE_ARTIFACT,
                                   AQL_TEXT, false },
    [AQL_MODULE_ARTIFACT_MD5] = { "module.artifact.md5", AQL_BUILDS, AQL_OF_MODULE_ARTIFACT,
                                  AQL_TEXT, false },
    [AQL_MODULE_DEPENDENCY_NAME] = { "module.dependency.name", AQL_BUILDS, AQL_OF_MODULE_DEPENDENCY,
                                     AQL_TEXT, false },
    [AQL_MODULE_DEPENDENCY_TYPE] = { "module.dependency.type", AQL_BUILDS, AQL_OF_MODULE_DEPENDENCY,
                                     AQL_TEXT, false },
    [AQL_MODULE_DEPENDENCY_SHA1] = { "module.dependency.sha1", AQL_BUILDS, AQL_OF_MODULE_DEPENDENCY,
                                     AQL_TEXT, false },
    [AQL_MODULE_DEPENDENCY_MD5] = { "module.dependency.md5", AQL_BUILDS, AQL_OF_MODULE_DEPENDENCY,
                                    AQL_TEXT, false },
};

const struct aql_field_rule *aql_field_rule(enum aql_field field)
{
    return &rules[field];
}

bool aql_field_find(enum aql_domain domain, const char *name, enum aql_field *ret)
{
    for (size_t i = 0; i < countof(rules); i++)
        if (rules[i].domain == domain && strcmp(rules[i].name, name) == 0 && i != AQL_AT_KEY) {
            *ret = (enum aql_field)i;
            return true;
        }
    return false;
}

/* --- values --- */

static bool number_parse(const char *text, int64_t *ret)
{
    char *end;

    if (*text != '-' && (*text < '0' || *text > '9'))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno == ERANGE)
        return false;
    *ret = number;
    return true;
}

static int type_parse(const char *text, int64_t *ret, struct err *err)
{
    static const char *const names[] = { "file", "folder", "any" };

    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (int64_t)i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "'%.60s' is no type; there are file, folder and any", text);
}

int aql_value_parse(enum aql_type type, const char *text, int64_t *ret, struct err *err)
{
    if (type == AQL_TYPE)
        return type_parse(text, ret, err);
    if (number_parse(text, ret) || (type == AQL_TIME && when_iso_parse(text, ret)))
        return 0;
    return type == AQL_TIME
               ? err_set(err, ERR_INVALID,
                         "'%.60s' is no date; it is written 2026-02-28T12:00:00Z, or as"
                         " milliseconds since 1970",
                         text)
               : err_set(err, ERR_INVALID, "'%.60s' is no whole number", text);
}

#define SECOND_MS INT64_C(1000)

static int64_t months_ago(int64_t now_ms, int months)
{
    time_t now = (time_t)(now_ms / SECOND_MS);
    struct tm tm;

    gmtime_r(&now, &tm);
    tm.tm_mon -= months;
    return (int64_t)timegm(&tm) * SECOND_MS + now_ms % SECOND_MS;
}

int aql_ago_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct err *err)
{
    static const struct {
        const char *name;
        int64_t ms;
        int months;
    } units[] = {
        { "mills", 1, 0 },
        { "ms", 1, 0 },
        { "seconds", SECOND_MS, 0 },
        { "s", SECOND_MS, 0 },
        { "minutes", 60 * SECOND_MS, 0 },
        { "days", 86400 * SECOND_MS, 0 },
        { "d", 86400 * SECOND_MS, 0 },
        { "weeks", 7 * 86400 * SECOND_MS, 0 },
        { "w", 7 * 86400 * SECOND_MS, 0 },
        { "months", 0, 1 },
        { "mo", 0, 1 },
        { "years", 0, 12 },
        { "y", 0, 12 },
    };
    size_t digits = strspn(text, "0123456789");
    int64_t count = digits > 0 && digits < 10 ? strtoll(text, NULL, 10) : -1;

    for (size_t i = 0; count >= 0 && i < countof(units); i++) {
        if (strcmp(text + digits, units[i].name) != 0)
            continue;
        if (units[i].months && count > 12 * 1000)
            break;
        *ret_ms = units[i].months ? months_ago(now_ms, (int)count * units[i].months)
                                  : now_ms - count * units[i].ms;
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "'%.60s' is no span of time; it is written 5d, 10minutes, 2w, 3mo or 1y", text);
}
