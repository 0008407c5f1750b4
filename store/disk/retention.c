#include "store/disk/retention.h"

#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/index_own.h"

enum { FOLDERS_AT_ONCE = 50, ITEMS_AT_ONCE = 500, REMOVED_AT_ONCE = 1000 };

/* The property is on the item itself or, of a folder, on a file in it. */
#define IS_PINNED                                                                                  \
    "EXISTS (SELECT 1 FROM properties p WHERE p.item=i.id AND p.key=?2"                            \
    " AND (?3 IS NULL OR p.value=?3))"
#define HOLDS_PINNED                                                                               \
    "EXISTS (SELECT 1 FROM items f" BY_PLACE                                                       \
    "CROSS JOIN properties p ON p.item=f.id WHERE f.repo=i.repo"                                   \
    " AND f.path=" UNIT_PATH " AND p.key=?2 AND (?3 IS NULL OR p.value=?3))"
#define UNIT_PATH "(CASE i.path WHEN '' THEN i.name ELSE i.path || '/' || i.name END)"

/* Files of the folder, the newest first. */
#define FILES                                                                                      \
    "SELECT i.name, i.modified_ms, 1, b.size_bytes, " IS_PINNED " FROM items i" BY_PLACE           \
    "JOIN blobs b ON b.sha256=i.sha256 WHERE i.repo=?1 AND i.path=?4"                              \
    " ORDER BY i.modified_ms DESC, i.name"
/* Folders in it that files lie in, the one with the newest first. */
#define FOLDERS                                                                                    \
    "SELECT i.name, max(f.modified_ms), count(*), sum(b.size_bytes),"                              \
    " " IS_PINNED " OR " HOLDS_PINNED " FROM items i" BY_PLACE " CROSS JOIN items f" BY_PLACE      \
    "ON f.repo=i.repo AND f.path=" UNIT_PATH " AND f.sha256 IS NOT NULL"                           \
    " JOIN blobs b ON b.sha256=f.sha256"                                                           \
    " WHERE i.repo=?1 AND i.path=?4 AND i.sha256 IS NULL GROUP BY i.id"                            \
    " ORDER BY max(f.modified_ms) DESC, i.name"

void retention_finds_done(struct retention_finds *finds)
{
    free(finds->list);
    *finds = (struct retention_finds){ 0 };
}

static struct retention_find *finds_add(struct retention_finds *finds)
{
    finds->list = xrealloc(finds->list, (finds->count + 1) * sizeof *finds->list);
    struct retention_find *find = &finds->list[finds->count++];
    *find = (struct retention_find){ 0 };
    return find;
}

static sqlite3_stmt *units_bind(struct db *db, const struct retention_rule *rule,
                                const char *folder)
{
    return db_bind(db, rule->folders ? FOLDERS : FILES, rule->has_value ? "tttt" : "ttnt",
                   rule->repo, rule->key, rule->has_value ? rule->value : folder, folder);
}

/* What lies at `name` in the folder. */
static void unit_path(const struct retention_rule *rule, const char *folder, const char *name,
                      struct item_path *ret)
{
    *ret = (struct item_path){ .folder = rule->folders };
    memcpy(ret->repo, rule->repo, sizeof ret->repo);
    snprintf(ret->path, sizeof ret->path, "%s%s%s", folder, *folder ? "/" : "", name);
}

/* Those that are kept by a property are counted among the newest, too.  Returns how many were
 * looked at. */
static int folder_look(struct db *db, const struct retention_rule *rule, const char *folder,
                       int64_t now_ms, struct retention_finds *ret, struct err *err)
{
    sqlite3_stmt *st = units_bind(db, rule, folder);
    struct item_path at;
    int64_t rank = 0;
    int looked = 0;
    int rc;

    for (; (rc = db_step(db, st, err)) > 0; looked++) {
        unit_path(rule, folder, db_text(st, 0), &at);
        if (!retention_matches(rule, at.path))
            continue;
        if (retention_is_over(rule, rank++, db_int(st, 1), now_ms) && db_int(st, 4) == 0) {
            struct retention_find *find = finds_add(ret);
            find->at = at;
            find->modified_ms = db_int(st, 1);
            find->files = db_int(st, 2);
            find->bytes = db_int(st, 3);
            find->rank = rank - 1;
        }
    }
    return rc < 0 ? rc : looked;
}

/* 1: place->folder is the next one that anything lies in. */
static int folder_next(struct db *db, const struct retention_rule *rule,
                       struct retention_place *place, struct err *err)
{
    sqlite3_stmt *st =
        place->begun
            ? db_bind(db, "SELECT path FROM items WHERE repo=? AND path>? ORDER BY path LIMIT 1",
                      "tt", rule->repo, place->folder)
            : db_bind(db, "SELECT path FROM items WHERE repo=? ORDER BY path LIMIT 1", "t",
                      rule->repo);
    int rc = db_step(db, st, err);

    if (rc > 0)
        snprintf(place->folder, sizeof place->folder, "%s", db_text(st, 0));
    db_end(st);
    place->begun = true;
    return rc;
}

int retention_next(struct db *db, const struct retention_rule *rule, int64_t now_ms,
                   struct retention_place *place, struct retention_finds *ret, struct err *err)
{
    int looked = 0;

    for (int i = 0; i < FOLDERS_AT_ONCE && looked < ITEMS_AT_ONCE; i++) {
        int rc = folder_next(db, rule, place, err);
        if (rc > 0)
            rc = folder_look(db, rule, place->folder, now_ms, ret, err);
        else if (rc == 0)
            return 0;
        if (rc < 0)
            return rc;
        looked += rc;
    }
    return 1;
}

/* Is it as it was found?  A folder of which a part is gone already is older, never newer. */
static int find_is_current(struct db *db, const struct retention_rule *rule,
                           const struct retention_find *find, struct err *err)
{
    struct split split;
    bool same = true;
    int rc;

    split_path(&find->at, &split);
    sqlite3_stmt *st = units_bind(db, rule, split.folder);
    while ((rc = db_step(db, st, err)) > 0)
        if (strcmp(db_text(st, 0), split.name) == 0)
            same = db_int(st, 1) <= find->modified_ms && db_int(st, 4) == 0;
    return rc < 0 ? rc : same;
}

int retention_remove(struct db *db, const struct retention_rule *rule,
                     const struct retention_find *find, struct freed *freed, struct err *err)
{
    int rc = find_is_current(db, rule, find, err);

    if (rc == 0)
        return err_set(err, ERR_CONFLICT, "%s changed meanwhile and stays", find->at.path);
    if (rc > 0)
        rc = index_delete_some(db, &find->at, REMOVED_AT_ONCE, NULL, freed, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}
