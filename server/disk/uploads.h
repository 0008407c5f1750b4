/* uploads.h - artifact bytes on their way from a worker, and the sweep of what nobody needs.
 *
 * Every blob that is or may be in the folder has a row before its bytes come; one that no source
 * and no upload of a live build refers to is garbage. */
#pragma once
#include <stdbool.h>

#include "sos/base/blob.h"
#include "sos/serve/db.h"

/* A file of this attempt is about to come: committed before its first byte is kept.  A repeat is
 * fine.  -ERR_LIMIT past UPLOADS_MAX of one build. */
enum { UPLOADS_MAX = 256 };
int uploads_expect(struct db *db, const char *build, const char *sha256, struct err *err);
/* Was it announced for this build?  (That it is here, blobs_have() says.)  1, 0 or an error. */
int uploads_has(struct db *db, const char *build, const char *sha256, struct err *err);

/* Remove files that an earlier sweep marked and that are still unneeded, and mark what is unneeded
 * now, each at most `max`.  In two steps, each committed, so that a blob is only removed when the
 * disk already says that nobody needs it; hence one sweep at a time, the next after this one's
 * commit.  *ret_removed counts files.  Writer strand. */
int garbage_sweep(struct db *db, struct blobs *blobs, int max, int *ret_removed, struct err *err);
