/* db.c - connections: how they are opened, their statements, the batch. */
#include "sos/serve/db.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/serve/db_own.h"
#include "sos/base/auto.h"

enum {
    WAL_CHECKPOINT_PAGES = 1000, /* 4 MiB: small enough to stay in the page cache */
    WAL_TRUNCATE_PAGES = 16384,  /* 64 MiB: readers have kept it from starting over */
    BUSY_MS = 5000,
    STATEMENTS_MAX = 512,
};

/* --- errors --- */

/* Its memory beside the log (-shm) could not grow: a full disk, not a broken one. */
static bool db_code_is_full(int code)
{
    return (code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE;
}

/* The connection can no longer be trusted: what follows must not be committed. */
static bool db_code_is_fatal(int code)
{
    if (db_code_is_full(code))
        return false;
    switch (code & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return true;
    default:
        return false;
    }
}

static enum err_code db_code_class(int code)
{
    if (db_code_is_full(code))
        return ERR_FULL;
    return (code & 0xff) == SQLITE_CONSTRAINT ? ERR_CONFLICT : ERR_IO;
}

int db_fail(struct db *db, struct err *err)
{
    int code = sqlite3_extended_errcode(db->handle);
    struct err told = { 0 };

    err_set(&told, db_code_class(code), "database: %s (%d)", sqlite3_errmsg(db->handle), code);
    if (db_code_is_fatal(code) && !db->fatal) {
        db->fatal = true;
        db->fatal_err = told;
    }
    if (err)
        *err = told;
    return -(int)told.code;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(db, err);
    return 0;
}

/* --- opening and closing --- */

int db_connect(struct db *db, const char *path, int flags, struct err *err)
{
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    bool opened = sqlite3_open_v2(path, &db->handle, flags, NULL) == SQLITE_OK;
    if (!db->handle)
        abort(); /* out of memory */
    if (!opened) {
        int rc = db_fail(db, err);
        err_wrap(err, "open %s", path);
        return rc;
    }
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return db_exec(db,
                   "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                   "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0;",
                   err);
}

int db_open_reader(const char *path, struct db **ret, struct err *err)
{
    struct db *db = xcalloc(1, sizeof *db);

    db->lock_fd = -1;
    int rc = db_connect(db, path, SQLITE_OPEN_READONLY, err);
    if (rc == 0)
        rc = db_exec(db, "PRAGMA query_only=ON;", err);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    *ret = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->statements_count; i++)
        sqlite3_finalize(db->statements[i].statement);
    free(db->statements);
    /* After an I/O error nothing more is written: what the next start finds is what was told. */
    if (db->fatal && db->handle)
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK); /* else a statement or a backup was left open */
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    free(db);
}

sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

/* --- statements --- */

static sqlite3_stmt *statement_find(struct db *db, const char *sql)
{
    for (size_t i = 0; i < db->statements_count; i++)
        if (db->statements[i].sql == sql)
            return db->statements[i].statement;
    return NULL;
}

static void statement_keep(struct db *db, const char *sql, sqlite3_stmt *statement)
{
    assert(db->statements_count < STATEMENTS_MAX); /* SQL text is not static storage */
    db->statements = xrealloc(db->statements, (db->statements_count + 1) * sizeof *db->statements);
    db->statements[db->statements_count++] =
        (struct db_statement){ .sql = sql, .statement = statement };
}

static sqlite3_stmt *statement_get(struct db *db, const char *sql)
{
    sqlite3_stmt *statement = statement_find(db, sql);
    if (statement) {
        assert(!sqlite3_stmt_busy(statement)); /* its last user forgot db_end() */
        return statement;
    }
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (rc != SQLITE_OK) {
        db_fail(db, &db->prepare_err);
        err_wrap(&db->prepare_err, "prepare '%.80s'", sql);
        return NULL;
    }
    statement_keep(db, sql, statement);
    return statement;
}

static void bind_one(sqlite3_stmt *statement, int at, char type, va_list *args)
{
    int rc = SQLITE_OK;

    switch (type) {
    case 't':
        rc = sqlite3_bind_text(statement, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
        break;
    case 'i':
        rc = sqlite3_bind_int64(statement, at, va_arg(*args, int64_t));
        break;
    case 'b': {
        const void *data = va_arg(*args, const void *);
        size_t len = va_arg(*args, size_t);
        rc = sqlite3_bind_blob64(statement, at, len ? data : "", len, SQLITE_STATIC);
        break;
    }
    case 'n':
        rc = sqlite3_bind_null(statement, at);
        break;
    default:
        abort(); /* a type of db_bind() is t, i, b or n */
    }
    assert(rc == SQLITE_OK); /* more types than question marks */
}

static sqlite3_stmt *bind_all(struct db *db, const char *sql, const char *types, va_list *args)
{
    sqlite3_stmt *statement = statement_get(db, sql);
    if (!statement)
        return NULL;
    assert((size_t)sqlite3_bind_parameter_count(statement) == strlen(types));
    for (int i = 0; types[i]; i++)
        bind_one(statement, i + 1, types[i], args);
    return statement;
}

sqlite3_stmt *db_bind(struct db *db, const char *sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    sqlite3_stmt *statement = bind_all(db, sql, types, &args);
    va_end(args);
    return statement;
}

int db_step(struct db *db, sqlite3_stmt *statement, struct err *err)
{
    if (!statement) {
        if (err)
            *err = db->prepare_err;
        return -(int)db->prepare_err.code;
    }
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        db_end(statement);
        return 0;
    default: {
        int rc = db_fail(db, err);
        db_end(statement);
        return rc;
    }
    }
}

void db_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement); /* tells the last step's error again; db_step() told it */
    if (statement)
        sqlite3_clear_bindings(statement);
}

int db_run(struct db *db, int *ret_changed, struct err *err, const char *sql, const char *types,
           ...)
{
    va_list args;

    va_start(args, types);
    sqlite3_stmt *statement = bind_all(db, sql, types, &args);
    va_end(args);
    int before = sqlite3_total_changes(db->handle);
    int rc;
    while ((rc = db_step(db, statement, err)) > 0)
        ;
    if (rc == 0 && ret_changed)
        *ret_changed =
            sqlite3_total_changes(db->handle) == before ? 0 : sqlite3_changes(db->handle);
    return rc;
}

const char *db_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

int64_t db_int(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column);
}

/* --- the batch --- */

static int batch_begin(void *ctx, struct err *err)
{
    return db_exec(ctx, "BEGIN IMMEDIATE", err);
}

static int batch_save(void *ctx, struct err *err)
{
    return db_exec(ctx, "SAVEPOINT task", err);
}

/* Some failures (a full disk, an I/O error) make SQLite roll back the whole transaction by itself:
 * the tasks before this one are undone with it. */
static int batch_lost(struct db *db, int rc, struct err *err)
{
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    if (db->fatal) {
        *err = db->fatal_err;
        return -ERR_IO;
    }
    if (rc == -ERR_FULL)
        return err_set(err, ERR_FULL, "database: no space left");
    return err_set(err, ERR_IO, "database: a task ended the transaction of its batch");
}

static int batch_release(void *ctx, int rc, struct err *err)
{
    struct db *db = ctx;

    if (db->fatal || sqlite3_get_autocommit(db->handle))
        return batch_lost(db, rc, err);
    rc = rc < 0 ? db_exec(db, "ROLLBACK TO task", err) : 0;
    if (rc == 0)
        rc = db_exec(db, "RELEASE task", err);
    return rc < 0 ? batch_lost(db, rc, err) : 0;
}

/* A checkpoint that meets a reader or a full disk is tried again after a later commit: the commit
 * itself is safe in the log.  One that fails to write or sync is as bad as a failed commit. */
static int db_checkpoint(struct db *db, struct err *err)
{
    bool truncate = db->wal_pages >= WAL_TRUNCATE_PAGES;

    if (truncate)
        sqlite3_busy_timeout(db->handle, 0);
    int rc =
        sqlite3_wal_checkpoint_v2(db->handle, "main",
                                  truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                  NULL, NULL);
    if (truncate)
        sqlite3_busy_timeout(db->handle, BUSY_MS);
    return db_code_is_fatal(rc) ? db_fail(db, err) : 0;
}

static int batch_commit(void *ctx, struct err *err)
{
    struct db *db = ctx;

    int rc = db_exec(db, "COMMIT", err);
    if (rc == -ERR_FULL)
        return batch_lost(db, rc, err);
    if (rc < 0) {
        err_wrap(err, "commit");
        return rc;
    }
    return db->wal_pages >= WAL_CHECKPOINT_PAGES ? db_checkpoint(db, err) : 0;
}

int db_on_wal(void *ctx, sqlite3 *handle, const char *schema, int pages)
{
    struct db *db = ctx;

    (void)handle;
    (void)schema;
    db->wal_pages = pages;
    return SQLITE_OK;
}

void db_batch(struct db *db, struct strand_batch *ret)
{
    *ret = (struct strand_batch){ .max = 256,
                                  .begin = batch_begin,
                                  .commit = batch_commit,
                                  .save = batch_save,
                                  .release = batch_release,
                                  .ctx = db };
}
