/* holes.h - rows of blobs whose bytes are not there, or are others. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/serve/db.h"

enum blob_fault { BLOB_GOOD, BLOB_MISSING, BLOB_SIZE, BLOB_BYTES, BLOB_UNREADABLE };
/* "missing", "wrong size", … */
const char *blob_fault_name(enum blob_fault fault);
/* Look at a blob's file: there, of this size, and (`deep`) of these bytes? */
enum blob_fault blob_look(const char *blobs_dir, const char *sha256, int64_t size, bool deep);
/* Move a blob's file out of the way, to be studied; the folder is made.  Nobody may be putting the
 * same bytes meanwhile (pins.h). */
int blob_quarantine(const char *blobs_dir, const char *quarantine_dir, const char *sha256,
                    struct err *err);

struct holes {
    const char *blobs_dir;
    const char *quarantine_dir; /* where what is wrong goes; NULL: it stays */
    bool deep;
    struct db *again; /* asked again before anything is told, where the store may run; NULL */
    void (*each)(void *ctx, const char *line);
    void *ctx;
    int64_t blobs; /* rows looked at */
    int64_t count; /* holes */
};

/* Look at the blob of every row.  `each` is told of every hole a line "<what> <sha256>", and then
 * one for each item: "  <repository>/<path>". */
int holes_find(struct holes *holes, struct db *db, struct err *err);
