/* state.h - what the files of this floor share: the farm, its live builds, its
 * workers.  Nobody above includes it.
 *
 * A live build changes in one way only (change.c):
 *
 *   change_post --> waits its turn --prepare--> a changed copy --writer strand--> committed
 *                                       |                                            |
 *                                     refused                     the copy replaces the build, the
 *                                       |                         build moves to the list of its
 *                                       v                         state, waits wake, slots are
 * given told                        work, told
 *
 * Memory never says what the disk does not, and one change of a build is in flight at a time. */
#pragma once
#include "server/core/build.h"
#include "server/core/lease.h"
#include "server/core/machine.h"
#include "server/core/sched.h"
#include "server/core/why.h"
#include "server/disk/artifacts.h"
#include "server/disk/attempts.h"
#include "server/disk/builds.h"
#include "server/disk/dependencies.h"
#include "server/disk/logs.h"
#include "server/disk/sources.h"
#include "server/disk/tokens.h"
#include "server/disk/uploads.h"
#include "server/disk/workers.h"
#include "server/farm/farm.h"
#include "sos/base/auto.h"
#include "sos/base/blob.h"
#include "sos/base/clock.h"
#include "sos/base/list.h"
#include "sos/base/log.h"
#include "sos/serve/db.h"
#include "sos/serve/strand.h"

enum {
    FARM_LIVE_MAX = 100000,
    FARM_WORKERS_MAX = 1000,
    FARM_SLOTS_MAX = 256, /* of one worker */
    FARM_IMAGES_MAX = 64, /* of one worker */
    FARM_WAITS_MAX = 20000,
    FARM_CHANGES_MAX = 64, /* that wait for their turn at one build */
    FARM_UPLOAD_STRANDS = 2,
    FARM_SWEEP_MS = 200,
    FARM_QUEUE_BUILDS_MAX = 500, /* told in one snapshot */
    FARM_FULL_PAUSE_MS = 1000,   /* on a full disk, before anything is tried by ourselves again */
};

struct cache;
struct catalogue;
struct store;

/* --- waits (waiters.c) --- */

/* Somebody who waits for something, or for the time to be up.  Embedded in its owner. */
struct wait;
typedef void (*wait_fn)(struct wait *wait);
struct wait {
    struct list link;     /* of those who wait for the same thing */
    struct list due_link; /* of all */
    int64_t until_mono_ms;
    wait_fn over; /* it happened or the time is up; the wait is on no list any more */
};

/* --- live builds (live.c) --- */

/* What the worker uploaded in this attempt, so that a finish need not hash it again. */
struct known_file {
    struct known_file *next;
    struct digests digests;
};

struct publishing;
struct change;

struct live {
    struct live *next_in_bucket;
    struct farm *farm;
    struct build *build; /* owned; as committed */
    struct list changes; /* that wait for their turn */
    size_t changes_count;
    struct change *running; /* NULL: none is in flight */
    struct list waits;      /* for another revision */
    struct list log_waits;  /* for more of the log */
    int64_t log_size;       /* of the newest attempt */
    int slot;               /* of the lease; -1: none */
    int64_t expire_mono_ms; /* while it is QUEUED; INT64_MAX: never */
    struct known_file *files;
    struct publishing *publishing; /* while STORING */
};

/* --- workers (agent.c) --- */
struct worker {
    struct list link;
    struct sos_worker msg; /* state and builds are filled in when told */
    char session[ID_MAX];
    int64_t seen_mono_ms;
    int64_t seen_wall_ms;
    bool online;
};

struct farm_counters {
    struct metric *submitted, *reused, *lost, *leases, *upload_bytes, *log_bytes;
    struct metric *publish_retries;
    struct metric *running, *storing, *waits;
    struct metric *workers_idle, *workers_busy, *workers_offline;
};

struct farm {
    uv_loop_t *loop;
    struct farm_config config; /* its text is owned */
    struct lease_rules rules;
    farm_broken_fn on_broken;
    void *broken_ctx;
    bool ready;
    bool stopping;
    void (*stopped)(void *ctx);
    void *stopped_ctx;

    struct db *db;      /* of `writer` */
    struct db *read_db; /* of `reader` */
    struct blobs *blobs;
    struct logs *logs;
    struct strand *writer, *reader, *appender, *archiver, *fetcher, *publisher;
    struct strand *uploaders[FARM_UPLOAD_STRANDS];
    unsigned upload_next;
    size_t strands_closed; /* while stopping */
    uv_timer_t sweep_timer;
    int64_t sweep_slow_mono_ms; /* when the slow part is due */
    bool collecting;            /* a garbage sweep is in flight */
    bool garbage_due;           /* a build ended: its uploads may go */
    int64_t garbage_mono_ms;    /* when a sweep is due anyhow */
    int64_t full_until_mono_ms; /* the disk is full: until then only what is asked for is tried */

    struct auth *auth;
    struct metrics *metrics;
    struct farm_counters count;
    struct cache *cache;
    struct catalogue *catalogue;
    struct store *store;

    struct live **buckets;
    size_t buckets_count;
    size_t live_count;
    struct sched sched;
    struct list leased;  /* of struct build, by its link: ASSIGNED … RUNNING, CANCELING */
    struct list storing; /* of struct build, by its link */
    size_t leased_count, storing_count;
    int64_t queue_revision;
    struct list workers; /* of struct worker */
    size_t workers_count;
    struct list parked;    /* of struct wait: slots without work */
    struct list leasing;   /* of struct park (lease.c): slots whose lease is being committed */
    struct list waits_due; /* of struct wait, by due_link: all */
    size_t waits_count;
};

/* --- farm.c --- */
/* The disk did not take what it must: the program ends. */
void farm_break(struct farm *farm, const struct err *err);

/* --- live.c --- */
struct live *live_find(struct farm *farm, const char *id);
/* Takes the build and puts it where its state says. */
struct live *live_add(struct farm *farm, struct build *build);
/* Off its queue or list, before its state changes; and onto the one of its state after.  Together
 * they are the only mover. */
void live_leave(struct live *live);
void live_enter(struct live *live);
/* Forgets a final build that nothing is in flight for; harmless on others. */
void live_drop_final(struct live *live);
void live_free_all(struct farm *farm);
void live_know_file(struct live *live, const struct digests *digests);
const struct digests *live_known_file(const struct live *live, const char *sha256);

/* The message with what is not stored: the place in the queue, the log's size.  A shallow copy; its
 * additions live in the view. */
struct build_view {
    struct sos_build msg;
    struct sos_queue_place place;
    struct sos_log_info log;
};
void view_init(struct build_view *view, struct live *live);
void view_done(struct build_view *view);
struct build_row live_row(const struct build *build); /* shallow: borrowed text */
struct build *build_from_row(const struct build_row *row);

/* --- change.c --- */
struct change {
    struct task task;
    struct list link;
    struct live *live;
    struct build *next;         /* the changed copy */
    struct history_event event; /* name NULL: no change of state; text outlives the change */
    /* Loop thread, when its turn comes: change `next`.  < 0 refused; 0 save it; 1 nothing to save.
     */
    int (*prepare)(struct change *change, struct err *err);
    /* Pool thread, in the same transaction; may be NULL. */
    int (*also)(struct change *change, struct db *db, struct err *err);
    /* Loop thread, last: memory agrees with the disk.  May free the change. */
    void (*told)(struct change *change, int rc, const struct err *err);
};
/* The owner keeps the change until told; prepare, also and told are set. */
void change_post(struct live *live, struct change *change);
/* For prepare: apply one move and note it as the event. */
int change_apply(struct change *change, const struct build_move *move, const char *subject,
                 struct err *err);

/* --- waiters.c --- */
/* False when it cannot wait: the time is up, too many wait, the farm stops; `over` does not come
 * then. */
bool wait_begin(struct farm *farm, struct wait *wait, struct list *on, int64_t wait_ms,
                wait_fn over);
void wait_end(struct farm *farm, struct wait *wait); /* off its lists; `over` does not come */
void waits_wake(struct farm *farm, struct list *on);
void waits_sweep(struct farm *farm, int64_t now_mono_ms);

/* --- sweep.c --- */
void sweep_start(struct farm *farm);
/* One look at every deadline; the timer calls it, and simulations do. */
void farm_sweep(struct farm *farm);
/* The lease of `live` ended without a word from its worker. */
void lease_lose(struct live *live);

/* --- agent.c --- */
struct worker *worker_find(struct farm *farm, const char *name);
struct why_pool worker_pool(struct farm *farm, const char *image);
bool worker_load(struct farm *farm, struct sos_worker *msg, const char *session);
void worker_free_all(struct farm *farm);
int worker_busy(struct farm *farm, const char *name);
void worker_seen(struct farm *farm, const char *name);
int images_check(const struct sos_worker_image *images, size_t count, struct err *err);
/* The images that a worker has now (count 0: it does not say); its leases go on. */
void worker_announce(struct farm *farm, struct worker *worker,
                     const struct sos_worker_image *images, size_t count);
/* The build whose lease a worker that says `attempt` and `fence` holds; NULL and STALE_LEASE. */
struct live *attempt_live(struct farm *farm, const char *attempt, int64_t fence, struct err *err);
void build_set_steps(struct build *build, const struct sos_step *steps, size_t count);

/* --- lease.c: parked slots and work meet --- */
/* The slots that earlier sessions of the worker parked are told that they are over. */
void parks_end(struct farm *farm, const char *worker, const char *session);
void farm_dispatch(struct farm *farm);

/* --- publish.c --- */
void publish_begin(struct live *live, const struct sos_artifact *artifact, int tries);
void publish_sweep(struct farm *farm, int64_t now_mono_ms);
void publish_free(struct publishing *publishing);

/* --- build_info.c: what the store is told of a build --- */
/* When it began: its build-info's name in the store has it. */
int64_t build_info_started_ms(const struct sos_build *build);
/* The JSON (gives; free()).  The same publication gives the same text. */
char *build_info_text(const struct publish_order *order);

/* --- store.c: the exact requests to an Artifactory-compatible store --- */
struct store *store_new(const struct farm_config *config, struct blobs *blobs);
void store_free(struct store *store);
void store_stop(struct store *store); /* requests under way fail soon; loop thread */
/* A farm_publish_fn; ctx is the store.  Publisher strand. */
int store_publish(void *store, const struct publish_order *order, struct err *err);
/* The bytes of a published file into `fd`; its digest is compared.  Fetcher strand. */
int store_fetch(struct store *store, const struct sos_artifact *artifact,
                const struct sos_artifact_file *file, int fd, struct err *err);

/* --- catalogue.c --- */
struct catalogue *catalogue_new(const char *dir);
void catalogue_free(struct catalogue *catalogue);
/* Reads again what changed on disk. */
void catalogue_refresh(struct catalogue *catalogue);
size_t catalogue_count(const struct catalogue *catalogue);
const struct sos_image *catalogue_at(const struct catalogue *catalogue, size_t index);
const struct sos_image *catalogue_find(const struct catalogue *catalogue, const char *name);
/* By name, or the default one of a language; -ERR_NOT_FOUND UNKNOWN_IMAGE with the list as hint. */
int catalogue_choose(const struct catalogue *catalogue, const char *name, const char *language,
                     const struct sos_image **ret, struct err *err);
const char *catalogue_name_of(const struct catalogue *catalogue, const char *build_digest);

/* --- cache.c: files made on demand, each once for all who ask at the same time --- */
typedef int (*cache_make_fn)(void *ctx, int fd, struct err *err); /* pool thread */
struct cache *cache_new(const char *dir, int64_t bytes_max, struct err *err);
void cache_free(struct cache *cache);
/* Open the file `key` (a file name); makes it on `strand` with `make` when it is not there, calling
 * `make_free` (loop thread) when ctx is no longer needed. */
void cache_get(struct farm *farm, struct strand *strand, const char *key, cache_make_fn make,
               void (*make_free)(void *ctx), void *make_ctx, farm_file_fn done, void *ctx);
/* Give it at once when it is there. */
bool cache_try(struct farm *farm, const char *key, farm_file_fn done, void *ctx);

/* --- queue.c --- */
void counters_init(struct farm *farm);
void counters_leased(struct farm *farm, const struct sos_build *build); /* … by a slot */
/* … went through these steps, or not through the last of them */
void counters_steps(struct farm *farm, const struct sos_build *build);
void counters_ended(struct farm *farm, const struct sos_build *build); /* a build became final */

/* --- source.c --- */
int source_id_check(const char *id, struct err *err); /* 0 or -ERR_NOT_FOUND SOURCE_NOT_FOUND */

/* --- upload.c --- */
struct strand *upload_strand(struct farm *farm); /* the next one's turn */

/* --- tokens.c --- */
int tokens_first(struct farm *farm, struct err *err);
