/* downloads.h - how often files were sent.  Everything blocks. */
#pragma once
#include <stdint.h>

#include "sos/serve/db.h"
#include "store/disk/index.h"

struct downloads {
    int64_t count; /* 0: never, and the rest is empty */
    int64_t last_ms;
    char last_by[AUTH_SUBJECT_MAX];
};

/* Add to what is counted of an item, if it still has these bytes. */
int downloads_add(struct db *db, int64_t item, const char *sha256, const struct downloads *more,
                  struct err *err);
int downloads_find(struct db *db, int64_t item, struct downloads *ret, struct err *err);
