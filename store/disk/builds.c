#include "store/disk/builds.h"

#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"

enum { SCOPES_TEXT_MAX = 4096, PLACES_LOOKED_AT_MAX = 10000 };

/* --- rows from a file --- */

static char *scopes_text(const json_t *scopes)
{
    struct buf text;
    size_t i;
    const json_t *scope;

    buf_init(&text, SCOPES_TEXT_MAX);
    json_array_foreach((json_t *)scopes, i, scope)
    {
        const char *word = json_string_value(scope);
        if (word)
            buf_printf(&text, "%s%s", text.len ? "," : "", word);
    }
    return buf_take(&text);
}

static int artifact_insert(struct db *db, int64_t module, const struct build_file *file,
                           struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO build_artifacts (module, name, type, repo, path, sha1, md5, sha256)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                  "ittttttt", module, file->name, file->type, file->repo, file->path, file->sha1,
                  file->md5, file->sha256);
}

static int dependency_insert(struct db *db, int64_t module, const struct build_file *file,
                             struct err *err)
{
    auto_free char *scopes = scopes_text(file->scopes);

    return db_run(db, NULL, err,
                  "INSERT INTO build_dependencies (module, name, type, scopes, sha1, md5, sha256)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
                  "itttttt", module, file->name, file->type, scopes, file->sha1, file->md5,
                  file->sha256);
}

static int module_insert(struct db *db, int64_t build, const json_t *module, struct err *err)
{
    struct build_file file;
    int rc = db_run(db, NULL, err, "INSERT INTO build_modules (build, name) VALUES (?, ?)", "it",
                    build, build_module_name(module));
    int64_t id = sqlite3_last_insert_rowid(db_handle(db));

    for (size_t i = 0; rc == 0 && build_module_file(module, BUILD_ARTIFACTS, i, &file); i++)
        rc = artifact_insert(db, id, &file, err);
    for (size_t i = 0; rc == 0 && build_module_file(module, BUILD_DEPENDENCIES, i, &file); i++)
        rc = dependency_insert(db, id, &file, err);
    return rc;
}

int builds_record(struct db *db, int64_t item, const struct build_info *info, struct err *err)
{
    const json_t *module;
    int rc = db_run(db, NULL, err, "DELETE FROM builds WHERE item=?", "i", item);

    if (rc == 0)
        rc = db_run(db, NULL, err,
                    "INSERT INTO builds (item, name, number, started_ms) VALUES (?, ?, ?, ?)",
                    "itti", item, info->name, info->number, info->started_ms);
    int64_t id = sqlite3_last_insert_rowid(db_handle(db));
    for (size_t i = 0; rc == 0 && (module = build_module(info, i)); i++)
        rc = module_insert(db, id, module, err);
    return rc;
}

int builds_unrecorded(struct db *db, item_fn each, void *ctx, struct err *err)
{
    int64_t id;
    int stop = 0;
    int rc = 0;
    sqlite3_stmt *st = db_bind(db,
                               "SELECT i.id FROM items i LEFT JOIN builds b ON b.item=i.id"
                               " WHERE i.repo=? AND i.sha256 IS NOT NULL AND b.id IS NULL",
                               "t", BUILD_REPO);
    struct item item;

    while (stop == 0 && (rc = db_step(db, st, err)) > 0) {
        id = db_int(st, 0);
        rc = index_find_id(db, id, &item, err);
        stop = rc < 0 ? rc : each(ctx, &item);
    }
    db_end(st);
    return rc < 0 ? rc : stop;
}

/* --- which there are --- */

#define BUILD_COLUMNS "id, name, number, started_ms FROM builds"

static void build_read(sqlite3_stmt *st, struct build *ret)
{
    *ret = (struct build){ .id = db_int(st, 0), .started_ms = db_int(st, 3) };
    snprintf(ret->name, sizeof ret->name, "%s", db_text(st, 1));
    snprintf(ret->number, sizeof ret->number, "%s", db_text(st, 2));
}

static int builds_each(struct db *db, sqlite3_stmt *st, build_fn each, void *ctx, struct err *err)
{
    struct build build;
    int stop = 0;
    int rc = 0;

    while (stop == 0 && (rc = db_step(db, st, err)) > 0) {
        build_read(st, &build);
        stop = each(ctx, &build);
    }
    db_end(st);
    return rc < 0 ? rc : stop;
}

int builds_names(struct db *db, build_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db,
                "SELECT id, name, number, max(started_ms) FROM builds GROUP BY name ORDER BY name",
                "");
    return builds_each(db, st, each, ctx, err);
}

int builds_of(struct db *db, const char *name, build_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db, "SELECT " BUILD_COLUMNS " WHERE name=? ORDER BY started_ms DESC, id DESC", "t",
                name);
    return builds_each(db, st, each, ctx, err);
}

int builds_find(struct db *db, const char *name, const char *number, int64_t started_ms,
                struct build *ret, struct err *err)
{
    sqlite3_stmt *st =
        db_bind(db,
                "SELECT " BUILD_COLUMNS " WHERE name=? AND number=? AND (started_ms=? OR ?=0)"
                " ORDER BY started_ms DESC, id DESC LIMIT 1",
                "ttii", name, number, started_ms, started_ms);
    int rc = db_step(db, st, err);

    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no build %s %s", name, number);
    if (rc > 0)
        build_read(st, ret);
    db_end(st);
    return rc < 0 ? rc : 0;
}

int builds_item(struct db *db, const struct build *build, struct item *ret, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT item FROM builds WHERE id=?", "i", build->id);
    int rc = db_step(db, st, err);
    int64_t id = rc > 0 ? db_int(st, 0) : 0;

    db_end(st);
    return rc < 0 ? rc : index_find_id(db, id, ret, err);
}

/* --- where its files are --- */

struct search {
    struct db *db;
    const struct build *build;
    const struct build_file *file;
    const char *repo;
    struct items *found;
    struct err *err;
};

/* 1: it has both properties. */
static int says_so(struct search *search, const struct item *item)
{
    sqlite3_stmt *st =
        db_bind(search->db,
                "SELECT 1 FROM properties a JOIN properties b ON b.item=a.item WHERE a.item=?"
                " AND a.key='build.name' AND a.value=? AND b.key='build.number' AND b.value=?",
                "itt", item->id, search->build->name, search->build->number);
    int rc = db_step(search->db, st, search->err);

    db_end(st);
    return rc;
}

static bool is_in_place(const struct build_file *file, const struct item *item)
{
    return strcmp(file->repo, item->at.repo) == 0 && strcmp(file->path, item->at.path) == 0;
}

static int place_add(void *ctx, const struct item *item)
{
    struct search *search = ctx;
    struct items *found = search->found;

    if (search->repo && strcmp(search->repo, item->at.repo) != 0)
        return 0;
    int rc = says_so(search, item);
    if (rc < 0)
        return rc;
    enum likeness likeness = rc > 0                            ? SAYS_SO
                             : is_in_place(search->file, item) ? IS_IN_PLACE
                                                               : HAS_BYTES;
    if (likeness < found->likeness)
        return 0;
    if (likeness > found->likeness)
        found->count = 0;
    found->likeness = likeness;
    if (found->count == BUILD_PLACES_MAX)
        return err_set(search->err, ERR_LIMIT, "'%.100s' lies at more than %d places",
                       search->file->name, BUILD_PLACES_MAX);
    found->list = xrealloc(found->list, (found->count + 1) * sizeof *found->list);
    found->list[found->count++] = *item;
    return 0;
}

int builds_locate(struct db *db, const struct build *build, const struct build_file *file,
                  const char *repo, struct items *ret, struct err *err)
{
    struct search search = {
        .db = db, .build = build, .file = file, .repo = repo, .found = ret, .err = err
    };
    struct claim claim = { 0 };
    struct digests digests;

    *ret = (struct items){ 0 };
    if (claim_add(&claim, CLAIM_SHA256, file->sha256, NULL) < 0 ||
        claim_add(&claim, CLAIM_SHA1, file->sha1, NULL) < 0 ||
        claim_add(&claim, CLAIM_MD5, file->md5, NULL) < 0 || claim_is_empty(&claim))
        return 0; /* what it tells is no checksum: nothing has it */
    int rc = index_find_claimed(db, &claim, &digests, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = index_with_bytes(db, digests.sha256, PLACES_LOOKED_AT_MAX, place_add, &search, err);
    if (rc < 0)
        items_done(ret);
    return rc;
}

void items_done(struct items *items)
{
    free(items->list);
    *items = (struct items){ 0 };
}
