/* cache.c - files that are made on demand and kept at hand: archives of sources, artifacts fetched
 * from the store.
 *
 *   cache_get --> there: opened
 *            \--> MAKING (all who ask meanwhile wait) --> there | failed: each is told
 *
 * The least recently used go when the sum passes its cap; an open file outlives its name.  Nothing
 * survives a restart, nothing needs to. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "server/farm/state.h"
#include "sos/base/fs.h"

struct asker {
    struct list link;
    farm_file_fn done;
    void *ctx;
};

struct entry {
    struct list link; /* most recently used last */
    struct cache *cache;
    struct task task;
    char *key;
    char *path;
    int64_t size;
    bool made;
    struct list askers;
    cache_make_fn make;
    void (*make_free)(void *ctx);
    void *make_ctx;
};

struct cache {
    char *dir;
    int64_t bytes_max;
    int64_t bytes;
    struct list entries;
};

struct cache *cache_new(const char *dir, int64_t bytes_max, struct err *err)
{
    if (fs_remove_tree(dir, err) < 0 || fs_mkdirs(dir, 0700, err) < 0)
        return NULL;
    struct cache *cache = xcalloc(1, sizeof *cache);
    cache->dir = xstrdup(dir);
    cache->bytes_max = bytes_max;
    list_init(&cache->entries);
    return cache;
}

static void entry_free(struct entry *entry)
{
    list_remove(&entry->link);
    if (entry->made)
        entry->cache->bytes -= entry->size;
    unlink(entry->path);
    free(entry->key);
    free(entry->path);
    free(entry);
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    list_each (link, &cache->entries)
        entry_free(list_item(link, struct entry, link));
    free(cache->dir);
    free(cache);
}

static struct entry *entry_find(struct cache *cache, const char *key)
{
    list_each (link, &cache->entries) {
        struct entry *entry = list_item(link, struct entry, link);
        if (strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

/* Keeps the newest one whatever its size: it is about to be read. */
static void cache_trim(struct cache *cache, const struct entry *newest)
{
    list_each (link, &cache->entries) {
        struct entry *entry = list_item(link, struct entry, link);
        if (cache->bytes <= cache->bytes_max)
            return;
        if (entry->made && entry != newest)
            entry_free(entry);
    }
}

/* --- blocking work --- */

static void make_work(struct task *task)
{
    struct entry *entry = container_of(task, struct entry, task);
    struct stat st;
    auto_close int fd = open(entry->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        task->rc = err_errno(&task->err, "create %s", entry->path);
        return;
    }
    task->rc = entry->make(entry->make_ctx, fd, &task->err);
    if (task->rc == 0 && fstat(fd, &st) < 0)
        task->rc = err_errno(&task->err, "stat %s", entry->path);
    if (task->rc == 0)
        entry->size = (int64_t)st.st_size;
}

/* --- events --- */

static void entry_give(struct entry *entry, farm_file_fn done, void *ctx)
{
    struct err err = { 0 };
    int fd = open(entry->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        done(ctx, err_errno(&err, "open %s", entry->path), -1, 0, &err);
    else
        done(ctx, 0, fd, entry->size, &err);
}

static void on_made(struct task *task)
{
    struct entry *entry = container_of(task, struct entry, task);
    struct err err = task->err;
    int rc = task->rc;

    entry->make_free(entry->make_ctx);
    if (rc == 0) {
        entry->made = true;
        entry->cache->bytes += entry->size;
        cache_trim(entry->cache, entry);
    }
    for (struct list *link; (link = list_pop(&entry->askers));) {
        struct asker *asker = list_item(link, struct asker, link);
        if (rc == 0)
            entry_give(entry, asker->done, asker->ctx);
        else
            asker->done(asker->ctx, rc, -1, 0, &err);
        free(asker);
    }
    if (rc < 0)
        entry_free(entry);
}

static struct entry *entry_new(struct cache *cache, const char *key)
{
    struct entry *entry = xcalloc(1, sizeof *entry);

    entry->cache = cache;
    entry->key = xstrdup(key);
    entry->path = xasprintf("%s/%s", cache->dir, key);
    list_init(&entry->askers);
    list_append(&cache->entries, &entry->link);
    return entry;
}

static void entry_ask(struct entry *entry, farm_file_fn done, void *ctx)
{
    if (entry->made) {
        list_remove(&entry->link);
        list_append(&entry->cache->entries, &entry->link);
        entry_give(entry, done, ctx);
        return;
    }
    struct asker *asker = xcalloc(1, sizeof *asker);
    asker->done = done;
    asker->ctx = ctx;
    list_append(&entry->askers, &asker->link);
}

bool cache_try(struct farm *farm, const char *key, farm_file_fn done, void *ctx)
{
    struct entry *entry = entry_find(farm->cache, key);

    if (entry && entry->made && access(entry->path, R_OK) < 0) {
        entry_free(entry); /* somebody tidied up: it is made again */
        return false;
    }
    if (entry)
        entry_ask(entry, done, ctx);
    return entry;
}

void cache_get(struct farm *farm, struct strand *strand, const char *key, cache_make_fn make,
               void (*make_free)(void *ctx), void *make_ctx, farm_file_fn done, void *ctx)
{
    if (cache_try(farm, key, done, ctx)) {
        make_free(make_ctx);
        return;
    }
    struct entry *entry = entry_new(farm->cache, key);
    entry->make = make;
    entry->make_free = make_free;
    entry->make_ctx = make_ctx;
    entry_ask(entry, done, ctx);
    strand_post(strand, &entry->task, make_work, on_made);
}
