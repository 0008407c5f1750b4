/* build_info.h - what a build's publisher tells of it, as JSON: name, number, when it began, and by
 * module what it made (artifacts) and used (dependencies).
 *
 * It is kept as a file of the repository artifactory-build-info, which is the truth:
 *
 *     artifactory-build-info/NAME/NUMBER-STARTED.json     STARTED: milliseconds since 1970
 *
 * Source: JFrog's REST documentation, "Build Upload"; the JSON is that of build-info 1.0.1. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "store/core/path.h"

#define BUILD_REPO "artifactory-build-info"

enum {
    BUILD_INFO_BYTES_MAX = 16 << 20,
    BUILD_NAME_MAX = 255,
    BUILD_MODULES_MAX = 10000,
    BUILD_FILES_MAX = 200000, /* artifacts and dependencies of all modules */
};

struct build_info {
    char name[BUILD_NAME_MAX + 1];
    char number[BUILD_NAME_MAX + 1];
    int64_t started_ms;
    json_t *json; /* owned: all of it */
};

/* Checks the shape of what is read here and below; the rest is kept as it is.  -ERR_INVALID,
 * -ERR_LIMIT. */
int build_info_parse(const char *text, size_t len, struct build_info *ret, struct err *err);
/* Takes the JSON, whatever it returns. */
int build_info_take(json_t *json, struct build_info *ret, struct err *err);
void build_info_done(struct build_info *info);

/* Where its file is.  -ERR_LIMIT: a name too long for a path. */
int build_info_path(const struct build_info *info, struct item_path *ret, struct err *err);
/* The folder of all builds of that name. */
int build_folder(const char *name, struct item_path *ret, struct err *err);
/* "2026-02-02T02:40:00.000+0000", as `started` is written. */
enum { BUILD_TIME_MAX = 40 };
void build_time(int64_t wall_ms, char ret[BUILD_TIME_MAX]);

/* An artifact or a dependency.  Text is borrowed from the JSON; "" when it was not told. */
struct build_file {
    const char *module;
    const char *name; /* of an artifact its name, of a dependency its id */
    const char *type;
    const char *repo;     /* artifact: where it was put … */
    const char *path;     /* … */
    const json_t *scopes; /* dependency; may be NULL */
    const char *sha1;
    const char *md5;
    const char *sha256;
};
enum build_kind { BUILD_ARTIFACTS, BUILD_DEPENDENCIES };
/* Module `index` of `info->json`; NULL past the last. */
const json_t *build_module(const struct build_info *info, size_t index);
const char *build_module_name(const json_t *module);
/* File `index` of the module; false past the last. */
bool build_module_file(const json_t *module, enum build_kind kind, size_t index,
                       struct build_file *ret);
