/* sweep.h - blobs that no row has: what a crash between the blob and its row, or
 * between the row's end and the file's, left behind. */
#pragma once
#include <stdint.h>

#include "store/disk/pins.h"

enum { SWEEP_SHELVES = 256 };

/* Look through one of the 256 shelves and remove what is orphaned and older than `grace_ms`.
 * ret_bytes grows by what was freed. */
int sweep_shelf(const char *blobs_dir, int shelf, int64_t grace_ms, int64_t now_wall_ms,
                struct pins *pins, struct blobs *blobs, struct db *reader, int64_t *ret_bytes,
                struct err *err);
