/* explode.h - an archive that somebody put, made the files that are in it.
 *
 *   open --step, step …--> all of it read: each file a blob, durable and pinned; nothing recorded
 *     |                         |
 *     +---- bad: nothing stays -+--> the caller records the entries, or gives them up --> free
 *
 * A zip (deflated or not), or a tar: plain, or in gzip, bzip2 or zstd (one frame, a window of up to
 * 8 MiB).  Nothing else, since what it costs to read the others is for their maker to say.
 * Everything blocks; one thread at a time, any in turn. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"
#include "store/core/path.h"
#include "store/disk/pins.h"

enum { EXPLODE_CHECKSUM_MAX = 1024 };

enum explode_kind {
    EXPLODE_FILE,
    EXPLODE_FOLDER,
    EXPLODE_CHECKSUM, /* x.sha1 and its like: no bytes are kept */
};

struct explode_entry {
    enum explode_kind kind;
    char *path;             /* in the repository */
    struct digests digests; /* of a file */
    char *checksum;         /* the first word of a checksum file */
};

/* What is to become of the entry of that path?  0: it is taken, 1: it is left out; an error refuses
 * the archive. */
typedef int (*explode_rule_fn)(void *ctx, const struct item_path *at, struct err *err);

struct explode_plan {
    int fd;                         /* borrowed: readable, at any offset */
    const struct item_path *folder; /* below which the entries go; borrowed */
    struct blobs *blobs;
    struct pins *pins;
    int64_t bytes_max; /* of all files together */
    int64_t ratio_max; /* of those to the archive's, once 16 MiB came out */
    size_t entries_max;
    explode_rule_fn rule;
    void *ctx;
};

struct explode;

/* `plan` is copied, what it borrows must outlive it. */
struct explode *explode_new(const struct explode_plan *plan);
/* Read on, some megabytes.  1: there is more, 0: all of it was read.
 * -ERR_INVALID: no archive, damaged, or an entry that cannot be an item here (an absolute path, a
 * "..", a link, a device, …); -ERR_LIMIT: more entries or bytes than allowed; what `rule` refused
 * with; -ERR_FULL, -ERR_IO.  After an error only explode_free(). */
int explode_step(struct explode *explode, struct err *err);
/* In the archive's order; borrowed. */
size_t explode_count(const struct explode *explode);
const struct explode_entry *explode_entry(const struct explode *explode, size_t i);
/* Entries up to there no longer need their bytes to be kept for them: they are recorded, or given
 * up (remove the blobs that nothing has then: pins_remove_blob()). */
void explode_unpin(struct explode *explode, size_t count);
/* Unpins all.  NULL is fine. */
void explode_free(struct explode *explode);
