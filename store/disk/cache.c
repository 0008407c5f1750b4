#include "store/disk/cache.h"

#include <stdio.h>

int cache_find(struct db *reader, const struct item_path *at, struct item *ret,
               struct cached *ret_cached, struct err *err)
{
    int rc = index_find(reader, at, ret, err);

    if (rc == 0 && ret->at.folder)
        rc = err_set(err, ERR_NOT_FOUND, "%s:%s is a folder", at->repo, at->path);
    if (rc < 0)
        return rc;
    *ret_cached = (struct cached){ 0 };
    sqlite3_stmt *st =
        db_bind(reader, "SELECT etag, modified, checked_ms FROM cache WHERE item=?", "i", ret->id);
    rc = db_step(reader, st, err);
    if (rc <= 0)
        return rc;
    snprintf(ret_cached->etag, sizeof ret_cached->etag, "%s", db_text(st, 0));
    snprintf(ret_cached->modified, sizeof ret_cached->modified, "%s", db_text(st, 1));
    ret_cached->checked_ms = db_int(st, 2);
    db_end(st);
    return 0;
}

int cache_put(struct db *writer, int64_t item, const struct cached *cached, struct err *err)
{
    int changed = 0;
    int rc = db_run(writer, &changed, err,
                    "INSERT OR REPLACE INTO cache (item, etag, modified, checked_ms)"
                    " SELECT id, ?, ?, ? FROM items WHERE id=?",
                    "ttii", cached->etag, cached->modified, cached->checked_ms, item);

    if (rc == 0 && changed == 0)
        return err_set(err, ERR_NOT_FOUND, "the item is there no more");
    return rc;
}
