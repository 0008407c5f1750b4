/* index_change.c - changing the index: repositories, deployments, deletions,
 * properties. */
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/index.h"
#include "store/disk/index_own.h"

enum { DELETE_AT_ONCE = 10000 };

enum { PROP_ROW_BYTES = 32, PROPS_CHANGE_BYTES_MAX = 128 << 20 };

/* --- repositories --- */

int index_repository_put(struct db *db, const struct repository *repository, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO repositories (key, immutable, created_ms, type, class)"
                  " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                  " immutable=excluded.immutable, type=excluded.type, class=excluded.class",
                  "tiitt", repository->key, (int64_t)repository->immutable, repository->created_ms,
                  repo_type_name(repository->type), repo_class_name(repository->class));
}

/* --- blobs without an item --- */

void freed_init(struct freed *freed)
{
    *freed = (struct freed){ 0 };
}

void freed_done(struct freed *freed)
{
    free(freed->list);
    freed_init(freed);
}

void freed_add(struct freed *freed, const char *sha256)
{
    freed->list = xrealloc(freed->list, (freed->count + 1) * sizeof *freed->list);
    snprintf(freed->list[freed->count++], sizeof *freed->list, "%s", sha256);
}

/* Drop the blob's row if no item has its bytes any more. */
static int blob_release(struct db *db, const char *sha256, struct freed *freed, struct err *err)
{
    int changed = 0;
    int rc = db_run(db, &changed, err,
                    "DELETE FROM blobs WHERE sha256=?"
                    " AND NOT EXISTS (SELECT 1 FROM items WHERE items.sha256=blobs.sha256)",
                    "t", sha256);

    if (rc == 0 && changed > 0)
        freed_add(freed, sha256);
    return rc;
}

/* --- deploying --- */

static int repository_rule(struct db *db, const char *repo, bool *ret_immutable, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT immutable FROM repositories WHERE key=?", "t", repo);
    int rc = db_step(db, st, err);

    if (rc < 0)
        return rc;
    if (rc == 0) {
        err_set(err, ERR_NOT_FOUND, "no repository %s", repo);
        err_reason(err, "NO_REPOSITORY");
        return -ERR_NOT_FOUND;
    }
    *ret_immutable = db_int(st, 0) != 0;
    db_end(st);
    return 0;
}

static int row_insert(struct db *db, const struct deployment *d, const struct item_path *at,
                      const char *sha256, struct err *err)
{
    struct split split;

    split_path(at, &split);
    return db_run(db, NULL, err,
                  "INSERT INTO items (repo, path, name, sha256, claimed, created_ms, created_by,"
                  " modified_ms, modified_by, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  "ttttiititi", at->repo, split.folder, split.name, sha256,
                  (int64_t)(sha256 ? d->claimed : 0), d->now_ms, d->user, d->now_ms, d->user,
                  d->now_ms);
}

/* Make the folders above an item.  Where one is, all above it are. */
static int folders_make(struct db *db, const struct deployment *d, const struct item_path *at,
                        struct err *err)
{
    struct item_path folder = *at;
    struct item found;

    folder.path[item_parent_len(at)] = '\0';
    if (folder.path[0] == '\0')
        return 0;
    int rc = index_find(db, &folder, &found, err);
    if (rc == 0 && !found.at.folder)
        return err_set(err, ERR_CONFLICT, "'%s:%.150s' is a file, not a folder", folder.repo,
                       folder.path);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    rc = folders_make(db, d, &folder, err);
    return rc < 0 ? rc : row_insert(db, d, &folder, NULL, err);
}

static int props_insert(struct db *db, int64_t item, const struct props *props, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < props->count; i++)
        rc = db_run(db, NULL, err,
                    "INSERT OR IGNORE INTO properties (item, key, value) VALUES (?, ?, ?)", "itt",
                    item, props->list[i].key, props->list[i].value);
    return rc;
}

/* More than these could be set, but never be read again. */
static int props_check(struct db *db, int64_t item, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT count(*) FROM properties WHERE item=?", "i", item);
    int rc = db_step(db, st, err);
    int64_t count = rc > 0 ? db_int(st, 0) : 0;

    db_end(st);
    if (rc < 0)
        return rc;
    return count <= PROPS_MAX
               ? 0
               : err_set(err, ERR_LIMIT, "An item has at most %d properties", PROPS_MAX);
}

/* Each key named gets exactly the values named. */
static int props_set(struct db *db, int64_t item, const struct props *props, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < props->count; i++)
        rc = db_run(db, NULL, err, "DELETE FROM properties WHERE item=? AND key=?", "it", item,
                    props->list[i].key);
    if (rc == 0)
        rc = props_insert(db, item, props, err);
    return rc < 0 || props->count == 0 ? rc : props_check(db, item, err);
}

static int row_replace(struct db *db, const struct deployment *d, const struct item *old,
                       struct freed *freed, struct err *err)
{
    int rc = db_run(db, NULL, err,
                    "UPDATE items SET sha256=?, claimed=?, modified_ms=?, modified_by=?,"
                    " updated_ms=? WHERE id=?",
                    "tiitii", d->digests->sha256, (int64_t)d->claimed, d->now_ms, d->user,
                    d->now_ms, old->id);
    if (rc == 0)
        rc = db_run(db, NULL, err, "DELETE FROM properties WHERE item=?", "i", old->id);
    return rc < 0 ? rc : blob_release(db, old->digests.sha256, freed, err);
}

static int row_claim(struct db *db, const struct deployment *d, const struct item *old,
                     struct err *err)
{
    if (d->props->count == 0 && (old->claimed | d->claimed) == old->claimed)
        return 0;
    return db_run(db, NULL, err, "UPDATE items SET claimed=claimed|?, updated_ms=? WHERE id=?",
                  "iii", (int64_t)d->claimed, d->now_ms, old->id);
}

static int blob_insert(struct db *db, const struct digests *digests, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO blobs (sha256, sha1, md5, size_bytes) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT (sha256) DO NOTHING",
                  "ttti", digests->sha256, digests->sha1, digests->md5, digests->size_bytes);
}

/* A file where `old` (NULL: nothing) is. */
static int file_put(struct db *db, const struct deployment *d, const struct item *old,
                    bool immutable, struct freed *freed, struct err *err)
{
    bool locked = (immutable || !d->may_replace) && !item_is_maven_metadata(d->at);
    int rc = blob_insert(db, d->digests, err);

    if (rc < 0)
        return rc;
    switch (deploy_decide(old ? old->digests.sha256 : NULL, d->digests->sha256, locked)) {
    case DEPLOY_CREATE:
        return row_insert(db, d, d->at, d->digests->sha256, err);
    case DEPLOY_SAME:
        return row_claim(db, d, old, err);
    case DEPLOY_REPLACE:
        return row_replace(db, d, old, freed, err);
    case DEPLOY_REFUSE:
        break;
    }
    return err_set(err, ERR_DENIED, "other bytes are at %s:%s and stay", d->at->repo, d->at->path);
}

int index_deploy(struct db *db, const struct deployment *d, struct item *ret, struct freed *freed,
                 struct err *err)
{
    bool immutable = false;
    struct item old;
    int rc = repository_rule(db, d->at->repo, &immutable, err);

    if (rc == 0 && d->at->path[0] == '\0')
        return d->digests
                   ? err_set(err, ERR_CONFLICT, "%s is a repository, not a file", d->at->repo)
                   : index_find(db, d->at, ret, err);
    if (rc == 0)
        rc = folders_make(db, d, d->at, err);
    if (rc < 0)
        return rc;
    int found = index_find(db, d->at, &old, err);
    if (found < 0 && found != -ERR_NOT_FOUND)
        return found;
    if (found == 0 && old.at.folder != (d->digests == NULL))
        return err_set(err, ERR_CONFLICT, "a %s is at %s:%.150s", old.at.folder ? "folder" : "file",
                       d->at->repo, d->at->path);
    if (d->digests)
        rc = file_put(db, d, found == 0 ? &old : NULL, immutable, freed, err);
    else if (found < 0)
        rc = row_insert(db, d, d->at, NULL, err);
    if (rc == 0)
        rc = index_find(db, d->at, ret, err);
    return rc < 0 ? rc : props_set(db, ret->id, d->props, err);
}

int index_deploy_claimed(struct db *db, const struct deployment *d, struct item *ret,
                         struct freed *freed, struct err *err)
{
    int rc = index_blob_is_free(db, d->digests->sha256, err);

    if (rc > 0) {
        err_set(err, ERR_NOT_FOUND, "no item has the bytes %s any more", d->digests->sha256);
        err_reason(err, "NO_BLOB");
        return -ERR_NOT_FOUND;
    }
    return rc < 0 ? rc : index_deploy(db, d, ret, freed, err);
}

int index_claim(struct db *db, int64_t item, int claimed, struct err *err)
{
    return db_run(db, NULL, err, "UPDATE items SET claimed=claimed|? WHERE id=?", "ii",
                  (int64_t)claimed, item);
}

/* --- deleting --- */

struct doomed {
    int64_t *ids;
    size_t count;
    struct freed bytes; /* of those that are files */
};

static int doomed_add(struct db *db, sqlite3_stmt *st, struct doomed *doomed, struct err *err)
{
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        doomed->ids = xrealloc(doomed->ids, (doomed->count + 1) * sizeof *doomed->ids);
        doomed->ids[doomed->count++] = db_int(st, 0);
        if (*db_text(st, 1))
            freed_add(&doomed->bytes, db_text(st, 1));
    }
    return rc;
}

/* The lowest first, so that a folder never goes before what is in it. */
static int doomed_find(struct db *db, const struct item_path *at, int64_t max,
                       struct doomed *doomed, struct err *err)
{
    struct subtree subtree;

    subtree_of(at, 0, &subtree);
    int rc = doomed_add(db,
                        db_bind(db,
                                "SELECT id, sha256 FROM items WHERE repo=? AND path>=? AND path<?"
                                " ORDER BY path DESC LIMIT ?",
                                "ttti", at->repo, subtree.from, subtree.to, max),
                        doomed, err);
    if (rc < 0 || doomed->count == (size_t)max)
        return rc;
    return doomed_add(db,
                      db_bind(db, "SELECT id, sha256 FROM items WHERE repo=? AND path=? LIMIT ?",
                              "tti", at->repo, subtree.folder, max - (int64_t)doomed->count),
                      doomed, err);
}

static int doomed_delete(struct db *db, const struct doomed *doomed, struct freed *freed,
                         struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < doomed->count; i++)
        rc = db_run(db, NULL, err, "DELETE FROM items WHERE id=?", "i", doomed->ids[i]);
    for (size_t i = 0; rc == 0 && i < doomed->bytes.count; i++)
        rc = blob_release(db, doomed->bytes.list[i], freed, err);
    return rc;
}

static void doomed_done(struct doomed *doomed)
{
    free(doomed->ids);
    freed_done(&doomed->bytes);
}

int index_delete_some(struct db *db, const struct item_path *at, int64_t max, int64_t *ret_count,
                      struct freed *freed, struct err *err)
{
    struct item item;
    struct doomed doomed = { 0 };
    int rc = index_find(db, at, &item, err);

    if (rc < 0)
        return rc;
    if (at->folder && !item.at.folder)
        return err_set(err, ERR_NOT_FOUND, "%s:%s is no folder", at->repo, at->path);
    if (item.at.folder)
        rc = doomed_find(db, at, max, &doomed, err);
    bool more = doomed.count == (size_t)max;
    if (rc == 0 && !more && item.id != 0) {
        doomed.ids = xrealloc(doomed.ids, (doomed.count + 1) * sizeof *doomed.ids);
        doomed.ids[doomed.count++] = item.id;
        if (!item.at.folder)
            freed_add(&doomed.bytes, item.digests.sha256);
    }
    if (rc == 0)
        rc = doomed_delete(db, &doomed, freed, err);
    if (rc == 0 && ret_count)
        *ret_count += (int64_t)doomed.count;
    doomed_done(&doomed);
    return rc < 0 ? rc : more;
}

int index_delete(struct db *db, const struct item_path *at, int64_t *ret_count, struct freed *freed,
                 struct err *err)
{
    int64_t count = 0;
    int rc;

    while ((rc = index_delete_some(db, at, DELETE_AT_ONCE, &count, freed, err)) > 0)
        ;
    if (rc == 0 && ret_count)
        *ret_count = count;
    return rc;
}

/* --- properties --- */

static int props_change_one(struct db *db, int64_t item, enum props_change change,
                            const struct props *props, int64_t now_ms, struct err *err)
{
    int rc = 0;

    if (change == PROPS_SET)
        rc = props_set(db, item, props, err);
    for (size_t i = 0; change == PROPS_REMOVE && rc == 0 && i < props->count; i++)
        rc = db_run(db, NULL, err, "DELETE FROM properties WHERE item=? AND key=?", "it", item,
                    props->list[i].key);
    if (rc == 0)
        rc = db_run(db, NULL, err, "UPDATE items SET updated_ms=? WHERE id=?", "ii", now_ms, item);
    return rc;
}

struct ids {
    int64_t *list;
    size_t count;
};

static int ids_add(void *ctx, const struct item *item)
{
    struct ids *ids = ctx;

    ids->list = xrealloc(ids->list, (ids->count + 1) * sizeof *ids->list);
    ids->list[ids->count++] = item->id;
    return 0;
}

/* All of it is one commit. */
static int props_change_check(const struct props *props, size_t items, struct err *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < props->count; i++)
        bytes += strlen(props->list[i].key) + strlen(props->list[i].value) + PROP_ROW_BYTES;
    if (items <= PROPS_CHANGE_BYTES_MAX / (bytes + 1))
        return 0;
    err_set(err, ERR_LIMIT, "these properties on %zu items are too much for one call", items);
    err_hint(err, "set them on the folders below, one by one");
    return -ERR_LIMIT;
}

int index_props_change(struct db *db, const struct item_path *at, bool recursive,
                       enum props_change change, const struct props *props, int64_t now_ms,
                       struct err *err)
{
    struct item item;
    struct ids ids = { 0 };
    int rc = index_find(db, at, &item, err);

    if (rc < 0)
        return rc;
    if (item.id != 0)
        ids_add(&ids, &item);
    if (recursive && item.at.folder)
        rc = index_list(db, at, 0, ids_add, &ids, err);
    if (rc == 0)
        rc = props_change_check(props, ids.count, err);
    for (size_t i = 0; rc == 0 && i < ids.count; i++)
        rc = props_change_one(db, ids.list[i], change, props, now_ms, err);
    free(ids.list);
    return rc;
}
