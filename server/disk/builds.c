#include "server/disk/builds.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/disk/builds_own.h"
#include "sos/base/auto.h"

void build_row_done(struct build_row *row)
{
    sos_build_done(&row->msg);
    *row = (struct build_row){ 0 };
}

const char *state_text(enum sos_build_state state)
{
    const char *name = wire_enum_name(&sos_build_state_enum, (int)state);
    assert(name && state != SOS_BUILD_STATE_UNSPECIFIED);
    return name;
}

const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

char *build_doc(const struct sos_build *msg)
{
    struct sos_build kept = *msg;
    kept.queue = NULL;
    return sos_build_text(&kept, NULL);
}

int build_row_read(sqlite3_stmt *statement, struct build_row *ret, struct err *err)
{
    struct build_row row = { .revision = db_int(statement, 1), .fence = db_int(statement, 2) };
    const char *doc = db_text(statement, 0);
    int rc = sos_build_read(doc, strlen(doc), &row.msg, err);
    if (rc < 0) {
        err_wrap(err, "a build on disk");
        return rc;
    }
    snprintf(row.session, sizeof row.session, "%s", db_text(statement, 3));
    snprintf(row.fingerprint, sizeof row.fingerprint, "%s", db_text(statement, 4));
    *ret = row;
    return 0;
}

int build_row_one(struct db *db, sqlite3_stmt *statement, struct build_row *ret, struct err *err)
{
    int rc = db_step(db, statement, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no such build");
    if (rc > 0)
        rc = build_row_read(statement, ret, err);
    db_end(statement);
    return rc;
}

int event_add(struct db *db, const struct build_row *row, const struct history_event *event,
              struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO events (build, revision, time, name, state, attempt, subject,"
                  " detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                  "iiittitt", (int64_t)row->msg.number, row->revision, event->wall_ms, event->name,
                  state_text(row->msg.state), (int64_t)row->msg.attempt, event->subject,
                  event->detail);
}

/* Nothing was updated: say why. */
static int save_refused(struct db *db, const struct build_row *row, struct err *err)
{
    struct build_row now;
    int rc = builds_get(db, row->msg.id, &now, err);
    if (rc < 0)
        return rc;
    err_set(err, ERR_CONFLICT,
            "build %s is %s at revision %" PRId64 ", fence %" PRId64 ": %s at %" PRId64
            ", fence %" PRId64 " was not saved",
            row->msg.id, state_text(now.msg.state), now.revision, now.fence,
            state_text(row->msg.state), row->revision, row->fence);
    build_row_done(&now);
    return -ERR_CONFLICT;
}

int builds_save(struct db *db, const struct build_row *row, const struct history_event *event,
                struct err *err)
{
    const struct sos_build *msg = &row->msg;
    auto_free char *doc = build_doc(msg);
    int changed = 0;
    int rc = db_run(db, &changed, err,
                    "UPDATE builds SET state = ?1, revision = ?2, attempt = ?3, fence = ?4,"
                    " session = ?5, finish_time = ?6, doc = ?7"
                    " WHERE id = ?8 AND revision < ?2 AND fence <= ?4 AND (?9 OR state = ?1)",
                    "tiiititti", state_text(msg->state), row->revision, (int64_t)msg->attempt,
                    row->fence, row->session, msg->finish_time_ms, doc, msg->id,
                    (int64_t)(event != NULL));
    if (rc == 0 && changed == 0)
        rc = save_refused(db, row, err);
    if (rc == 0 && event)
        rc = event_add(db, row, event, err);
    return rc;
}

int builds_get(struct db *db, const char *id, struct build_row *ret, struct err *err)
{
    const char *digits = *id == '#' ? id + 1 : id;
    bool is_number = *digits && strlen(digits) <= 10 && !digits[strspn(digits, "0123456789")];
    sqlite3_stmt *statement =
        is_number ? db_bind(db, "SELECT " BUILD_COLUMNS " FROM builds WHERE number = ?", "i",
                            (int64_t)strtoll(digits, NULL, 10))
                  : db_bind(db, "SELECT " BUILD_COLUMNS " FROM builds WHERE id = ?", "t", id);
    return build_row_one(db, statement, ret, err);
}

int builds_live(struct db *db, build_row_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db, "SELECT " BUILD_COLUMNS " FROM builds WHERE live ORDER BY number", "");
    int rc;
    while ((rc = db_step(db, statement, err)) > 0) {
        struct build_row row;
        rc = build_row_read(statement, &row, err);
        if (rc == 0) {
            rc = each(ctx, &row);
            build_row_done(&row);
        }
        if (rc != 0)
            break;
    }
    db_end(statement);
    return rc;
}
