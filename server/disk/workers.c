#include "server/disk/workers.h"

#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

/* What is true of the moment only is left out.  Gives; free(). */
static char *worker_doc(const struct sos_worker *worker)
{
    struct sos_worker kept = *worker;
    kept.state = SOS_WORKER_STATE_UNSPECIFIED;
    kept.builds = NULL;
    kept.builds_count = 0;
    return sos_worker_text(&kept, NULL);
}

int workers_update(struct db *db, const struct sos_worker *worker, const char *session,
                   struct err *err)
{
    auto_free char *doc = worker_doc(worker);
    return db_run(db, NULL, err, "UPDATE workers SET doc = ? WHERE name = ? AND session = ?", "ttt",
                  doc, worker->name, session);
}

int workers_put(struct db *db, const struct sos_worker *worker, const char *session,
                struct err *err)
{
    auto_free char *doc = worker_doc(worker);
    return db_run(db, NULL, err,
                  "INSERT INTO workers (name, session, doc) VALUES (?, ?, ?)"
                  " ON CONFLICT (name) DO UPDATE SET session = excluded.session,"
                  " doc = excluded.doc",
                  "ttt", worker->name, session, doc);
}

int workers_load(struct db *db, worker_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, "SELECT doc, session FROM workers ORDER BY name", "");
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        struct sos_worker worker;
        const char *doc = db_text(statement, 0);
        rc = sos_worker_read(doc, strlen(doc), &worker, err);
        if (rc < 0) {
            err_wrap(err, "a worker on disk");
            break;
        }
        rc = each(ctx, &worker, db_text(statement, 1));
        sos_worker_done(&worker);
        if (rc != 0)
            break;
    }
    db_end(statement);
    return rc;
}
