/* aql_field.h - the fields a query may name, and the values they take. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

enum aql_domain { AQL_ITEMS, AQL_BUILDS };

/* What a field is about: the rows searched, or something of which each may have many. */
enum aql_scope {
    AQL_OF_ITEM,
    AQL_OF_PROPERTY,
    AQL_OF_STAT,
    AQL_OF_ARTIFACT,   /* an artifact of a build that has the item's bytes, with module and build */
    AQL_OF_DEPENDENCY, /* a dependency of a build that has them */
    AQL_OF_BUILD,
    AQL_OF_MODULE,
    AQL_OF_MODULE_ARTIFACT,
    AQL_OF_MODULE_DEPENDENCY,
    AQL_SCOPES,
};

enum aql_type { AQL_TEXT, AQL_NUMBER, AQL_TIME, AQL_TYPE };
enum aql_item_type { AQL_FILE, AQL_FOLDER, AQL_ANY };

enum aql_field {
    AQL_REPO,
    AQL_PATH, /* "." of what lies in the root */
    AQL_NAME,
    AQL_ITEM_TYPE,
    AQL_SIZE,
    AQL_CREATED,
    AQL_CREATED_BY,
    AQL_MODIFIED,
    AQL_MODIFIED_BY,
    AQL_UPDATED,
    AQL_DEPTH, /* 1 in the root */
    AQL_ORIGINAL_MD5,
    AQL_ORIGINAL_SHA1,
    AQL_ACTUAL_MD5,
    AQL_ACTUAL_SHA1,
    AQL_SHA256,
    AQL_AT_KEY, /* "@key": the value of the property of that key */
    AQL_PROPERTY_KEY,
    AQL_PROPERTY_VALUE,
    AQL_STAT_DOWNLOADS,
    AQL_STAT_DOWNLOADED,
    AQL_STAT_DOWNLOADED_BY,
    AQL_ARTIFACT_NAME,
    AQL_ARTIFACT_TYPE,
    AQL_ARTIFACT_MODULE,
    AQL_ARTIFACT_BUILD_NAME,
    AQL_ARTIFACT_BUILD_NUMBER,
    AQL_ARTIFACT_BUILD_STARTED,
    AQL_DEPENDENCY_NAME,
    AQL_DEPENDENCY_TYPE,
    AQL_DEPENDENCY_MODULE,
    AQL_DEPENDENCY_BUILD_NAME,
    AQL_DEPENDENCY_BUILD_NUMBER,
    AQL_DEPENDENCY_BUILD_STARTED,
    AQL_BUILD_NAME, /* from here on of builds.find */
    AQL_BUILD_NUMBER,
    AQL_BUILD_STARTED,
    AQL_MODULE_NAME,
    AQL_MODULE_ARTIFACT_NAME,
    AQL_MODULE_ARTIFACT_TYPE,
    AQL_MODULE_ARTIFACT_SHA1,
    AQL_MODULE_ARTIFACT_MD5,
    AQL_MODULE_DEPENDENCY_NAME,
    AQL_MODULE_DEPENDENCY_TYPE,
    AQL_MODULE_DEPENDENCY_SHA1,
    AQL_MODULE_DEPENDENCY_MD5,
    AQL_FIELDS,
};

struct aql_field_rule {
    const char *name; /* as a query writes it */
    enum aql_domain domain;
    enum aql_scope scope;
    enum aql_type type;
    bool shown; /* of each row, when the query does not say */
};
const struct aql_field_rule *aql_field_rule(enum aql_field field);
/* false: the domain has no such field ("@key" is not looked for here). */
bool aql_field_find(enum aql_domain domain, const char *name, enum aql_field *ret);

/* The value of a field that is no text, from what a query says: a whole number; a date, ISO 8601 or
 * milliseconds since 1970; "file", "folder" or "any".  -ERR_INVALID. */
int aql_value_parse(enum aql_type type, const char *text, int64_t *ret, struct err *err);
/* "5d", "10minutes", "2w", "3mo", "1y": a point in time that long before `now_ms`. */
int aql_ago_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct err *err);
