/* scrub.h - reading every blob, a slice at a time, to see that its bytes are still what they are
 * named.  Everything blocks. */
#pragma once
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"

struct scrub;

/* Both folders' names are borrowed.  Goes on where the last run's `state_file` says. */
struct scrub *scrub_new(const char *blobs_dir, const char *state_file);
void scrub_free(struct scrub *scrub); /* NULL is fine */

enum scrub_found {
    SCRUB_MORE,  /* the slice is read */
    SCRUB_WRONG, /* this blob's bytes are others */
    SCRUB_END,   /* every blob was looked at; the next step begins again */
};
/* Read at most `bytes`, or go through some names.  `ret_bytes` is what was read; `ret_sha256` the
 * blob of SCRUB_WRONG.  -ERR_IO: a file or folder cannot be read; the next step goes on behind it.
 */
int scrub_step(struct scrub *scrub, int64_t bytes, int64_t *ret_bytes, char ret_sha256[SHA256_HEX],
               struct err *err);
/* Look at this one next, before the walk goes on. */
void scrub_look(struct scrub *scrub, const char *sha256);
