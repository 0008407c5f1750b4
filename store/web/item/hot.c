#include "store/web/item/hot.h"

#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "store/web/bytes.h"

enum { ENTRIES = 512, BYTES_MAX = 4 << 20 };

struct entry {
    struct item item;
    int64_t commits;
    const char *bytes;        /* the reply's; NULL: the file is large */
    struct http_reply *reply; /* owned */
};

struct hot {
    struct entry *entries[ENTRIES]; /* by hash; a newer one takes an older one's place */
    int64_t bytes;                  /* in all of them */
};

struct hot *hot_new(void)
{
    return xcalloc(1, sizeof(struct hot));
}

static void entry_drop(struct hot *hot, size_t at)
{
    struct entry *entry = take_ptr(hot->entries[at]);

    if (!entry)
        return;
    if (entry->bytes)
        hot->bytes -= entry->item.digests.size_bytes;
    http_reply_free(entry->reply);
    free(entry);
}

static void hot_clear(struct hot *hot)
{
    for (size_t i = 0; i < ENTRIES; i++)
        entry_drop(hot, i);
}

void hot_free(struct hot *hot)
{
    if (!hot)
        return;
    hot_clear(hot);
    free(hot);
}

/* FNV-1a. */
static size_t place_of(const struct item_path *at)
{
    uint64_t hash = 14695981039346656037u;

    for (const char *c = at->repo; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (const char *c = at->path; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    return hash % ENTRIES;
}

const struct item *hot_find(struct hot *hot, const struct item_path *at, int64_t commits,
                            const char **ret_bytes, struct http_reply **ret_reply)
{
    const struct entry *entry = hot->entries[place_of(at)];

    if (!entry || entry->commits != commits || strcmp(entry->item.at.path, at->path) != 0 ||
        strcmp(entry->item.at.repo, at->repo) != 0)
        return NULL;
    *ret_bytes = entry->bytes;
    *ret_reply = entry->reply;
    return &entry->item;
}

static char *bytes_read(int fd, size_t size)
{
    char *bytes = xmalloc(size + 1);

    if (pread(fd, bytes, size, 0) == (ssize_t)size)
        return bytes;
    free(bytes);
    return NULL;
}

void hot_keep(struct hot *hot, const struct item *item, int64_t commits, int fd, hot_reply_fn reply)
{
    size_t at = place_of(&item->at);
    int64_t size = item->digests.size_bytes;
    bool small = size <= BYTES_HASHED_MAX;
    char *bytes = small ? bytes_read(fd, (size_t)size) : NULL;

    entry_drop(hot, at);
    if (small && !bytes)
        return;
    if (small && hot->bytes + size > BYTES_MAX)
        hot_clear(hot);
    struct entry *entry = hot->entries[at] = xcalloc(1, sizeof *entry);
    *entry = (struct entry){ .item = *item, .commits = commits };
    if (!small)
        return;
    entry->bytes = bytes;
    entry->reply = reply(item, bytes);
    hot->bytes += size;
}
