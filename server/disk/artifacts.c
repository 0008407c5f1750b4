#include "server/disk/artifacts.h"

#include <stdlib.h>
#include <string.h>

#include "server/disk/page.h"
#include "sos/base/auto.h"

#define ARTIFACT_COLUMNS "number, name, version, platform, run, build, url, create_time"

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* "" comes back as no text, as it went. */
static char *column_dup(sqlite3_stmt *statement, int column)
{
    const char *text = db_text(statement, column);
    return *text ? xstrdup(text) : NULL;
}

static void artifact_read(sqlite3_stmt *statement, struct sos_artifact *ret)
{
    *ret = (struct sos_artifact){ .name = column_dup(statement, 1),
                                  .version = column_dup(statement, 2),
                                  .platform = column_dup(statement, 3),
                                  .run = column_dup(statement, 4),
                                  .build = column_dup(statement, 5),
                                  .url = column_dup(statement, 6),
                                  .create_time_ms = db_int(statement, 7) };
}

static void file_push(struct sos_artifact *artifact, sqlite3_stmt *statement)
{
    artifact->files =
        xrealloc(artifact->files, (artifact->files_count + 1) * sizeof *artifact->files);
    artifact->files[artifact->files_count++] = (struct sos_artifact_file){
        .path = column_dup(statement, 0),
        .size_bytes = db_int(statement, 1),
        .sha256 = column_dup(statement, 2),
        .sha1 = column_dup(statement, 3),
        .md5 = column_dup(statement, 4),
        .url = column_dup(statement, 5),
    };
}

static int files_read(struct db *db, int64_t number, struct sos_artifact *artifact, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "SELECT path, size_bytes, sha256, sha1, md5, url"
                                      " FROM artifact_files WHERE artifact = ? ORDER BY path",
                                      "i", number);
    int rc;
    while ((rc = db_step(db, statement, err)) > 0)
        file_push(artifact, statement);
    return rc;
}

int artifacts_get(struct db *db, const char *name, const char *version, struct sos_artifact *ret,
                  struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db, "SELECT " ARTIFACT_COLUMNS " FROM artifacts WHERE name = ? AND version = ?",
                "tt", name, version);
    int rc = db_step(db, statement, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no artifact %s@%s", name, version);
    if (rc < 0)
        return rc;
    struct sos_artifact artifact;
    int64_t number = db_int(statement, 0);
    artifact_read(statement, &artifact);
    db_end(statement);
    rc = files_read(db, number, &artifact, err);
    if (rc < 0) {
        sos_artifact_done(&artifact);
        return rc;
    }
    *ret = artifact;
    return 0;
}

static const struct sos_artifact_file *file_find(const struct sos_artifact *artifact,
                                                 const char *path)
{
    for (size_t i = 0; i < artifact->files_count; i++)
        if (strcmp(artifact->files[i].path, path) == 0)
            return &artifact->files[i];
    return NULL;
}

static int conflict(struct err *err)
{
    err_hint(err, "a version is published once; build under a new one");
    err_reason(err, "VERSION_CONFLICT");
    return -ERR_CONFLICT;
}

/* The same paths with the same bytes, or why not. */
static int artifact_compare(const struct sos_artifact *had, const struct sos_artifact *new,
                            struct err *err)
{
    for (size_t i = 0; i < new->files_count; i++) {
        const struct sos_artifact_file *file = &new->files[i];
        const struct sos_artifact_file *old = file_find(had, file->path);
        if (old && strcmp(old->sha256, file->sha256) == 0)
            continue;
        err_set(err, ERR_CONFLICT, "%s@%s is there with sha256 %s, not %s", had->name, had->version,
                old ? old->sha256 : "of other files", file->sha256);
        return conflict(err);
    }
    if (had->files_count == new->files_count)
        return 0;
    err_set(err, ERR_CONFLICT, "%s@%s is there with %zu files, not %zu", had->name, had->version,
            had->files_count, new->files_count);
    return conflict(err);
}

static int artifact_insert(struct db *db, const struct sos_artifact *artifact, struct err *err)
{
    int rc = db_run(db, NULL, err,
                    "INSERT INTO artifacts (name, version, platform, run, build, url, create_time)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "tttttti", artifact->name, artifact->version, or_empty(artifact->platform),
                    or_empty(artifact->run), or_empty(artifact->build), or_empty(artifact->url),
                    artifact->create_time_ms);
    if (rc < 0)
        return rc;
    int64_t number = sqlite3_last_insert_rowid(db_handle(db));
    for (size_t i = 0; rc == 0 && i < artifact->files_count; i++) {
        const struct sos_artifact_file *file = &artifact->files[i];
        rc = db_run(db, NULL, err,
                    "INSERT INTO artifact_files (artifact, path, size_bytes, sha256, sha1, md5,"
                    " url) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "ititttt", number, file->path, file->size_bytes, file->sha256,
                    or_empty(file->sha1), or_empty(file->md5), or_empty(file->url));
    }
    return rc;
}

int artifacts_put(struct db *db, const struct sos_artifact *artifact, struct err *err)
{
    struct sos_artifact had;
    struct err missing; /* not an error here */
    int rc = artifacts_get(db, artifact->name, artifact->version, &had, &missing);
    if (rc == -ERR_NOT_FOUND)
        return artifact_insert(db, artifact, err);
    if (rc < 0) {
        if (err)
            *err = missing;
        return rc;
    }
    rc = artifact_compare(&had, artifact, err);
    sos_artifact_done(&had);
    return rc;
}

static int list_read(struct db *db, const char *name, const struct page *page,
                     struct sos_list_artifacts_response *list, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "SELECT " ARTIFACT_COLUMNS " FROM artifacts"
                                      " WHERE number < ?2 AND (?1 IS NULL OR name = ?1)"
                                      " ORDER BY number DESC LIMIT ?3",
                                      "tii", name, page->before, page->size + 1);
    int64_t last = 0;
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        if (list->artifacts_count == (size_t)page->size) {
            list->next_page_token = page_token(last);
            break;
        }
        last = db_int(statement, 0);
        struct sos_artifact *artifact = &list->artifacts[list->artifacts_count++];
        artifact_read(statement, artifact);
        rc = files_read(db, last, artifact, err);
        if (rc < 0)
            break;
    }
    db_end(statement);
    return rc;
}

int artifacts_list(struct db *db, const char *name, int32_t page_size, const char *token,
                   struct sos_list_artifacts_response *ret, struct err *err)
{
    struct page page = { 0 };
    int rc = page_parse(page_size, token, &page, err);
    if (rc < 0)
        return rc;
    struct sos_list_artifacts_response list = { .artifacts = xcalloc((size_t)page.size,
                                                                     sizeof *list.artifacts) };
    rc = list_read(db, name, &page, &list, err);
    if (rc < 0) {
        sos_list_artifacts_response_done(&list);
        return rc;
    }
    *ret = list;
    return 0;
}
