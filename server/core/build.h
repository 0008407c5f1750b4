/* build.h - one build as the server keeps it in memory while it is live.
 *
 * Live builds are in memory and in the database; finished ones only in the database.
 * `msg` is what everybody may be told; beside it stand the few facts that are nobody's but
 * the farm's.
 *
 * To change a build: build_copy(), build_apply() on the copy, save the copy on the writer
 * strand, and when that is committed build_replace().  So memory never says what the disk
 * does not, and a change that could not be saved is dropped with its copy. */
#pragma once
#include <stdint.h>

#include "server/core/rank.h"
#include "sos/base/digest.h"
#include "sos/base/id.h"
#include "sos/base/list.h"
#include "sos/v1.h"

struct build {
    struct sos_build msg;         /* owned */
    int64_t seq;                  /* order of submission; a requeued build keeps it */
    int64_t revision;             /* grows by one with each change; the ETag */
    int64_t fence;                /* grows with each lease; only the newest may speak */
    char session[ID_MAX];         /* of the worker that holds the lease; "": no lease */
    char fingerprint[SHA256_HEX]; /* see fingerprint.h */
    int64_t lease_until_mono_ms;  /* 0: no lease; see lease.h */

    /* Where it stands; not copied. */
    struct rank_node waiting; /* used by sched.h */
    struct sched_pool *pool;  /* the queue it waits in; NULL: it waits in none */
    struct list link;         /* the owner's, e.g. the list of what is leased; inited */
};

/* A build that owns a copy of `msg`, at revision 1, without a lease; its seq is the number.  The
 * caller sets revision, fence, session and fingerprint of one from the database. */
struct build *build_new(const struct sos_build *msg);
/* It must be on no list and in no queue; NULL is fine. */
void build_free(struct build *build);

/* A copy of everything but where it stands (gives; build_free()). */
struct build *build_copy(const struct build *build);
/* Takes the content of `next` (frees it) and keeps where `build` stands.  The caller moves it
 * between queues and lists before or after, by its state. */
void build_replace(struct build *build, struct build *next);

/* The digest of the build image: the slots that have it are the pool that serves this build. */
const char *build_image(const struct build *build);
