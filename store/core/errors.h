/* errors.h - errors as clients of Artifactory read them:
 *
 *     {"errors": [{"status": 404, "message": "Unable to find item"}]}
 *
 * dohq-artifactory and jf look for some of the texts, so they stand here once. */
#pragma once
#include "store/core/path.h"

#define TEXT_NO_ITEM       "Unable to find item"
#define TEXT_NO_PROPERTIES "No properties could be found."
#define TEXT_NO_FILE       "File not found."
#define TEXT_NO_VERSIONS   "Unable to find artifact versions"
#define TEXT_UNAUTHORIZED  "Authentication is required"
#define TEXT_BAD_TOKEN     "Bad credentials"
#define TEXT_BUILD_REPO    "artifactory-build-info holds what is published to api/build"

enum { ERROR_TEXT_MAX = 2048 };

/* Gives the JSON text (free()). */
char *error_json(int status, const char *message);
/* The same with "error": "message" beside it. */
char *error_json_npm(int status, const char *message);

void error_no_overwrite(const struct item_path *item, const char *user, char ret[ERROR_TEXT_MAX]);
void error_no_permission(const char *verb, const struct item_path *item, const char *user,
                         char ret[ERROR_TEXT_MAX]);
void error_nothing_to_delete(const struct item_path *item, char ret[ERROR_TEXT_MAX]);
void error_no_repository(const char *repo, char ret[ERROR_TEXT_MAX]);
void error_checksum_policy(const struct item_path *item, const char *info,
                           char ret[ERROR_TEXT_MAX]);
