/* retention.h - what the rules let go, found a folder at a time and removed in slices.
 * Everything blocks. */
#pragma once
#include "store/core/retention.h"
#include "store/disk/index.h"

/* What goes: a file, or a folder with all in it. */
struct retention_find {
    struct item_path at;
    int64_t modified_ms; /* of its newest file, when it was found */
    int64_t files;
    int64_t bytes;
    int64_t rank; /* 0: the newest of those beside it */
};
struct retention_finds {
    struct retention_find *list;
    size_t count;
};
void retention_finds_done(struct retention_finds *finds);

/* Where a walk through a repository is; begins as all zero. */
struct retention_place {
    char folder[ITEM_PATH_MAX + 1]; /* the last one looked at */
    bool begun;
};
/* Look at the next folders of the rule's repository, some hundreds of items.  1: there are more, 0:
 * that was the last. */
int retention_next(struct db *db, const struct retention_rule *rule, int64_t now_ms,
                   struct retention_place *place, struct retention_finds *ret, struct err *err);
/* Remove what was found, unless it changed since or was given the property.  At most some thousand
 * items: 1: there is more of it, ask again; 0: it is gone; -ERR_CONFLICT: it stays. */
int retention_remove(struct db *db, const struct retention_rule *rule,
                     const struct retention_find *find, struct freed *freed, struct err *err);
