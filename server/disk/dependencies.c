#include "server/disk/dependencies.h"

#include <stdlib.h>
#include <string.h>

#include "server/disk/page.h"
#include "sos/base/auto.h"

/* --- adding --- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int download_add(struct db *db, const struct sos_dependency *file, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT OR IGNORE INTO downloads (url, sha256, repository, path, size_bytes,"
                  " metadata) VALUES (?, ?, ?, ?, ?, ?)",
                  "ttttii", or_empty(file->url), or_empty(file->sha256), or_empty(file->repository),
                  or_empty(file->path), file->size_bytes, (int64_t)file->metadata);
}

int dependencies_add(struct db *db, const char *build, int32_t attempt, int32_t first,
                     const struct sos_dependency *all, size_t count, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = download_add(db, &all[i], err);
        if (rc < 0)
            break;
        rc = db_run(db, NULL, err,
                    "INSERT OR IGNORE INTO dependencies (build, attempt, place, download, cached)"
                    " VALUES ((SELECT number FROM builds WHERE id = ?), ?, ?,"
                    " (SELECT number FROM downloads WHERE url = ? AND sha256 = ?), ?)",
                    "tiitti", build, (int64_t)attempt, (int64_t)first + (int64_t)i,
                    or_empty(all[i].url), or_empty(all[i].sha256), (int64_t)all[i].cached);
    }
    return rc;
}

/* --- going --- */

int dependencies_forget(struct db *db, const char *build, int32_t attempt, struct err *err)
{
    return db_run(db, NULL, err,
                  "DELETE FROM dependencies WHERE build = (SELECT number FROM builds WHERE id = ?)"
                  " AND attempt < ?",
                  "ti", build, (int64_t)attempt);
}

#define LOOSE(has)                                                                                 \
    " number IN (SELECT number FROM downloads f WHERE loose = 1 AND " has                          \
    " (SELECT 1 FROM dependencies WHERE download = f.number) LIMIT ?)"

int downloads_sweep(struct db *db, int max, struct err *err)
{
    int rc =
        db_run(db, NULL, err, "DELETE FROM downloads WHERE" LOOSE("NOT EXISTS"), "i", (int64_t)max);
    if (rc == 0)
        rc = db_run(db, NULL, err, "UPDATE downloads SET loose = 0 WHERE" LOOSE("EXISTS"), "i",
                    (int64_t)max);
    return rc;
}

/* --- listing --- */

struct place_page {
    int64_t size;
    int64_t from; /* the first place */
};

static int place_page_parse(int32_t size, const char *token, struct place_page *ret,
                            struct err *err)
{
    struct page page = { 0 }; /* its token is a number too, and no token the largest */
    int rc = page_parse(1, token && *token ? token : "0", &page, err);
    if (rc < 0)
        return rc;
    ret->from = page.before;
    ret->size = size <= 0 || size > DEPENDENCIES_PAGE_MAX ? DEPENDENCIES_PAGE_MAX : size;
    return 0;
}

static char *column_dup(sqlite3_stmt *statement, int column)
{
    const char *text = db_text(statement, column);
    return *text ? xstrdup(text) : NULL;
}

static void dependency_read(sqlite3_stmt *statement, struct sos_dependency *ret)
{
    *ret = (struct sos_dependency){ .repository = column_dup(statement, 1),
                                    .path = column_dup(statement, 2),
                                    .url = column_dup(statement, 3),
                                    .sha256 = column_dup(statement, 4),
                                    .size_bytes = db_int(statement, 5),
                                    .metadata = db_int(statement, 6) != 0,
                                    .cached = db_int(statement, 7) != 0 };
}

static int list_read(struct db *db, const struct place_page *page,
                     struct sos_list_dependencies_response *list, struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT place, repository, path, url, sha256, size_bytes, metadata, cached"
                " FROM builds b JOIN dependencies d ON d.build = b.number"
                " AND d.attempt = b.attempt JOIN downloads f ON f.number = d.download"
                " WHERE b.id = ?1 AND place >= ?2 ORDER BY place LIMIT ?3",
                "tii", list->build, page->from, page->size + 1);
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        if (list->dependencies_count == (size_t)page->size) {
            list->next_page_token = page_token(db_int(statement, 0));
            break;
        }
        dependency_read(statement, &list->dependencies[list->dependencies_count++]);
    }
    db_end(statement);
    return rc < 0 ? rc : 0;
}

/* Whose they are: the build's own, or its origin's. */
static int owner_find(struct db *db, const char *build, char **ret, struct err *err)
{
    struct build_row row;
    int rc = builds_get(db, build, &row, err);
    if (rc < 0)
        return rc;
    bool reused = row.msg.origin == SOS_BUILD_ORIGIN_REUSED && row.msg.origin_build;
    *ret = xstrdup(reused ? row.msg.origin_build : row.msg.id);
    build_row_done(&row);
    return 0;
}

int dependencies_list(struct db *db, const char *build, int32_t page_size, const char *token,
                      struct sos_list_dependencies_response *ret, struct err *err)
{
    struct place_page page = { 0 };
    struct sos_list_dependencies_response list = { 0 };
    int rc = place_page_parse(page_size, token, &page, err);
    if (rc == 0)
        rc = owner_find(db, build, &list.build, err);
    if (rc < 0)
        return rc;
    list.dependencies = xcalloc((size_t)page.size, sizeof *list.dependencies);
    rc = list_read(db, &page, &list, err);
    if (rc < 0) {
        sos_list_dependencies_response_done(&list);
        return rc;
    }
    *ret = list;
    return 0;
}
