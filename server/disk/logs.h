/* logs.h - the log of each attempt: one growing file, DIR/<build id>/<attempt>.log.
 *
 * Appended by offset, so that a repeat does no harm.  Its size is the truth about how much there
 * is; it is on the disk for good when log_end() returns.  Functions block; one strand appends,
 * any thread may read. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

struct logs;

/* `size_max` of one log. */
int logs_open(const char *dir, int64_t size_max, struct logs **ret, struct err *err);
void logs_close(struct logs *logs);

/* Put `data` at `offset`; of bytes that are there already nothing is written, so that what was told
 * to readers never changes.  *ret_size, the size after it, is set in the errors below too.
 *   -ERR_CONFLICT LOG_GAP: `offset` is past the end; go on from *ret_size
 *   -ERR_LIMIT LOG_LIMIT: only the part up to the cap was kept */
int log_append(struct logs *logs, const char *build, int32_t attempt, int64_t offset,
               const void *data, size_t len, int64_t *ret_size, struct err *err);
/* No more will come: make it durable.  A log without a byte is fine. */
int log_end(struct logs *logs, const char *build, int32_t attempt, struct err *err);
/* Open to read, with its size now; the caller owns *ret_fd.  -ERR_NOT_FOUND: no byte came yet. */
int log_open(struct logs *logs, const char *build, int32_t attempt, int *ret_fd, int64_t *ret_size,
             struct err *err);
