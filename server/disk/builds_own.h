/* builds_own.h - what the files of builds share with nobody else. */
#pragma once
#include "server/disk/builds.h"

#define BUILD_COLUMNS "doc, revision, fence, session, fingerprint"

/* From a row of BUILD_COLUMNS that the statement stands on; the caller owns *ret. */
int build_row_read(sqlite3_stmt *statement, struct build_row *ret, struct err *err);
/* The document of a build (gives; free()): the place in the queue is nothing to keep. */
char *build_doc(const struct sos_build *msg);
/* The one row that a bound statement gives, or -ERR_NOT_FOUND. */
int build_row_one(struct db *db, sqlite3_stmt *statement, struct build_row *ret, struct err *err);
int event_add(struct db *db, const struct build_row *row, const struct history_event *event,
              struct err *err);
const char *state_text(enum sos_build_state state);
const char *text_or_empty(const char *text);
