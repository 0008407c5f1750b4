#include <stdlib.h>
#include <string.h>

#include "server/disk/artifacts.h"
#include "sos/base/auto.h"

void publication_done(struct publication *publication)
{
    free(publication->build);
    free(publication->note);
    sos_artifact_done(&publication->artifact);
    *publication = (struct publication){ 0 };
}

int publications_add(struct db *db, const char *build, const struct sos_artifact *artifact,
                     int64_t wall_ms, struct err *err)
{
    auto_free char *text = sos_artifact_text(artifact, NULL);
    return db_run(db, NULL, err,
                  "INSERT INTO publications (build, artifact, create_time)"
                  " VALUES ((SELECT number FROM builds WHERE id = ?), ?, ?)"
                  " ON CONFLICT (build) DO NOTHING",
                  "tti", build, text, wall_ms);
}

int publications_failed(struct db *db, const char *build, const char *note, struct err *err)
{
    return db_run(db, NULL, err,
                  "UPDATE publications SET tries = tries + 1, note = ?"
                  " WHERE build = (SELECT number FROM builds WHERE id = ?)",
                  "tt", note, build);
}

int publications_remove(struct db *db, const char *build, struct err *err)
{
    return db_run(db, NULL, err,
                  "DELETE FROM publications WHERE build = (SELECT number FROM builds WHERE id = ?)",
                  "t", build);
}

static int publication_read(sqlite3_stmt *statement, struct publication *ret, struct err *err)
{
    struct publication row = { .create_wall_ms = db_int(statement, 2),
                               .tries = (int32_t)db_int(statement, 3) };
    const char *text = db_text(statement, 1), *note = db_text(statement, 4);
    int rc = sos_artifact_read(text, strlen(text), &row.artifact, err);
    if (rc < 0) {
        err_wrap(err, "a publication on disk");
        return rc;
    }
    row.build = xstrdup(db_text(statement, 0));
    row.note = *note ? xstrdup(note) : NULL;
    *ret = row;
    return 0;
}

int publications_each(struct db *db, publication_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT builds.id, artifact, publications.create_time, tries, note"
                " FROM publications JOIN builds ON builds.number = publications.build"
                " ORDER BY publications.create_time, publications.build",
                "");
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        struct publication publication;
        rc = publication_read(statement, &publication, err);
        if (rc == 0) {
            rc = each(ctx, &publication);
            publication_done(&publication);
        }
        if (rc != 0)
            break;
    }
    db_end(statement);
    return rc;
}
