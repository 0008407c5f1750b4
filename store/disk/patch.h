/* patch.h - the changes of a commit as bytes, and those bytes as changes.
 *
 * The bytes are a patchset of SQLite's session extension: of each row that is new all of it, of one
 * that changed its key and what changed, of one that went its key.  To apply them again changes
 * nothing.  Everything blocks. */
#pragma once
#include "sos/base/buf.h"
#include "sos/serve/db.h"

/* The table in which an index keeps how far its journal is applied; never part of a patch. */
#define PATCH_NOT_OF "journal"

/* --- making --- */

struct patch;
/* Watch what is changed through `db`, which must outlive it. */
int patch_begin(struct db *db, struct patch **ret, struct err *err);
/* What was changed since patch_begin() and is still so (inside the transaction that changed it).
 * Gives the bytes (sqlite3_free()); NULL and 0 when nothing is. */
int patch_take(struct patch *patch, void **ret, int *ret_len, struct err *err);
void patch_free(struct patch *patch); /* NULL is fine */

/* Rows as a patch that makes them: those of the statement's rows, at most `rows`, of `table`, whose
 * first `keys` columns in `key` (1: the first of the key, 2: …; 0: not of the key) are its key.
 * Returns how many rows were added; 0: the statement is at its end. */
int patch_of_rows(sqlite3_stmt *statement, const char *table, const unsigned char *key, int rows,
                  struct buf *ret, struct err *err);

/* --- applying --- */

struct applier;
/* `db` must outlive it, have foreign keys off, and be in a transaction when it is used. */
struct applier *applier_new(struct db *db);
void applier_free(struct applier *applier); /* NULL is fine */
/* -ERR_INVALID: these bytes are no patch of this database. */
int applier_apply(struct applier *applier, void *patch, int len, struct err *err);
