#include "store/disk/names.h"

#include <string.h>

/* 1 or 0. */
static int some(struct db *db, sqlite3_stmt *st, struct err *err)
{
    int rc = db_step(db, st, err);

    if (rc > 0)
        db_end(st);
    return rc;
}

static int holds_versions(struct db *db, const char *repo, const char *name, struct err *err)
{
    int rc = some(db,
                  db_bind(db,
                          "SELECT 1 FROM items v WHERE v.repo=? AND v.path=? AND v.sha256 IS NULL"
                          " AND EXISTS (SELECT 1 FROM items f WHERE f.repo=v.repo"
                          " AND f.path=v.path||'/'||v.name AND f.sha256 IS NOT NULL) LIMIT 1",
                          "tt", repo, name),
                  err);

    if (rc != 0)
        return rc;
    rc = some(db,
              db_bind(db, "SELECT 1 FROM items WHERE repo=? AND path=? LIMIT 1", "tt", repo, name),
              err);
    return rc < 0 ? rc : rc == 0;
}

int names_has(struct db *reader, const char *repo, enum name_kind kind, const char *name,
              struct err *err)
{
    struct item_path at = { .folder = true };
    struct item item;

    snprintf(at.repo, sizeof at.repo, "%s", repo);
    snprintf(at.path, sizeof at.path, "%s", name);
    int rc = index_find(reader, &at, &item, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc < 0 || kind == NAME_SURE)
        return rc < 0 ? rc : 1;
    return holds_versions(reader, repo, name, err);
}
