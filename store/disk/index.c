/* index.c - reading the index. */
#include "store/disk/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/index_own.h"

/* Made by cmake/embed.cmake. */
extern const struct db_migration store_migrations[];
extern const size_t store_migrations_count;

int index_open_writer(const char *path, struct db **ret, struct err *err)
{
    return db_open_writer(path, store_migrations, store_migrations_count, ret, err);
}

int index_open_old(const char *path, int schema, struct db **ret, struct err *err)
{
    if (schema < 1 || (size_t)schema > store_migrations_count)
        return err_set(err, ERR_CONFLICT,
                       "the journal is of schema %d, this program knows up to %zu", schema,
                       store_migrations_count);
    return db_open_writer(path, store_migrations, (size_t)schema, ret, err);
}

/* --- paths as the table has them --- */

void split_path(const struct item_path *at, struct split *ret)
{
    size_t len = item_parent_len(at);

    memcpy(ret->folder, at->path, len);
    ret->folder[len] = '\0';
    ret->name = item_name(at);
}

void subtree_of(const struct item_path *folder, int depth, struct subtree *ret)
{
    memcpy(ret->folder, folder->path, sizeof ret->folder);
    ret->from[0] = ret->to[0] = '\0';
    if (depth == 1)
        return; /* from = to: an empty range */
    if (folder->path[0] == '\0') {
        strcpy(ret->from, "\x01"); /* before all that is not '' */
        strcpy(ret->to, "\xff");   /* past all UTF-8 */
        return;
    }
    snprintf(ret->from, sizeof ret->from, "%s/", folder->path);
    snprintf(ret->to, sizeof ret->to, "%s0", folder->path); /* '0' is what follows '/' */
}

static void text_copy(char *ret, size_t room, sqlite3_stmt *statement, int column)
{
    snprintf(ret, room, "%s", db_text(statement, column));
}

void item_read(sqlite3_stmt *st, struct item *ret)
{
    *ret = (struct item){ .id = db_int(st, 0) };
    text_copy(ret->at.repo, sizeof ret->at.repo, st, 1);
    text_copy(ret->at.path, sizeof ret->at.path, st, 2);
    size_t len = strlen(ret->at.path);
    snprintf(ret->at.path + len, sizeof ret->at.path - len, "%s%s", len ? "/" : "", db_text(st, 3));
    text_copy(ret->digests.sha256, sizeof ret->digests.sha256, st, 4);
    ret->at.folder = ret->digests.sha256[0] == '\0';
    text_copy(ret->digests.sha1, sizeof ret->digests.sha1, st, 5);
    text_copy(ret->digests.md5, sizeof ret->digests.md5, st, 6);
    ret->digests.size_bytes = db_int(st, 7);
    ret->claimed = (int)db_int(st, 8);
    ret->created_ms = db_int(st, 9);
    text_copy(ret->created_by, sizeof ret->created_by, st, 10);
    ret->modified_ms = db_int(st, 11);
    text_copy(ret->modified_by, sizeof ret->modified_by, st, 12);
    ret->updated_ms = db_int(st, 13);
}

/* --- repositories --- */

int index_repositories(struct db *db, repository_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db, "SELECT key, immutable, created_ms, type, class FROM repositories ORDER BY key",
                "");
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        struct repository repository = { .immutable = db_int(st, 1) != 0,
                                         .created_ms = db_int(st, 2),
                                         .type = (enum repo_type)repo_type_parse(db_text(st, 3)),
                                         .class =
                                             (enum repo_class)repo_class_parse(db_text(st, 4)) };
        text_copy(repository.key, sizeof repository.key, st, 0);
        each(ctx, &repository);
    }
    return rc;
}

/* --- items --- */

static int root_find(struct db *db, const struct item_path *at, struct item *ret, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db, "SELECT created_ms FROM repositories WHERE key=?", "t", at->repo);
    int rc = db_step(db, st, err);

    if (rc == 0) {
        err_set(err, ERR_NOT_FOUND, "no repository %s", at->repo);
        err_reason(err, "NO_REPOSITORY");
        return -ERR_NOT_FOUND;
    }
    if (rc < 0)
        return rc;
    *ret = (struct item){ .at = *at, .created_ms = db_int(st, 0) };
    ret->at.folder = true;
    ret->modified_ms = ret->updated_ms = ret->created_ms;
    db_end(st);
    return 0;
}

int index_find(struct db *db, const struct item_path *at, struct item *ret, struct err *err)
{
    struct split split;
    struct item root;

    if (at->path[0] == '\0')
        return root_find(db, at, ret, err);
    split_path(at, &split);
    sqlite3_stmt *st =
        db_bind(db, "SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE i.repo=? AND i.path=? AND i.name=?",
                "ttt", at->repo, split.folder, split.name);
    int rc = db_step(db, st, err);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        rc = root_find(db, at, &root, err);
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "nothing at %s:%s", at->repo, at->path);
    }
    item_read(st, ret);
    db_end(st);
    return 0;
}

int index_find_id(struct db *db, int64_t id, struct item *ret, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE i.id=?", "i", id);
    int rc = db_step(db, st, err);

    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no item %" PRId64, id);
    if (rc > 0)
        item_read(st, ret);
    db_end(st);
    return rc < 0 ? rc : 0;
}

static sqlite3_stmt *claimed_bind(struct db *db, const struct claim *claim)
{
    if (claim->sha256[0])
        return db_bind(db, "SELECT sha256, sha1, md5, size_bytes FROM blobs WHERE sha256=?", "t",
                       claim->sha256);
    if (claim->sha1[0])
        return db_bind(db, "SELECT sha256, sha1, md5, size_bytes FROM blobs WHERE sha1=?", "t",
                       claim->sha1);
    return db_bind(db, "SELECT sha256, sha1, md5, size_bytes FROM blobs WHERE md5=?", "t",
                   claim->md5);
}

int index_find_claimed(struct db *db, const struct claim *claim, struct digests *ret,
                       struct err *err)
{
    sqlite3_stmt *st = claimed_bind(db, claim);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        struct digests digests = { .size_bytes = db_int(st, 3) };
        text_copy(digests.sha256, sizeof digests.sha256, st, 0);
        text_copy(digests.sha1, sizeof digests.sha1, st, 1);
        text_copy(digests.md5, sizeof digests.md5, st, 2);
        if (claim_check(claim, &digests, NULL) == 0) {
            db_end(st);
            *ret = digests;
            return 0;
        }
    }
    return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "no bytes with these checksums");
}

int index_with_bytes(struct db *db, const char *sha256, int64_t max, item_fn each, void *ctx,
                     struct err *err)
{
    struct item item;
    int stop = 0;
    int rc = 0;
    sqlite3_stmt *st = db_bind(db, "SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE i.sha256=? LIMIT ?",
                               "ti", sha256, max);

    while (stop == 0 && (rc = db_step(db, st, err)) > 0) {
        item_read(st, &item);
        stop = each(ctx, &item);
    }
    db_end(st);
    return rc < 0 ? rc : stop;
}

/* How many levels below the folder an item lies; 1: in it. */
static int item_depth(const struct item_path *folder, const struct item *item)
{
    size_t skip = strlen(folder->path);
    int depth = 1;

    for (const char *at = item->at.path + skip + (skip > 0); *at; at++)
        depth += *at == '/';
    return depth;
}

int index_list(struct db *db, const struct item_path *folder, int depth, item_fn each, void *ctx,
               struct err *err)
{
    struct subtree subtree;
    struct item item;
    int rc;

    subtree_of(folder, depth, &subtree);
    sqlite3_stmt *st =
        db_bind(db,
                "SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE i.repo=?1 AND i.path=?2 UNION ALL"
                " SELECT " ITEM_COLUMNS ITEM_TABLES " WHERE i.repo=?1 AND i.path>=?3 AND i.path<?4"
                " ORDER BY 3, 4", /* two ranges of one index, merged */
                "tttt", folder->repo, subtree.folder, subtree.from, subtree.to);
    while ((rc = db_step(db, st, err)) > 0) {
        item_read(st, &item);
        if (depth > 0 && item_depth(folder, &item) > depth)
            continue;
        int stop = each(ctx, &item);
        if (stop != 0) {
            db_end(st);
            return stop;
        }
    }
    return rc;
}

int index_props(struct db *db, int64_t item, struct props *ret, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db, "SELECT key, value FROM properties WHERE item=? ORDER BY key, value", "i",
                item);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        rc = props_add(ret, db_text(st, 0), db_text(st, 1), err);
        if (rc < 0) {
            db_end(st);
            return rc;
        }
    }
    return rc;
}

/* --- usage --- */

int index_usage(struct db *db, usage_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st = db_bind(
        db,
        "SELECT r.key, count(i.id) - count(i.sha256), count(i.sha256), ifnull(sum(b.size_bytes), 0)"
        " FROM repositories r LEFT JOIN items i ON i.repo=r.key"
        " LEFT JOIN blobs b ON b.sha256=i.sha256 GROUP BY r.key ORDER BY r.key",
        "");
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        struct index_usage usage = { .folders = db_int(st, 1),
                                     .files = db_int(st, 2),
                                     .bytes = db_int(st, 3) };
        text_copy(usage.repo, sizeof usage.repo, st, 0);
        each(ctx, &usage);
    }
    return rc;
}

int index_blobs_usage(struct db *db, int64_t *ret_count, int64_t *ret_bytes, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT count(*), ifnull(sum(size_bytes), 0) FROM blobs", "");
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    *ret_count = db_int(st, 0);
    *ret_bytes = db_int(st, 1);
    db_end(st);
    return 0;
}

int index_blob_is_free(struct db *db, const char *sha256, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT 1 FROM blobs WHERE sha256=?", "t", sha256);
    int rc = db_step(db, st, err);

    if (rc < 0)
        return rc;
    db_end(st);
    return rc == 0;
}
