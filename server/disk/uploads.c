#include "server/disk/uploads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/disk/blobrows.h"
#include "sos/base/auto.h"

int blobrow_need(struct db *db, const char *sha256, int64_t *ret_number, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db,
                                      "INSERT INTO blobs (sha256) VALUES (?)"
                                      " ON CONFLICT (sha256) DO UPDATE SET doomed = 0"
                                      " RETURNING number",
                                      "t", sha256);
    int rc = db_step(db, statement, err);
    if (rc > 0)
        *ret_number = db_int(statement, 0);
    db_end(statement);
    return rc < 0 ? rc : 0;
}

/* One number that a bound statement gives; 0 when it gives none. */
static int step_int(struct db *db, sqlite3_stmt *statement, int64_t *ret, struct err *err)
{
    int rc = db_step(db, statement, err);
    *ret = rc > 0 ? db_int(statement, 0) : 0;
    db_end(statement);
    return rc < 0 ? rc : 0;
}

int uploads_expect(struct db *db, const char *build, const char *sha256, struct err *err)
{
    int64_t number, count, blob;
    int rc = step_int(db, db_bind(db, "SELECT number FROM builds WHERE id = ?", "t", build),
                      &number, err);
    if (rc == 0 && number == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no such build");
    if (rc == 0)
        rc = blobrow_need(db, sha256, &blob, err);
    if (rc == 0)
        rc = db_run(db, NULL, err,
                    "INSERT INTO uploads (build, blob) VALUES (?, ?) ON CONFLICT DO NOTHING", "ii",
                    number, blob);
    if (rc == 0)
        rc = step_int(db, db_bind(db, "SELECT count(*) FROM uploads WHERE build = ?", "i", number),
                      &count, err);
    if (rc == 0 && count > UPLOADS_MAX)
        rc = err_set(err, ERR_LIMIT, "a build has at most %d artifact files", UPLOADS_MAX);
    return rc;
}

int uploads_has(struct db *db, const char *build, const char *sha256, struct err *err)
{
    int64_t found;
    int rc = step_int(db,
                      db_bind(db,
                              "SELECT 1 FROM uploads JOIN builds ON builds.number = uploads.build"
                              " JOIN blobs ON blobs.number = uploads.blob"
                              " WHERE builds.id = ? AND blobs.sha256 = ?",
                              "tt", build, sha256),
                      &found, err);
    return rc < 0 ? rc : (int)found;
}

/* --- garbage: 0 -> 1 when its last need ends -> 2 in a sweep -> gone in the next --- */

struct garbage {
    int64_t number;
    char sha256[SHA256_HEX];
};

/* The files that an earlier sweep condemned: whoever needed one since has taken it back to 0. */
static int condemned(struct db *db, int max, struct garbage *ret, int *ret_count, struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT number, sha256 FROM blobs WHERE doomed > 0 AND doomed = 2"
                " AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob = blobs.number) LIMIT ?",
                "i", (int64_t)max);
    int count = 0, rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        ret[count].number = db_int(statement, 0);
        snprintf(ret[count].sha256, sizeof ret[count].sha256, "%s", db_text(statement, 1));
        count++;
    }
    *ret_count = count;
    return rc;
}

static int garbage_remove(struct db *db, struct blobs *blobs, int max, int *ret_removed,
                          struct err *err)
{
    auto_free struct garbage *garbage = xcalloc((size_t)max, sizeof *garbage);
    int count;
    int rc = condemned(db, max, garbage, &count, err);
    for (int i = 0; rc == 0 && i < count; i++) {
        if (blobs_have(blobs, garbage[i].sha256)) {
            rc = blobs_remove(blobs, garbage[i].sha256, err);
            (*ret_removed)++;
        }
        if (rc == 0)
            rc =
                db_run(db, NULL, err, "DELETE FROM blobs WHERE number = ?", "i", garbage[i].number);
    }
    return rc;
}

/* Final builds need their uploads no more. */
static int uploads_drop(struct db *db, int max, struct err *err)
{
    int rc = db_run(db, NULL, err,
                    "UPDATE blobs SET doomed = 1 WHERE doomed = 0 AND number IN"
                    " (SELECT blob FROM uploads JOIN builds ON builds.number = uploads.build"
                    "  WHERE NOT live ORDER BY build, blob LIMIT ?)"
                    " AND NOT EXISTS (SELECT 1 FROM source_blobs WHERE blob = blobs.number)"
                    " AND NOT EXISTS (SELECT 1 FROM uploads JOIN builds ON"
                    "  builds.number = uploads.build WHERE blob = blobs.number AND live)",
                    "i", (int64_t)max);
    if (rc < 0)
        return rc;
    return db_run(db, NULL, err,
                  "DELETE FROM uploads WHERE (build, blob) IN"
                  " (SELECT build, blob FROM uploads JOIN builds ON"
                  "  builds.number = uploads.build WHERE NOT live ORDER BY build, blob LIMIT ?)",
                  "i", (int64_t)max);
}

int garbage_sweep(struct db *db, struct blobs *blobs, int max, int *ret_removed, struct err *err)
{
    int removed = 0;
    int rc = garbage_remove(db, blobs, max, &removed, err);
    if (rc == 0)
        rc = db_run(db, NULL, err,
                    "UPDATE blobs SET doomed = 2 WHERE number IN"
                    " (SELECT number FROM blobs WHERE doomed > 0 AND doomed = 1 LIMIT ?)",
                    "i", (int64_t)max);
    if (rc == 0)
        rc = uploads_drop(db, max, err);
    if (rc == 0)
        *ret_removed = removed;
    return rc;
}
