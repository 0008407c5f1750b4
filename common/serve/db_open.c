/* db_open.c - the one writer: lock, check, copy, migrate.
 *
 *   lock --> connect --> [WAL was left: quick_check] --> [older: copy, then each step] --> ready
 *
 * The copy is `<path>.v<version>.bak`, whole and durable before the first step. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/serve/db_own.h"
#include "sos/base/auto.h"

enum { APPLICATION_ID = 0x534f5331 }; /* "SOS1" */

static int lock_take(const char *path, int *ret_fd, struct err *err)
{
    auto_free char *lock = xasprintf("%s.lock", path);
    auto_close int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, "open %s", lock);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(err, "lock %s", lock);
        err_set(err, ERR_CONFLICT, "%s is in use by another process", path);
        err_hint(err, "stop the other one first; `fuser %.80s` names it", lock);
        return -ERR_CONFLICT;
    }
    *ret_fd = take_fd(fd);
    return 0;
}

/* A clean end leaves no log, or an empty one. */
static bool wal_was_left(const char *path)
{
    auto_free char *wal = xasprintf("%s-wal", path);
    struct stat st;

    return stat(wal, &st) == 0 && st.st_size > 0;
}

static int pragma_int(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, sql, "");

    int rc = db_step(db, statement, err);
    if (rc > 0)
        *ret = db_int(statement, 0);
    db_end(statement);
    return rc < 0 ? rc : 0;
}

static int db_check(struct db *db, const char *path, struct err *err)
{
    sqlite3_stmt *statement = db_bind(db, "PRAGMA quick_check(1)", "");

    int rc = db_step(db, statement, err);
    if (rc > 0 && strcmp(db_text(statement, 0), "ok") != 0) {
        rc = err_set(err, ERR_IO, "%s is damaged: %s", path, db_text(statement, 0));
        err_hint(err, "stop, keep the file for study, and restore the last backup");
    }
    db_end(statement);
    return rc < 0 ? rc : 0;
}

/* auto_vacuum and application_id count only before the first table. */
static int db_settings(struct db *db, struct err *err)
{
    return db_exec(db,
                   "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
                   "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                   "PRAGMA journal_size_limit=67108864;",
                   err);
}

static int db_check_owner(struct db *db, const char *path, int64_t version, struct err *err)
{
    int64_t id = 0;

    int rc = pragma_int(db, "PRAGMA application_id", &id, err);
    if (rc < 0)
        return rc;
    if (id != APPLICATION_ID && (id != 0 || version != 0))
        return err_set(err, ERR_CONFLICT, "%s is a database of another program", path);
    return 0;
}

/* --- migrations --- */

static int sync_path(const char *path, int flags, struct err *err)
{
    auto_close int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, "open %s", path);
    return fsync(fd) < 0 ? err_errno(err, "sync %s", path) : 0;
}

/* VACUUM INTO reads through SQLite: the file is never touched behind its back. */
static int copy_save(struct db *db, const char *path, int64_t version, struct err *err)
{
    auto_free char *copy = xasprintf("%s.v%" PRId64 ".bak", path, version);
    auto_free char *part = xasprintf("%s.part", copy);
    auto_free char *folder = xstrdup(path);

    if (unlink(part) < 0 && errno != ENOENT)
        return err_errno(err, "remove %s", part);
    int rc = db_run(db, NULL, err, "VACUUM INTO ?", "t", part);
    if (rc == 0)
        rc = sync_path(part, O_RDONLY, err);
    if (rc < 0)
        return rc;
    if (rename(part, copy) < 0)
        return err_errno(err, "rename %s", part);
    return sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, err);
}

static int migrate_one(struct db *db, const struct db_migration *step, struct err *err)
{
    auto_free char *sql = xasprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version=%d;"
                                    "PRAGMA application_id=%d; COMMIT;",
                                    step->sql, step->version, APPLICATION_ID);

    int rc = db_exec(db, sql, err);
    if (rc < 0 && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    if (rc < 0)
        err_wrap(err, "migration %d", step->version);
    return rc;
}

static int migrate(struct db *db, const char *path, const struct db_migration *steps, size_t count,
                   struct err *err)
{
    int64_t version = 0;

    int rc = pragma_int(db, "PRAGMA user_version", &version, err);
    if (rc == 0)
        rc = db_check_owner(db, path, version, err);
    if (rc < 0)
        return rc;
    if (version > (int64_t)count) {
        err_set(err, ERR_CONFLICT, "%s has schema %" PRId64 ", this program knows up to %zu", path,
                version, count);
        err_hint(err, "run the newer program, or restore the backup made before it");
        return -ERR_CONFLICT;
    }
    if (version > 0 && version < (int64_t)count)
        rc = copy_save(db, path, version, err);
    for (size_t i = (size_t)version; rc == 0 && i < count; i++) {
        assert(steps[i].version == (int)i + 1);
        rc = migrate_one(db, &steps[i], err);
    }
    return rc;
}

static int writer_prepare(struct db *db, const char *path, const struct db_migration *steps,
                          size_t count, struct err *err)
{
    bool left = wal_was_left(path);

    int rc = db_connect(db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (rc == 0)
        rc = db_settings(db, err);
    if (rc == 0 && left)
        rc = db_check(db, path, err);
    if (rc == 0)
        rc = migrate(db, path, steps, count, err);
    if (rc == 0)
        sqlite3_wal_hook(db->handle, db_on_wal, db);
    return rc;
}

int db_open_writer(const char *path, const struct db_migration *migrations, size_t count,
                   struct db **ret, struct err *err)
{
    struct db *db = xcalloc(1, sizeof *db);

    db->lock_fd = -1;
    int rc = lock_take(path, &db->lock_fd, err);
    if (rc == 0)
        rc = writer_prepare(db, path, migrations, count, err);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    *ret = db;
    return 0;
}
