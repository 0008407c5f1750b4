/* rules.h - what a build may ask of the store: files of the repositories it is given, and nothing
 * else there.
 *
 *   /artifactory/api/go/REPOSITORY/…     /artifactory/api/pypi/REPOSITORY/simple/… and packages/…
 *   /artifactory/api/npm/REPOSITORY/…    /artifactory/REPOSITORY/…   (Maven)
 *
 * Pure.  A path is judged as it will be after any number of decodings: an element "..", hidden or
 * not, a matrix parameter or a sign that must be encoded is refused. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/err.h"

#define RULES_BASE "/artifactory" /* as clients of a store see it */

enum { RULES_PATH_MAX = 1024, RULES_NAME_MAX = 64 };

enum rules_type { RULES_GO, RULES_NPM, RULES_PYPI, RULES_MAVEN, RULES_TYPES };

/* The key of each type's repository; "" for none.  Borrowed. */
struct rules {
    const char *repositories[RULES_TYPES];
};

/* Where a path that may be asked for leads; borrows the rules and the path. */
struct rules_target {
    enum rules_type type;
    const char *repository;
    const char *path;         /* below the repository, as it was asked for */
    bool metadata;            /* says what there is, or a sum; not a file of a package */
    char url[RULES_PATH_MAX]; /* all of the path, decoded: one name for one file, however asked */
};

/* A repository's key, so that it can stand in a path: letters, digits, '.', '_' and '-', and not
 * the folder of the store's own calls. */
bool rules_name_is_plain(const char *name);
/* `path` is raw, without its query.  -ERR_DENIED, with what may be asked for. */
int rules_check(const struct rules *rules, const char *path, struct rules_target *ret,
                struct err *err);
