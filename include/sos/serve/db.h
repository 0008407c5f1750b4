/* db.h - SQLite as the farm uses it: one read-write connection (which also does
 * every checkpoint) and separate read-only ones that never checkpoint.
 *
 * WAL, synchronous=FULL, STRICT tables, forward-only numbered migrations.  A
 * connection is used by one strand at a time. */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"
#include "sos/serve/strand.h"

struct db;

struct db_migration {
    int version; /* 1, 2, 3 … */
    const char *sql;
};

/* Opens, takes the exclusive `<path>.lock`, checks (quick_check when the last end was not clean),
 * saves a copy before migrating and migrates, each step in one transaction.  Refuses a schema newer
 * than it knows. */
int db_open_writer(const char *path, const struct db_migration *migrations, size_t count,
                   struct db **ret, struct err *err);
int db_open_reader(const char *path, struct db **ret, struct err *err);
void db_close(struct db *db);
sqlite3 *db_handle(struct db *db);

/* For strand_new(): begin, savepoint, commit on the writer, with a PASSIVE checkpoint by size. */
void db_batch(struct db *db, struct strand_batch *ret);

/* Statements are prepared once per connection and SQL text (static storage) and kept.
 *   struct sqlite3_stmt *st = db_bind(db, "SELECT x FROM t WHERE a=? AND b=?", "ti", a, b);
 *   while ((rc = db_step(db, st, err)) > 0) use(db_text(st, 0));
 * Types: t text (NULL: null), i int64_t, b blob (pointer, size_t), n null.  Arguments are
 * borrowed until the last step.  db_step(): 1 row, 0 end (and the statement is reset), < 0 error.
 * db_end() resets one that is left early; harmless otherwise. */
sqlite3_stmt *db_bind(struct db *db, const char *sql, const char *types, ...);
int db_step(struct db *db, sqlite3_stmt *statement, struct err *err);
void db_end(sqlite3_stmt *statement);
/* Bind and run to the end; rows are dropped.  ret_changed may be NULL. */
int db_run(struct db *db, int *ret_changed, struct err *err, const char *sql, const char *types,
           ...);
const char *db_text(sqlite3_stmt *statement, int column); /* "" when null; until the next step */
int64_t db_int(sqlite3_stmt *statement, int column);
