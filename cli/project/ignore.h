/* ignore.h - which files of a project are not sent.
 *
 * Three layers, later ones win: the image's excludes < git's rules (info/exclude,
 * then .gitignore of each folder of the work tree) < .sosignore, all in gitignore's syntax and with
 * its rules: the last matching pattern of the most specific file decides, "!" re-includes, and
 * nothing below an excluded folder can be re-included.
 * Source: gitignore(5). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/err.h"

enum { IGNORE_PATTERNS_MAX = 20000, IGNORE_PATTERN_MAX = 4096 };

struct ignore;

struct ignore *ignore_new(void);
void ignore_free(struct ignore *ignore);
/* Patterns of one file's text, that hold below `folder` ("" is the root).  Each call outranks the
 * ones before it.  Copies. */
int ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t len,
               struct err *err);
int ignore_add_pattern(struct ignore *ignore, const char *folder, const char *pattern,
                       struct err *err);
/* How many patterns there are now, and forget those added since then (leaving a folder). */
size_t ignore_mark(const struct ignore *ignore);
void ignore_reset(struct ignore *ignore, size_t mark);
/* Is this path (relative to the root) itself matched?  The caller does not enter a folder that is.
 */
bool ignore_matches(const struct ignore *ignore, const char *path, bool is_folder);
/* The decision of two layers: what `over` says of a path counts, else what `under` says. */
bool ignore_decide(const struct ignore *under, const struct ignore *over, const char *path,
                   bool is_folder);
/* gitignore's glob: "*" and "?" stop at "/", "**" does not. */
bool ignore_glob(const char *pattern, const char *text);
