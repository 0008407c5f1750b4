#include "store/disk/fsck.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "store/disk/index.h"

struct fsck {
    struct db *db;    /* walks the rows */
    struct db *again; /* asks again, on a newer snapshot */
    const char *blobs_dir;
    bool deep;
    void (*each)(void *ctx, const char *line);
    void *ctx;
    struct fsck_result result;
};

static void finding(struct fsck *fsck, const char *what, const char *sha256)
{
    auto_free char *line = xasprintf("%s %s", what, sha256);
    fsck->each(fsck->ctx, line);
}

/* NULL: the file is as its row says. */
static const char *blob_fault(const struct fsck *fsck, const char *sha256, int64_t size)
{
    auto_free char *path = xasprintf("%s/%.2s/%s", fsck->blobs_dir, sha256, sha256 + 2);
    struct digests digests;
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? "missing" : "unreadable";
    if (st.st_size != size)
        return "wrong size";
    if (!fsck->deep)
        return NULL;
    if (digest_file(path, &digests, NULL) < 0)
        return "unreadable";
    return strcmp(digests.sha256, sha256) == 0 ? NULL : "wrong bytes";
}

static int check_rows(struct fsck *fsck, struct err *err)
{
    sqlite3_stmt *st = db_bind(fsck->db, "SELECT sha256, size_bytes FROM blobs", "");
    int rc;

    while ((rc = db_step(fsck->db, st, err)) > 0) {
        char sha256[SHA256_HEX];
        snprintf(sha256, sizeof sha256, "%s", db_text(st, 0));
        const char *fault = blob_fault(fsck, sha256, db_int(st, 1));
        fsck->result.blobs++;
        /* A running store may have deleted it since our snapshot. */
        if (fault && index_blob_is_free(fsck->again, sha256, NULL) == 0) {
            fsck->result.holes++;
            finding(fsck, fault, sha256);
        }
    }
    return rc;
}

static int check_unused(struct fsck *fsck, struct err *err)
{
    sqlite3_stmt *st = db_bind(fsck->db,
                               "SELECT sha256 FROM blobs b WHERE NOT EXISTS"
                               " (SELECT 1 FROM items i WHERE i.sha256=b.sha256)",
                               "");
    int rc;

    while ((rc = db_step(fsck->db, st, err)) > 0) {
        fsck->result.unused++;
        finding(fsck, "unused row", db_text(st, 0));
    }
    return rc;
}

static int check_shelf(struct fsck *fsck, unsigned shelf, struct err *err)
{
    auto_free char *path = xasprintf("%s/%02x", fsck->blobs_dir, shelf & 255);
    DIR *dir = opendir(path);
    if (!dir)
        return err_errno(err, "open %s", path);

    int rc = 0;
    for (struct dirent *entry; rc >= 0 && (entry = readdir(dir));) {
        char sha256[SHA256_HEX];
        snprintf(sha256, sizeof sha256, "%02x%.62s", shelf & 255, entry->d_name);
        if (!sha256_hex_is_valid(sha256))
            continue;
        rc = index_blob_is_free(fsck->again, sha256, err);
        if (rc > 0) {
            fsck->result.orphans++;
            finding(fsck, "orphan", sha256);
        }
    }
    closedir(dir);
    return rc < 0 ? rc : 0;
}

int fsck_run(const char *index_path, const char *blobs_dir, bool deep,
             void (*each)(void *ctx, const char *line), void *ctx, struct fsck_result *ret,
             struct err *err)
{
    struct fsck fsck = { .blobs_dir = blobs_dir, .deep = deep, .each = each, .ctx = ctx };
    int rc = db_open_reader(index_path, &fsck.db, err);

    if (rc == 0)
        rc = db_open_reader(index_path, &fsck.again, err);
    if (rc == 0)
        rc = check_rows(&fsck, err);
    if (rc == 0)
        rc = check_unused(&fsck, err);
    for (unsigned shelf = 0; rc == 0 && shelf < 256; shelf++)
        rc = check_shelf(&fsck, shelf, err);
    db_close(fsck.again);
    db_close(fsck.db);
    *ret = fsck.result;
    return rc;
}
