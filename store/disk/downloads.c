#include "store/disk/downloads.h"

#include <stdio.h>

int downloads_add(struct db *db, int64_t item, const char *sha256, const struct downloads *more,
                  struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO downloads (item, count, last_ms, last_by)"
                  " SELECT id, ?, ?, ? FROM items WHERE id=? AND sha256=?"
                  " ON CONFLICT (item) DO UPDATE SET count=count + excluded.count,"
                  " last_ms=excluded.last_ms, last_by=excluded.last_by",
                  "iitit", more->count, more->last_ms, more->last_by, item, sha256);
}

int downloads_find(struct db *db, int64_t item, struct downloads *ret, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db, "SELECT count, last_ms, last_by FROM downloads WHERE item=?", "i", item);
    int rc = db_step(db, st, err);

    *ret = (struct downloads){ 0 };
    if (rc <= 0)
        return rc;
    ret->count = db_int(st, 0);
    ret->last_ms = db_int(st, 1);
    snprintf(ret->last_by, sizeof ret->last_by, "%s", db_text(st, 2));
    db_end(st);
    return 0;
}
