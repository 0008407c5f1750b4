/* spool.h - an answer of any length, made before it is sent: small ones stay in memory, large ones
 * go to a file without a name.
 *
 * So a search is over, and its snapshot of the index given back, before a slow client reads the
 * first byte.  Pool threads. */
#pragma once
#include <stdint.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

enum { SPOOL_MEMORY_MAX = 1 << 20 };

struct spool {
    const char *dir; /* where the file is made; borrowed */
    struct buf text; /* what is not in the file yet */
    int fd;          /* owned; -1: everything is in memory */
    int64_t written; /* in the file */
    int64_t max;     /* of all */
    struct err err;  /* the first failure; what is added after it is dropped */
};

void spool_init(struct spool *spool, const char *dir, int64_t max);
void spool_done(struct spool *spool);
void spool_add(struct spool *spool, const char *text);
/* Text of valid UTF-8 as a JSON string, with its quotes. */
void spool_add_json(struct spool *spool, const char *text);
/* End: 0 and all is in `text` (fd -1), or in the file from its beginning.  -ERR_LIMIT: more than
 * `max`; -ERR_IO, -ERR_FULL. */
int spool_end(struct spool *spool, struct err *err);
