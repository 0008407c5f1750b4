/* builds.h - builds in the index: rows made from build-info files, and found by them.
 *
 * Everything blocks; changes run inside the batch of the writer's strand. */
#pragma once
#include "store/core/build_info.h"
#include "store/disk/index.h"

/* Make the rows of the build-info that `item` holds, in place of those it had. */
int builds_record(struct db *db, int64_t item, const struct build_info *info, struct err *err);
/* Files of the repository that have no rows: after a rebuild of the index all of them.  `each` must
 * change nothing. */
int builds_unrecorded(struct db *db, item_fn each, void *ctx, struct err *err);

struct build {
    int64_t id;
    char name[BUILD_NAME_MAX + 1];
    char number[BUILD_NAME_MAX + 1];
    int64_t started_ms;
};
/* Returns non-zero to stop, which is then the result. */
typedef int (*build_fn)(void *ctx, const struct build *build);
/* The last build of each name, in order of names. */
int builds_names(struct db *db, build_fn each, void *ctx, struct err *err);
/* All of that name, the newest first. */
int builds_of(struct db *db, const char *name, build_fn each, void *ctx, struct err *err);
/* started_ms 0: the newest of that number.  -ERR_NOT_FOUND. */
int builds_find(struct db *db, const char *name, const char *number, int64_t started_ms,
                struct build *ret, struct err *err);
/* The item of its file. */
int builds_item(struct db *db, const struct build *build, struct item *ret, struct err *err);

/* Which items are this file?  Those with its bytes; of them those that say so by their properties
 * build.name and build.number; if none does, the one that lies where it was put; if none does, all.
 * `repo` not NULL: in that repository only.  Of the places of some bytes 10000 are looked at.
 * -ERR_LIMIT: more than BUILD_PLACES_MAX remain. */
/* Why they are thought to be it. */
enum likeness { HAS_BYTES, IS_IN_PLACE, SAYS_SO };
struct items {
    struct item *list;
    size_t count;
    enum likeness likeness;
};
enum { BUILD_PLACES_MAX = 1000 };
int builds_locate(struct db *db, const struct build *build, const struct build_file *file,
                  const char *repo, struct items *ret, struct err *err);
void items_done(struct items *items);
