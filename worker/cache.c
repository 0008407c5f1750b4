#include "worker/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "worker/disk.h"
#include "worker/sandbox.h"

enum {
    BLOCK_BYTES = 512,                          /* of st_blocks */
    DISK_UID = SANDBOX_UID_BASE + SANDBOX_USER, /* owns all files on the disk, in whatever slot */
};

/* The kept one into the slot's folder, mounted. */
static int take_kept(const struct cache *cache, const char *mountpoint, bool recorded,
                     struct err *err)
{
    if (rename(cache->kept, cache->used) < 0)
        return err_errno(err, "take the cache %s", cache->kept);
    if (recorded && access(cache->record, F_OK) < 0)
        return err_set(err, ERR_INVALID, "the cache %s has no record", cache->kept);
    int rc = disk_mount(cache->disk, mountpoint, err);
    if (rc < 0)
        return rc;
    struct stat root;
    if (stat(mountpoint, &root) < 0)
        rc = err_errno(err, "stat %s", mountpoint);
    else if (root.st_uid != DISK_UID)
        rc = err_set(err, ERR_INVALID, "the cache %s belongs to somebody else", cache->kept);
    if (rc < 0)
        (void)disk_unmount(mountpoint, NULL);
    return rc;
}

static int make_new(const struct cache *cache, int64_t bytes, const char *mountpoint,
                    struct err *err)
{
    int rc = fs_remove_tree(cache->used, err);
    if (rc == 0)
        rc = fs_mkdirs(cache->used, 0700, err);
    if (rc == 0)
        rc = disk_make(cache->disk, bytes, DISK_UID, DISK_UID, err);
    if (rc == 0)
        rc = disk_mount(cache->disk, mountpoint, err);
    if (rc < 0)
        return rc;
    /* The user's view of it is an empty folder. */
    auto_free char *lost = xasprintf("%s/lost+found", mountpoint);
    (void)rmdir(lost);
    return 0;
}

int cache_open(const char *caches, const char *slot_dir, const char *project, const char *image,
               int64_t bytes, unsigned uid, const char *mountpoint, bool fresh, bool recorded,
               struct cache *ret, struct err *err)
{
    struct cache cache = { .kept = xasprintf("%s/%s/%s", caches, project, image),
                           .used = xasprintf("%s/cache", slot_dir),
                           .disk = xasprintf("%s/cache/disk.ext4", slot_dir),
                           .record = xasprintf("%s/cache/downloads", slot_dir) };
    struct err why = { 0 };
    int rc = fresh ? err_set(&why, ERR_NOT_FOUND, "not wanted")
                   : take_kept(&cache, mountpoint, recorded, &why);
    if (rc < 0 && why.code != ERR_NOT_FOUND)
        log_warn("cache", "unusable, starting an empty one", "cache=%s error=\"%s\"", cache.kept,
                 why.text);
    if (rc < 0)
        rc = make_new(&cache, bytes, mountpoint, err);
    cache.mounted = rc == 0;
    if (rc == 0)
        rc = disk_show_owner(mountpoint, DISK_UID, uid, err);
    *ret = cache;
    return rc;
}

/* One that came back meanwhile gives way: ours is the newer. */
static int move_back(const struct cache *cache)
{
    if (rename(cache->used, cache->kept) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return -1;
    return renameat2(AT_FDCWD, cache->used, AT_FDCWD, cache->kept, RENAME_EXCHANGE);
}

static int keep(const struct cache *cache, struct err *err)
{
    auto_free char *folder =
        xstrndup(cache->kept, (size_t)(strrchr(cache->kept, '/') - cache->kept));
    int rc = fs_mkdirs(folder, 0700, err);
    if (rc < 0)
        return rc;
    /* The time of use, for caches_trim(). */
    if (utimensat(AT_FDCWD, cache->disk, NULL, 0) < 0 || move_back(cache) < 0)
        return err_errno(err, "keep the cache %s", cache->kept);
    return 0;
}

static void cache_done(struct cache *cache)
{
    free(cache->kept);
    free(cache->used);
    free(cache->disk);
    free(cache->record);
    *cache = (struct cache){ 0 };
}

void cache_close(struct cache *cache, const char *caches, const char *mountpoint, bool keep_it,
                 int64_t total_bytes)
{
    struct err err = { 0 };
    int rc = -1;
    if (cache->mounted) {
        if (keep_it)
            disk_trim(mountpoint);
        rc = keep_it ? disk_unmount(mountpoint, &err) : disk_discard(mountpoint, &err);
        if (rc == 0 && keep_it)
            rc = keep(cache, &err);
        if (rc == 0 && keep_it)
            rc = caches_trim(caches, total_bytes, &err);
        if (rc < 0)
            log_warn("cache", "not kept", "cache=%s error=\"%s\"", cache->kept, err.text);
    }
    if (cache->used)
        (void)fs_remove_tree(cache->used, NULL);
    cache_done(cache);
}

/* A record alone is no cache. */
static bool is_disk(const FTSENT *entry)
{
    return entry->fts_info == FTS_F && strcmp(entry->fts_name, "downloads") != 0;
}

/* The sum of all, and the one that was used longest ago (gives; free()). */
static int caches_measure(const char *caches, int64_t *ret_bytes, char **ret_oldest,
                          struct err *err)
{
    char *roots[] = { (char *)(uintptr_t)caches, NULL };
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return err_errno(err, "walk %s", caches);
    int64_t bytes = 0;
    struct timespec oldest = { 0 };
    char *path = NULL;
    FTSENT *entry;
    while ((entry = fts_read(walk))) {
        if (!is_disk(entry))
            continue;
        const struct stat *st = entry->fts_statp;
        bytes += st->st_blocks * BLOCK_BYTES;
        if (!path || st->st_mtim.tv_sec < oldest.tv_sec) {
            free(path);
            path = xstrdup(entry->fts_path);
            oldest = st->st_mtim;
        }
    }
    fts_close(walk);
    *ret_bytes = bytes;
    *ret_oldest = path;
    return 0;
}

int caches_trim(const char *caches, int64_t total_bytes, struct err *err)
{
    for (;;) {
        int64_t bytes;
        auto_free char *oldest = NULL;
        int rc = caches_measure(caches, &bytes, &oldest, err);
        if (rc < 0 || bytes <= total_bytes || !oldest)
            return rc;
        if (unlink(oldest) < 0 && errno != ENOENT)
            return err_errno(err, "remove the cache %s", oldest);
    }
}
