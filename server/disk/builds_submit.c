/* A submission, whole in one task: seen before? its source here? built before? else it waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/disk/builds_own.h"
#include "sos/base/auto.h"

int builds_repeated(struct db *db, const struct submit_key *key, struct build_row *ret,
                    struct err *err)
{
    if (strlen(key->key) > IDEMPOTENCY_KEY_MAX)
        return err_set(err, ERR_INVALID, "an idempotency key has at most %d characters",
                       IDEMPOTENCY_KEY_MAX);
    sqlite3_stmt *statement = db_bind(db,
                                      "SELECT " BUILD_COLUMNS ", body_sha256 FROM idempotency"
                                      " JOIN builds ON builds.number = idempotency.build"
                                      " WHERE subject = ? AND key = ?",
                                      "tt", key->subject, key->key);
    int rc = db_step(db, statement, err);
    if (rc > 0 && strcmp(db_text(statement, 5), key->body_sha256) != 0) {
        rc = err_set(err, ERR_CONFLICT, "this idempotency key came with another request before");
        err_hint(err, "use a new key for a new build");
        err_reason(err, "IDEMPOTENCY_KEY_REUSED");
    } else if (rc > 0) {
        rc = build_row_read(statement, ret, err);
        rc = rc < 0 ? rc : 1;
    }
    db_end(statement);
    return rc;
}

static int source_check(struct db *db, const char *id, int64_t wall_ms, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, "SELECT complete FROM sources WHERE id = ?", "t", id);
    int rc = db_step(db, statement, err);
    bool complete = rc > 0 && db_int(statement, 0);
    db_end(statement);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no source %s", id);
        err_reason(err, "SOURCE_NOT_FOUND");
        return rc;
    }
    if (!complete) {
        rc = err_set(err, ERR_CONFLICT, "some files of source %s are not here yet", id);
        err_hint(err, "send the missing blobs first");
        err_reason(err, "SOURCE_INCOMPLETE");
        return rc;
    }
    return db_run(db, NULL, err, "UPDATE sources SET use_time = max(use_time, ?) WHERE id = ?",
                  "it", wall_ms, id);
}

/* 1 and the first build of this fingerprint that succeeded by running; 0 when there is none. */
static int same_find(struct db *db, const char *fingerprint, struct build_row *ret, struct err *err)
{
    sqlite3_stmt *statement =
        db_bind(db,
                "SELECT " BUILD_COLUMNS " FROM builds WHERE fingerprint = ? AND state = 'SUCCEEDED'"
                " AND doc ->> '$.origin' = 'BUILT' AND doc -> '$.artifact' IS NOT NULL"
                " ORDER BY number LIMIT 1",
                "t", fingerprint);
    int rc = db_step(db, statement, err);
    if (rc > 0) {
        rc = build_row_read(statement, ret, err);
        rc = rc < 0 ? rc : 1;
    }
    db_end(statement);
    return rc;
}

/* Numbers are never used again: what is removed one day is the oldest. */
static int number_next(struct db *db, int32_t *ret, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, "SELECT coalesce(max(number), 0) + 1 FROM builds", "");
    int rc = db_step(db, statement, err);
    if (rc < 0)
        return rc;
    *ret = (int32_t)db_int(statement, 0);
    db_end(statement);
    return 0;
}

/* The new build is done before it began: it has the artifact of `same`. */
static void take_artifact(struct sos_build *msg, const struct sos_build *same)
{
    msg->state = SOS_BUILD_STATE_SUCCEEDED;
    msg->origin = SOS_BUILD_ORIGIN_REUSED;
    msg->origin_build = xstrdup(same->id);
    msg->start_time_ms = msg->finish_time_ms = msg->update_time_ms = msg->create_time_ms;
    msg->artifact = xcalloc(1, sizeof *msg->artifact);
    sos_artifact_copy(msg->artifact, same->artifact);
    msg->result = xcalloc(1, sizeof *msg->result);
    msg->result->outcome = SOS_RESULT_OUTCOME_SUCCESS;
}

static int row_insert(struct db *db, const struct build_row *row, struct err *err)
{
    const struct sos_build *msg = &row->msg;
    auto_free char *doc = build_doc(msg);
    int rc = db_run(db, NULL, err,
                    "INSERT INTO builds (number, id, state, revision, attempt, fence, session,"
                    " project, created_by, source, fingerprint, create_time, finish_time, doc)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "ittiiitttttiit", (int64_t)msg->number, msg->id, state_text(msg->state),
                    row->revision, (int64_t)msg->attempt, row->fence, row->session,
                    text_or_empty(msg->project), text_or_empty(msg->created_by),
                    text_or_empty(msg->source), row->fingerprint, msg->create_time_ms,
                    msg->finish_time_ms, doc);
    if (rc < 0)
        return rc;
    bool reused = msg->origin == SOS_BUILD_ORIGIN_REUSED;
    struct history_event event = { .name = reused ? "reuse" : "submit",
                                   .wall_ms = msg->create_time_ms,
                                   .subject = text_or_empty(msg->created_by),
                                   .detail = msg->origin_build };
    return event_add(db, row, &event, err);
}

static int key_keep(struct db *db, const struct submit_key *key, const struct build_row *row,
                    struct err *err)
{
    return db_run(db, NULL, err,
                  "INSERT INTO idempotency (subject, key, body_sha256, build, time)"
                  " VALUES (?, ?, ?, ?, ?)",
                  "tttii", key->subject, key->key, key->body_sha256, (int64_t)row->msg.number,
                  row->msg.create_time_ms);
}

static int submit_new(struct db *db, struct build_row *row, const struct submit_key *key,
                      struct err *err)
{
    struct build_row same = { 0 };
    int rc = row->msg.no_cache ? 0 : same_find(db, row->fingerprint, &same, err);
    if (rc > 0) {
        take_artifact(&row->msg, &same.msg);
        build_row_done(&same);
    }
    if (rc >= 0)
        rc = number_next(db, &row->msg.number, err);
    if (rc == 0)
        rc = row_insert(db, row, err);
    if (rc == 0 && key)
        rc = key_keep(db, key, row, err);
    return rc;
}

int builds_submit(struct db *db, const struct build_row *row, const struct submit_key *key,
                  struct build_row *ret, enum submit_outcome *ret_outcome, struct err *err)
{
    int rc = key ? builds_repeated(db, key, ret, err) : 0;
    if (rc > 0)
        *ret_outcome = SUBMIT_REPEATED;
    if (rc != 0)
        return rc > 0 ? 0 : rc;

    rc = source_check(db, text_or_empty(row->msg.source), row->msg.create_time_ms, err);
    if (rc < 0)
        return rc;

    struct build_row made = *row;
    sos_build_copy(&made.msg, &row->msg);
    made.msg.origin = SOS_BUILD_ORIGIN_BUILT;
    rc = submit_new(db, &made, key, err);
    if (rc < 0) {
        build_row_done(&made);
        return rc;
    }
    bool reused = made.msg.origin == SOS_BUILD_ORIGIN_REUSED;
    *ret_outcome = reused ? SUBMIT_REUSED : SUBMIT_NEW;
    *ret = made;
    return 0;
}

int builds_forget_keys(struct db *db, int64_t wall_ms, struct err *err)
{
    return db_run(db, NULL, err, "DELETE FROM idempotency WHERE time < ?", "i", wall_ms);
}
