/* dependencies.h - what attempts depend on besides their source: the files that their workers told
 * of. */
#pragma once
#include <stdint.h>

#include "server/disk/builds.h"

enum { DEPENDENCIES_PAGE_MAX = 1000 };

/* Add them to an attempt's, the first at place `first`; those that are there stay.  Borrows. */
int dependencies_add(struct db *db, const char *build, int32_t attempt, int32_t first,
                     const struct sos_dependency *all, size_t count, struct err *err);
/* Forget those of a build's attempts before `attempt`, which takes their place. */
int dependencies_forget(struct db *db, const char *build, int32_t attempt, struct err *err);
/* Remove the files that no attempt depends on any more: `max` of them at most. */
int downloads_sweep(struct db *db, int max, struct err *err);
/* A page of those of a build's newest attempt, in their order; of one that reused another's result,
 * those of that one.  The caller owns *ret.  -ERR_NOT_FOUND, -ERR_INVALID for the token. */
int dependencies_list(struct db *db, const char *build, int32_t page_size, const char *token,
                      struct sos_list_dependencies_response *ret, struct err *err);
