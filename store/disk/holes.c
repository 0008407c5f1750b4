#include "store/disk/holes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/disk/index.h"

enum { ITEMS_TOLD = 100 }; /* of one blob */

const char *blob_fault_name(enum blob_fault fault)
{
    static const char *const names[] = { "good", "missing", "wrong size", "wrong bytes",
                                         "unreadable" };
    return names[fault];
}

enum blob_fault blob_look(const char *blobs_dir, const char *sha256, int64_t size, bool deep)
{
    auto_free char *path = xasprintf("%s/%.2s/%s", blobs_dir, sha256, sha256 + 2);
    struct digests digests;
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? BLOB_MISSING : BLOB_UNREADABLE;
    if (st.st_size != size)
        return BLOB_SIZE;
    if (!deep)
        return BLOB_GOOD;
    if (digest_file(path, &digests, NULL) < 0)
        return BLOB_UNREADABLE;
    return strcmp(digests.sha256, sha256) == 0 ? BLOB_GOOD : BLOB_BYTES;
}

int blob_quarantine(const char *blobs_dir, const char *quarantine_dir, const char *sha256,
                    struct err *err)
{
    auto_free char *from = xasprintf("%s/%.2s/%s", blobs_dir, sha256, sha256 + 2);
    auto_free char *to = xasprintf("%s/%s", quarantine_dir, sha256);
    auto_free char *shelf = xasprintf("%s/%.2s", blobs_dir, sha256);

    int rc = fs_mkdirs_durable(quarantine_dir, 0700, err);
    if (rc < 0)
        return rc;
    if (rename(from, to) < 0)
        return err_errno(err, "put %s aside", from);
    rc = fs_sync_folder(quarantine_dir, err);
    return rc < 0 ? rc : fs_sync_folder(shelf, err);
}

/* --- all rows --- */

static int items_tell(struct holes *holes, struct db *db, const char *sha256, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT repo, path, name FROM items WHERE sha256=? LIMIT ?",
                               "ti", sha256, (int64_t)ITEMS_TOLD);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        const char *path = db_text(st, 1);
        auto_free char *line =
            xasprintf("  %s/%s%s%s", db_text(st, 0), path, *path ? "/" : "", db_text(st, 2));
        holes->each(holes->ctx, line);
    }
    return rc;
}

static int hole_tell(struct holes *holes, struct db *db, const char *sha256, enum blob_fault fault,
                     struct err *err)
{
    auto_free char *line = xasprintf("%s %s", blob_fault_name(fault), sha256);
    int rc = 0;

    holes->count++;
    holes->each(holes->ctx, line);
    if (holes->quarantine_dir && fault != BLOB_MISSING)
        rc = blob_quarantine(holes->blobs_dir, holes->quarantine_dir, sha256, err);
    return rc < 0 ? rc : items_tell(holes, db, sha256, err);
}

int holes_find(struct holes *holes, struct db *db, struct err *err)
{
    sqlite3_stmt *st = db_bind(db, "SELECT sha256, size_bytes FROM blobs", "");
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        char sha256[SHA256_HEX];
        snprintf(sha256, sizeof sha256, "%s", db_text(st, 0));
        enum blob_fault fault = blob_look(holes->blobs_dir, sha256, db_int(st, 1), holes->deep);
        holes->blobs++;
        /* A running store may have deleted it since our snapshot. */
        if (fault == BLOB_GOOD ||
            (holes->again && index_blob_is_free(holes->again, sha256, NULL) != 0))
            continue;
        rc = hole_tell(holes, db, sha256, fault, err);
        if (rc < 0) {
            db_end(st);
            return rc;
        }
    }
    return rc;
}
