/* cache.h - what a project's builds keep between them: one disk per project and
 * image, used by one build at a time.
 *
 *   <caches>/<project>/<image>/ --rename--> the slot's folder, mounted --rename--> back
 *                disk.ext4
 *                downloads     the record of what is on it (downloads.h)
 *
 * Taking it away by rename needs no lock: a second build of the project at the
 * same time finds none and gets a new one.  It comes back only after a clean
 * unmount; whatever is left in a slot's folder by a killed worker is thrown away.
 * A project never sees another's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/err.h"

struct cache {
    char *kept;   /* where it is between builds */
    char *used;   /* where it is now */
    char *disk;   /* the file system in `used` */
    char *record; /* the record in `used`; not there in a new cache */
    bool mounted;
};

/* Take or make the cache of (project, image) and mount it at `mountpoint`; there its files are the
 * user `uid`'s, who is another in each slot.  `fresh` begins with an empty one in any case,
 * `recorded` when the one that is there has no record. */
int cache_open(const char *caches, const char *slot_dir, const char *project, const char *image,
               int64_t bytes, unsigned uid, const char *mountpoint, bool fresh, bool recorded,
               struct cache *ret, struct err *err);
/* Unmount; keep it for the next build, or throw it away.  `total_bytes` is the room of all kept
 * caches: the longest unused go first. */
void cache_close(struct cache *cache, const char *caches, const char *mountpoint, bool keep,
                 int64_t total_bytes);
/* Remove the longest unused caches until all together take no more than `total_bytes`. */
int caches_trim(const char *caches, int64_t total_bytes, struct err *err);
