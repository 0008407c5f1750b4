/* store.h - the store on its loop: what the calls share, and its start and stop.
 *
 *   request --dispatch--> call --task on a strand--> done --> answer
 *
 * Strands: the writer (the index's one read-write connection, in batches), the reader
 * (its read-only connection, opening files, removing blobs), two searchers (with one each), and a
 * few disks, each of which hashes and writes the uploads it was given. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "sos/base/blob.h"
#include "sos/serve/auth.h"
#include "sos/serve/db.h"
#include "sos/serve/http.h"
#include "sos/serve/metrics.h"
#include "sos/serve/strand.h"
#include "store/disk/headroom.h"
#include "store/disk/index.h"
#include "store/disk/journal.h"
#include "store/disk/pins.h"
#include "store/disk/tokens.h"

enum { STORE_DISKS = 4, STORE_SEARCHERS = 2, STORE_REPOSITORIES_MAX = 256 };
enum { STORE_HEADROOM_BYTES = 8 << 20 };

struct store_settings {
    const char *state_dir;    /* index.db, blobs/, admin.token below it */
    const char *repositories; /* store/core/repo.h, with commas or line ends between */
    const char *public_url;   /* "" : told by the Host of each request */
    bool anonymous_read;
    int64_t upload_bytes_max; /* of one file */
    int64_t search_ms;        /* the longest that one search may work */
    int64_t disk_floor_bytes; /* uploads are refused when less would stay free */
    int64_t sweep_grace_ms;
    int64_t sweep_period_ms;
    int64_t metadata_ttl_ms;          /* of a remote's: asked about again after it */
    int64_t missing_ttl_ms;           /* what an upstream has not is not asked for so long */
    int64_t metadata_bytes_max;       /* of a remote's document */
    bool upstream_offline;            /* remote repositories give what is kept */
    const char *upstream_credentials; /* file of lines "KEY USER:PASSWORD", "KEY bearer TOKEN" */
    const char *upstream_private;     /* hosts and networks: sos/serve/reach.h */
    const char *upstream_ca;          /* PEM file, trusted besides the system's */
    const char *go_sumdb;             /* its name; "": as the images tell; "off" */
    const char *go_private;           /* patterns of modules that it does not know */
    const char *images_dir;           /* <name>.json tell upstreams; "" : none */
    const char *retention;            /* store/core/retention.h, with commas or line ends between */
    int64_t scrub_rate_bytes;         /* read in a second to check blobs; 0: none */
    int64_t journal_growth_bytes;     /* of the logs, from which on a new snapshot is made */
    struct http_config http;
};

struct store_metrics {
    struct metric *uploads;
    struct metric *upload_bytes;
    struct metric *downloads;
    struct metric *refused_full;
    struct metric *swept_bytes;
    struct metric *scrubbed_bytes;
    struct metric *quarantined;
};

struct store {
    const struct store_settings *settings;
    uv_loop_t *loop;
    char *blobs_dir;
    char *quarantine_dir; /* of blobs whose bytes were wrong */
    struct blobs *blobs;
    struct pins *pins;
    struct db *writer_db;
    struct db *reader_db;
    struct journal *journal;
    struct headroom *headroom;
    struct strand *writer;
    struct strand *reader;
    struct strand *disks[STORE_DISKS];
    struct searcher {
        struct db *db;
        struct strand *strand;
    } searchers[STORE_SEARCHERS]; /* their own connections: a long search holds up no read */
    size_t disks_turn;            /* where the next search for an idle one begins */
    struct auth *auth;
    struct http *http;
    struct metrics *metrics;
    struct remote *remote;
    struct pypi_pages *pypi_pages;
    struct store_metrics counts;
    struct repository repositories[STORE_REPOSITORIES_MAX]; /* by key */
    size_t repositories_count;
    bool repositories_over; /* the index has more than fit */
    int64_t incoming_bytes; /* announced by uploads that are not stored yet */
    bool broken;            /* a commit or a sync failed: stop and be started again */

    uv_timer_t sweep_timer; /* runs one pass over the shelves, then waits for the next */
    struct task sweep_task;
    int sweep_next;      /* the shelf that is next; SWEEP_SHELVES: the pass is over */
    int64_t swept_bytes; /* of the shelf just done */
    bool sweep_busy;

    struct keeper *keeper;
    struct hot *hot;
    struct retention *retention;
    struct counter *counter; /* of downloads */

    int64_t calls; /* at work, their client still there or not */
    bool stopping;
    bool http_stopped;
    int closing; /* strands and handles still open */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* Open the state, make what a first start needs and serve.  `settings` and `loop` must outlive it;
 * the caller owns *ret until `stopped` of store_stop() is called. */
int store_start(uv_loop_t *loop, const struct store_settings *settings, struct store **ret,
                struct err *err);
/* Asynchronous; frees the store, then `stopped`. */
void store_stop(struct store *store, void (*stopped)(void *ctx), void *ctx);

/* NULL: no such repository. */
const struct repository *store_repository(const struct store *store, const char *key);
/* From now on it is known (loop thread, after it was committed). */
void store_token_put(struct store *store, const struct token *token);
/* The disk strand with the least to do. */
struct strand *store_disk(struct store *store);
/* The searcher with the least to do. */
const struct searcher *store_searcher(const struct store *store);
/* On a pool thread: would `bytes` more leave the floor free?  0 or -ERR_FULL. */
int store_room(const struct store *store, int64_t bytes, struct err *err);

/* Every request (http_request_fn). */
void store_on_request(void *ctx, struct http_request *request);
/* The disk did not take what it must: the loop stops. */
void store_break(struct store *store, const struct err *err);
/* One of store->calls is over. */
void store_call_ended(struct store *store);
/* builds.c: make the rows of build-info files that have none; at the start. */
int builds_restore(struct store *store, struct err *err);
/* sweeper.c: the periodic removal of orphaned blobs. */
void sweeper_start(struct store *store);
