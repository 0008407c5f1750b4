/* builds.h - builds on disk: one row each, and every change of state as an event beside it.
 *
 * The row holds the whole message as ProtoJSON, and again as columns what is searched, ordered or
 * guarded; both are written from one message, always together.  The number of a build is the order
 * of submission. */
#pragma once
#include <stdint.h>

#include "sos/base/digest.h"
#include "sos/base/id.h"
#include "sos/serve/db.h"
#include "sos/v1.h"

/* A build as it is stored.  When one is handed in, `msg` may be a shallow copy of somebody's. */
struct build_row {
    struct sos_build msg;
    int64_t revision;
    int64_t fence;
    char session[ID_MAX]; /* of the lease; "" when there is none */
    char fingerprint[SHA256_HEX];
};
void build_row_done(struct build_row *row);

/* One line of a build's history. */
struct history_event {
    const char *name; /* "lease" (build_event_name()), … */
    int64_t wall_ms;
    const char *subject; /* who: a user, "worker:<name>" or "farm" */
    const char *detail;  /* NULL: nothing to add */
};

/* What makes a repeated submission the same one. */
struct submit_key {
    const char *subject; /* keys of two users never meet */
    const char *key;     /* of the header Idempotency-Key */
    const char *body_sha256;
};
enum { IDEMPOTENCY_KEY_MAX = 255 };

enum submit_outcome {
    SUBMIT_NEW,      /* it is QUEUED */
    SUBMIT_REUSED,   /* it is SUCCEEDED: with the artifact of an identical build */
    SUBMIT_REPEATED, /* the key was seen: the build of the first time, as it is now */
};

/* Record a new build (QUEUED, revision 1) unless the key (may be NULL) tells that it was.  Gives it
 * its number; `ret` is what is on disk now (build_row_done()).
 *   -ERR_CONFLICT IDEMPOTENCY_KEY_REUSED   the key came with another body
 *   -ERR_NOT_FOUND SOURCE_NOT_FOUND, -ERR_CONFLICT SOURCE_INCOMPLETE */
int builds_submit(struct db *db, const struct build_row *row, const struct submit_key *key,
                  struct build_row *ret, enum submit_outcome *ret_outcome, struct err *err);

/* 1 and the build (build_row_done()) when the key was seen with the same body; 0 when it is new;
 * -ERR_CONFLICT IDEMPOTENCY_KEY_REUSED. */
int builds_repeated(struct db *db, const struct submit_key *key, struct build_row *ret,
                    struct err *err);

/* Save a changed build with the event that changed it (NULL: no change of state, only steps, log
 * or such).  Its revision must be newer than the one on disk, its fence not older, and a final
 * state is never left: -ERR_CONFLICT then. */
int builds_save(struct db *db, const struct build_row *row, const struct history_event *event,
                struct err *err);

/* By "bld_…", "1482" or "#1482".  -ERR_NOT_FOUND. */
int builds_get(struct db *db, const char *id, struct build_row *ret, struct err *err);

/* Each build that is not final, in order of submission.  `each` may take what is in the row (and
 * leaves it zeroed then); non-zero stops and is returned. */
typedef int (*build_row_fn)(void *ctx, struct build_row *row);
int builds_live(struct db *db, build_row_fn each, void *ctx, struct err *err);

struct build_filter {
    const char *project;        /* NULL: any */
    const char *created_by;     /* NULL: any */
    enum sos_build_state state; /* 0: any */
    int32_t page_size;          /* 0: 50; more than 500 is 500 */
    const char *page_token;     /* of the answer before; NULL: the first page */
};
/* Newest first; the caller owns *ret (sos_list_builds_response_done()).  -ERR_INVALID: a bad
 * token. */
int builds_list(struct db *db, const struct build_filter *filter,
                struct sos_list_builds_response *ret, struct err *err);

/* Forget idempotency keys made before `wall_ms` (they are promised for 24 hours). */
int builds_forget_keys(struct db *db, int64_t wall_ms, struct err *err);
