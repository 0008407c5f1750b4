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

/* Where one folder is, all above it are; so one file at most is in the way. */
static int way_clear(struct db *writer, const struct item_path *at, struct freed *freed,
                     struct err *err)
{
    struct item_path above = *at;
    struct item found;
    int rc;

    do {
        above.path[item_parent_len(&above)] = '\0';
        if (!above.path[0])
            return 0;
        rc = index_find(writer, &above, &found, err);
    } while (rc == -ERR_NOT_FOUND);
    if (rc == 0 && !found.at.folder)
        rc = index_delete(writer, &found.at, NULL, freed, err);
    return rc;
}

int cache_deploy(struct db *writer, const struct deployment *deployment,
                 const struct cached *cached, struct item *ret, struct freed *freed,
                 struct err *err)
{
    int rc = way_clear(writer, deployment->at, freed, err);

    if (rc == 0)
        rc = index_deploy(writer, deployment, ret, freed, err);
    return rc == 0 ? cache_put(writer, ret->id, cached, err) : rc;
}
