/* npm.h - names, versions and paths of the npm registry's API.
 *
 *     /api/npm/REPO/@scope%2fname                     the package's document
 *     /api/npm/REPO/name/1.0.0                        one version's manifest; a tag's, too
 *     /api/npm/REPO/@scope/name/-/name-1.0.0.tgz      its bytes
 *     /api/npm/REPO/-/package/name/dist-tags/latest
 *
 * In the repository a version is two items: the tarball, `name/-/name-1.0.0.tgz`, and its manifest
 * as it was published, `.npm/name/1.0.0.json`.  Tags and a deprecation are properties of the
 * tarball (NPM_PROP_…), which Artifactory names alike.
 *
 * The API is the one the registry's clients speak: github.com/npm/registry docs, and npm's own
 * libnpmpublish, libnpmaccess, npm-profile and pacote. */
#pragma once
#include <stdbool.h>

#include "store/core/path.h"

enum {
    NPM_NAME_MAX = 214,
    NPM_VERSION_MAX = 128,
    NPM_TAG_MAX = 128,
    NPM_FILE_MAX = ITEM_NAME_MAX,
    NPM_REV_MAX = 80,
};

#define NPM_PROP_NAME       "npm.name"
#define NPM_PROP_VERSION    "npm.version"
#define NPM_PROP_TAG        "npm.disttag"
#define NPM_PROP_DEPRECATED "npm.deprecated"

enum npm_what {
    NPM_NONE,       /* no such path */
    NPM_PING,       /* -/ping */
    NPM_WHOAMI,     /* -/whoami */
    NPM_WEB_LOGIN,  /* -/v1/login */
    NPM_USER,       /* -/user/org.couchdb.user:NAME */
    NPM_SEARCH,     /* -/v1/search */
    NPM_ADVISORIES, /* -/npm/v1/security/… */
    NPM_TAGS,       /* -/package/NAME/dist-tags */
    NPM_TAG,        /* -/package/NAME/dist-tags/TAG */
    NPM_PACKAGE,    /* NAME, or NAME/-rev/REV */
    NPM_VERSION,    /* NAME/VERSION-OR-TAG */
    NPM_TARBALL,    /* NAME/-/FILE, or NAME/-/FILE/-rev/REV */
};

struct npm_path {
    char repo[REPO_KEY_MAX + 1];
    enum npm_what what;
    char name[NPM_NAME_MAX + 1];       /* "@scope/name" */
    char version[NPM_VERSION_MAX + 1]; /* or a tag; of a tarball the one its file's name tells */
    char tag[NPM_TAG_MAX + 1];
    char rev[NPM_REV_MAX + 1]; /* "": none */
};

/* `raw` is "REPO/…", still encoded.  What no npm client means is NPM_NONE.  -ERR_INVALID: bad
 * escapes, or a repository key that cannot be; -ERR_LIMIT: too long. */
int npm_path_parse(const char *raw, struct npm_path *ret, struct err *err);

/* Any name there ever was: [@scope/]name of bytes that stand in a URL as they are, not beginning
 * with a dot, and none that is a part of the API. */
bool npm_name_is_valid(const char *name);
/* As npm takes it for something new: lower case, and no underscore first. */
bool npm_name_is_new(const char *name);
/* A whole version, MAJOR.MINOR.PATCH[-pre][+build] (semver.org 2.0.0), at most NPM_VERSION_MAX. */
bool npm_version_is_valid(const char *version);
/* Precedence of two valid versions (semver.org 2.0.0, 11), build left out: < 0, 0, > 0. */
int npm_version_compare(const char *a, const char *b);
bool npm_version_is_prerelease(const char *version);
/* A tag is no version, nor begins like one. */
bool npm_tag_is_valid(const char *tag);

/* "name" of "@scope/name". */
const char *npm_name_base(const char *name);
/* "name-1.0.0.tgz"; the version then, as long as it is one. */
void npm_file_name(const char *name, const char *version, char ret[ITEM_PATH_MAX + 1]);
bool npm_file_version(const char *name, const char *file, char ret[NPM_VERSION_MAX + 1]);

/* Where things lie: -ERR_LIMIT or -ERR_INVALID when an item cannot be called that. */
int npm_tarball_at(const char *repo, const char *name, const char *version, struct item_path *ret,
                   struct err *err);
/* `.npm/NAME/WHAT.json`: of a version, or a document kept from an upstream. */
int npm_metadata_at(const char *repo, const char *name, const char *what, struct item_path *ret,
                    struct err *err);

/* Does this Accept header (may be NULL) ask for the abbreviated document rather than the full? */
bool npm_wants_abbreviated(const char *accept);
