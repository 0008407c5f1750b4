/* access.h - what a token may do: its scope, words with spaces between.
 *
 *     applied-permissions/admin           everything
 *     applied-permissions/user            read, push and annotate everywhere
 *     applied-permissions/groups:readers  read everywhere
 *     artifact:REPO[/PATH]:r,w,n,d,m      at the file PATH, or at the folder and all in it
 *
 * REPO `*` is any; a `*` at the end of PATH stands for any rest of the text, slashes too.  A space
 * in PATH is written %20.  What no word allows is denied.  The words are Artifactory's; "user" and
 * "readers" mean there what its administrator made of them. */
#pragma once
#include <stdbool.h>

#include "sos/base/err.h"

enum access {
    ACCESS_NONE = 0,     /* whoever may anything at all */
    ACCESS_READ = 1,     /* r */
    ACCESS_PUSH = 2,     /* w: put what is not there yet */
    ACCESS_ANNOTATE = 4, /* n: change properties */
    ACCESS_DELETE = 8,   /* d: delete, and overwrite with other bytes */
    ACCESS_MANAGE = 16,  /* m: see who may what */
    ACCESS_ADMIN = 32,   /* whole repositories, tokens of others */
};

enum { SCOPE_MAX = 2048, SCOPE_WORDS_MAX = 64 };
#define SCOPE_ADMIN   "applied-permissions/admin"
#define SCOPE_USER    "applied-permissions/user"
#define SCOPE_READERS "applied-permissions/groups:readers"

/* -ERR_INVALID: a word that is none of the above; -ERR_LIMIT. */
int scope_check(const char *scope, struct err *err);
/* Does it allow every bit of `access` at this path?  A folder stands for all in it.  `path` NULL:
 * somewhere in the repository; `repo` NULL: somewhere at all. */
bool scope_allows(const char *scope, int access, const char *repo, const char *path);
/* Is each word of `scope` one of `whole`? */
bool scope_is_part(const char *scope, const char *whole);
/* "read", "deploy to", …: of the lowest bit, for messages. */
const char *access_verb(int access);
