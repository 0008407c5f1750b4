#include "server/disk/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"

void attempt_row_done(struct attempt_row *row)
{
    free(row->worker);
    sos_result_done(&row->result);
    sos_log_info_done(&row->log);
    *row = (struct attempt_row){ 0 };
}

int attempts_begin(struct db *db, const char *build, const struct attempt_row *row, struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO attempts (build, attempt, fence, worker, slot, lease_time)"
                  " VALUES ((SELECT number FROM builds WHERE id = ?), ?, ?, ?, ?, ?)",
                  "tiitii", build, (int64_t)row->attempt, row->fence, row->worker,
                  (int64_t)row->slot, row->lease_wall_ms);
}

int attempts_end(struct db *db, const char *build, int32_t attempt, int64_t wall_ms,
                 const struct sos_result *result, const struct sos_log_info *log, struct err *err)
{
    auto_free char *result_text = sos_result_text(result, NULL);
    auto_free char *log_text = sos_log_info_text(log, NULL);
    return db_run(db, NULL, err,
                  "UPDATE attempts SET end_time = ?, result = ?, log = ?"
                  " WHERE build = (SELECT number FROM builds WHERE id = ?) AND attempt = ?"
                  " AND end_time = 0",
                  "ittti", wall_ms, result_text, log_text, build, (int64_t)attempt);
}

static int attempt_read(sqlite3_stmt *statement, struct attempt_row *ret, struct err *err)
{
    struct attempt_row row = { .attempt = (int32_t)db_int(statement, 0),
                               .fence = db_int(statement, 1),
                               .worker = xstrdup(db_text(statement, 2)),
                               .slot = (int32_t)db_int(statement, 3),
                               .lease_wall_ms = db_int(statement, 4),
                               .end_wall_ms = db_int(statement, 5) };
    int rc = 0;
    if (row.end_wall_ms) {
        const char *result = db_text(statement, 6), *log = db_text(statement, 7);
        rc = sos_result_read(result, strlen(result), &row.result, err);
        if (rc == 0)
            rc = sos_log_info_read(log, strlen(log), &row.log, err);
    }
    if (rc < 0) {
        attempt_row_done(&row);
        err_wrap(err, "an attempt on disk");
        return rc;
    }
    *ret = row;
    return 0;
}

int attempts_get(struct db *db, const char *build, int32_t attempt, struct attempt_row *ret,
                 struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT attempt, fence, worker, slot, lease_time, end_time, result, log"
                " FROM attempts WHERE build = (SELECT number FROM builds WHERE id = ?1)"
                " AND (?2 = 0 OR attempt = ?2) ORDER BY attempt DESC LIMIT 1",
                "ti", build, (int64_t)attempt);
    int rc = db_step(db, statement, err);
    if (rc == 0)
        rc = err_set(err, ERR_NOT_FOUND, "the build has no such attempt");
    else if (rc > 0)
        rc = attempt_read(statement, ret, err);
    db_end(statement);
    return rc;
}
