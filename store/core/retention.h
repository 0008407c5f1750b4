/* retention.h - which files a repository need not keep, as the operator writes it:
 *
 *     REPO[/PATTERN] [folders] [keep=N] [age=30d] [unless-property=KEY[=VALUE]]
 *
 *     sos-dev-local folders keep=20 age=30d unless-property=pinned
 *     sos-logs-local/ci-* age=90d
 *
 * A file goes when every condition that is told is met: it is not one of the N newest in its
 * folder, it is older than the age, and it has not the property.  With `folders` what goes or stays
 * is a whole folder that files lie in (a version), the N newest are counted among the folders
 * beside it, its age is that of its newest file, and a property of any of them, or of itself, keeps
 * it.  PATTERN is matched with the whole path; `*` stands for anything, slashes too. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "store/core/path.h"

enum { RETENTION_TEXT_MAX = 512, RETENTION_RULES_MAX = 64 };

struct retention_rule {
    char text[RETENTION_TEXT_MAX]; /* as it was written */
    char repo[REPO_KEY_MAX + 1];
    char pattern[ITEM_PATH_MAX + 1]; /* "": all */
    bool folders;
    int64_t keep;   /* -1: not told */
    int64_t age_ms; /* -1: not told */
    char key[256];  /* "": no property keeps it */
    char value[256];
    bool has_value;
};

/* -ERR_INVALID: a word that is none of these, or neither keep nor age. */
int retention_parse(const char *text, struct retention_rule *ret, struct err *err);
bool retention_matches(const struct retention_rule *rule, const char *path);
/* Is what is the `rank`th newest (0: the newest) and was changed then to go? */
bool retention_is_over(const struct retention_rule *rule, int64_t rank, int64_t modified_ms,
                       int64_t now_ms);
