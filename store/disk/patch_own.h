/* patch_own.h - what making and applying patches share. */
#pragma once
#include <sqlite3.h>

#include "sos/base/err.h"

/* What SQLite said, as ours.  `code` SQLITE_OK: the connection's last error. */
int patch_fail(sqlite3 *handle, int code, const char *what, struct err *err);

/* How a table is made up. */
enum { TABLE_COLUMNS_MAX = 64 };
struct table {
    char name[64];
    int columns;
    char *names[TABLE_COLUMNS_MAX];       /* owned */
    unsigned char key[TABLE_COLUMNS_MAX]; /* 1: the first column of the primary key, 2: …; 0 */
};
/* -ERR_NOT_FOUND: no such table, or it has no primary key. */
int table_learn(sqlite3 *handle, const char *name, struct table *ret, struct err *err);
void table_done(struct table *table);
