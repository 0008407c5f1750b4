/* db_own.h - what db.c and db_open.c share about a connection. */
#pragma once
#include "sos/serve/db.h"

struct db_statement {
    const char *sql; /* compared by address */
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *handle;
    int lock_fd;            /* the writer's; -1 */
    bool fatal;             /* an I/O error or corruption was seen */
    struct err fatal_err;   /* the first such */
    int wal_pages;          /* in the log after the last commit */
    struct err prepare_err; /* why the last db_bind() gave NULL */
    struct db_statement *statements;
    size_t statements_count;
};

/* The settings that both kinds of connection have. */
int db_connect(struct db *db, const char *path, int flags, struct err *err);
int db_exec(struct db *db, const char *sql, struct err *err);
/* The last error of the connection as ours: constraint ERR_CONFLICT, full ERR_FULL, else ERR_IO. */
int db_fail(struct db *db, struct err *err);
int db_on_wal(void *ctx, sqlite3 *handle, const char *schema, int pages);
