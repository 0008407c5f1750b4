/* repo.h - what a repository is, as the operator writes it:
 *
 *     KEY [TYPE] [local | remote | virtual] [immutable] [releases | snapshots]
 *         [url=URL] [members=KEY+KEY…] [deploy=KEY] [mix=NAME+NAME…]
 *         [includes=PATTERN+PATTERN…] [excludes=PATTERN+PATTERN…]
 *
 *     sos-release-local immutable
 *     npm-local npm
 *     npm-remote npm remote url=https://registry.example/
 *     npm npm virtual members=npm-local+npm-remote deploy=npm-local
 *
 * A local one has what was put there.  A remote one has what its upstream has, and keeps it.  A
 * virtual one has what its members have, first what local ones have, then what remote ones; what is
 * put there goes to its `deploy`.  A name that a local member has (store/core/names.h) is never
 * asked of a remote one, but for those named by `mix` ("*": all may).  What the patterns
 * (store/core/pattern.h) do not include, or exclude, a repository neither has nor takes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "store/core/path.h"

enum repo_type { REPO_GENERIC, REPO_MAVEN, REPO_NPM, REPO_PYPI, REPO_GO, REPO_TYPES };
enum repo_class { REPO_LOCAL, REPO_REMOTE, REPO_VIRTUAL, REPO_CLASSES };

enum { REPO_URL_MAX = 512, REPO_MEMBERS_MAX = 512, REPO_PATTERNS_MAX = 512 };

struct repository {
    char key[REPO_KEY_MAX + 1];
    enum repo_type type;
    enum repo_class class;
    bool immutable;                 /* a file's bytes never change */
    bool no_snapshots;              /* maven: takes releases only … */
    bool no_releases;               /* … or snapshots only */
    char url[REPO_URL_MAX];         /* of a remote's upstream, no slash at its end; "": not told */
    char members[REPO_MEMBERS_MAX]; /* of a virtual, "a+b" */
    char deploy[REPO_KEY_MAX + 1];  /* of a virtual; "": it takes nothing */
    char mix[REPO_MEMBERS_MAX];     /* of a virtual, names "a+b" or "*" */
    char includes[REPO_PATTERNS_MAX]; /* "": all */
    char excludes[REPO_PATTERNS_MAX];
    int64_t created_ms;
};

/* -ERR_INVALID: a word that is none of the above, or that its class has no use of. */
int repo_parse(const char *text, struct repository *ret, struct err *err);
/* Is the name (of name_of(), or a Python project's) one of those that `mix` names? */
bool repo_mixes(const struct repository *repository, const char *name);
/* The next member of a virtual; *at begins as repository->members.  false: that was the last. */
bool repo_next_member(const char **at, char ret_key[REPO_KEY_MAX + 1]);

/* "generic", "maven", … and "local", …: as we and the API's `rclass` write them; `_parse` gives -1
 * for none of them. */
const char *repo_type_name(enum repo_type type);
const char *repo_class_name(enum repo_class class);
int repo_type_parse(const char *name);
int repo_class_parse(const char *name);
