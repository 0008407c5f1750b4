/* remote_own.h - what the files of remote repositories share.
 *
 *   remote.c   start and stop, and what is wanted
 *   ask.c      a call that wants a thing; looking, freshness, answers
 *   fetch.c    fetches: one thing on its way from its upstream into the cache
 *   fetch_request.c   what its upstream is asked
 *   fetch_asks.c, fetch_work.c   those who ask for it; what of it blocks
 *   follow.c   an answer that follows a fetch as it is written
 *   virtual.c  GET in virtual repositories, and of plain items in remote ones
 *   origin.c   upstreams, their credentials; what they were found not to have */
#pragma once
#include <openssl/types.h>

#include "sos/base/list.h"
#include "sos/serve/upstream.h"
#include "store/disk/cache.h"
#include "store/web/remote/remote.h"

struct remote_metrics {
    struct metric *hits;
    struct metric *misses;
    struct metric *stale;
    struct metric *bytes;
    struct metric *failures;
};

struct remote {
    struct store *store;
    struct reach *reach;         /* where strangers may send us */
    struct upstreams *upstreams; /* made with the first fetch */
    uv_timer_t tick;             /* while fetches are under way */
    struct list fetches;         /* those that can be joined */
    int fetches_count;           /* all there are */
    int64_t turn;                /* fetches recorded so far: what was looked up before may be old */
    struct origins *origins;
    struct remote_metrics counts;
    void (*closed)(void *ctx);
    void *closed_ctx;
    int closing;
};

/* --- asks --- */

enum ask_state {
    ASK_LOOKING,
    ASK_WAITING,   /* for a fetch */
    ASK_FOLLOWING, /* it; answered already */
    ASK_DONE,
};

struct remote_ask {
    struct call *call; /* owns us */
    enum ask_state state;
    struct remote_want want;
    call_fn then; /* NULL: answer */
    struct fetch *fetch;
    struct list link; /* its asks */
    bool has_item;    /* call->item is what is kept */
    bool is_damaged;  /* its bytes are lost: as good as not kept */
    struct cached cached;
    int64_t turn; /* of the remote, when we looked */
    int looks;
    int64_t at_byte;  /* following: what is sent so far … */
    int64_t end_byte; /* … and how far; -1: to the end, wherever that is */
};

/* Of a fetch, to one that waits: it came to its end … */
void ask_done(struct remote_ask *ask);
/* … or its bytes can be followed. */
void ask_follow(struct remote_ask *ask);

/* --- fetches --- */

enum fetch_state {
    FETCH_ASKING,
    FETCH_RECEIVING,
    FETCH_SEALING,
    FETCH_RECORDING,
    FETCH_FREEING, /* what was replaced */
    FETCH_DONE,
};

struct fetch {
    struct remote *remote;
    enum fetch_state state;
    struct list link; /* remote->fetches, until it is done */
    struct list asks;
    struct remote_want want;
    bool head; /* HEAD: nothing is recorded */
    bool has_old;
    struct item old; /* kept, and asked about by `cached` */
    struct cached cached;
    struct upstream *upstream; /* NULL: over */
    struct upstream_head told;
    int64_t since_ms;
    struct task task;
    bool busy; /* a task is at work */
    struct strand *disk;
    struct blob_writer *writer; /* owned until it is committed or aborted */
    EVP_MD_CTX *sri;            /* hashes what was promised as SRI */
    struct buf coming;          /* received, not yet given to the strand */
    struct buf part;            /* being written */
    bool paused;
    bool ended; /* the body is whole */
    int64_t received_bytes;
    int64_t written_bytes; /* the strand's while `busy` … */
    int64_t written_safe;  /* … and as the loop knows it */
    int fd;                /* to follow; -1 */
    struct digests digests;
    bool pinned;
    struct item item; /* recorded … */
    bool unkept;      /* … or given but not kept: there is a folder; `err` tells */
    struct freed freed;
    int rc; /* of the whole */
    struct err err;
};

/* fetch.c: one more, under way. */
struct fetch *fetch_begin(struct remote *remote, const struct remote_ask *ask, bool head);
void fetch_drop(struct fetch *fetch);   /* nobody wants it any more */
void fetch_cancel(struct fetch *fetch); /* the store stops */
void fetch_free(struct fetch *fetch);   /* it is done, and nobody follows it */

/* fetch_request.c: all but the functions to call. */
struct upstream_request fetch_request(const struct fetch *fetch);
/* -ERR_LIMIT (reason UPSTREAM): its bytes are more than is taken. */
int fetch_too_large(const struct store *store, const struct remote_want *want, struct err *err);

/* fetch_asks.c: join the one of this thing, or begin it.  -ERR_IO (reason UPSTREAM): it cannot be
 * begun. */
int fetch_join(struct remote *remote, struct remote_ask *ask, struct err *err);
/* Leave it; the last one to leave may end it. */
void fetch_leave(struct remote_ask *ask);
/* Somebody waits for it, or so little is missing that it is worth having. */
bool fetch_is_wanted(const struct fetch *fetch);
void fetch_tell_follow(struct fetch *fetch); /* if its bytes can be followed */
void fetch_wake(struct fetch *fetch);        /* those who follow it */

/* fetch_work.c: on strands. */
void fetch_write_work(struct task *task);
void fetch_seal_work(struct task *task);
void fetch_record_work(struct task *task);
void fetch_touch_work(struct task *task); /* 304: the bytes are still the upstream's */
void fetch_free_work(struct task *task);  /* what was replaced */
void fetch_abort_work(struct task *task);

/* --- follow.c --- */
void follow_answer(struct remote_ask *ask);

/* --- origin.c --- */
struct origins;
struct origins *origins_new(void);
void origins_free(struct origins *origins);
int origins_read(struct origins *origins, const struct store_settings *settings, struct err *err);
const char *origins_base(const struct origins *origins, enum repo_type type);     /* "" */
const char *origins_sumdb(const struct origins *origins);                         /* "" */
const char *origins_credentials(const struct origins *origins, const char *repo); /* NULL */
/* The upstream was asked for that item, and why that is not done again soon. */
enum miss { MISS_NOT, MISS_NONE, MISS_LARGE };
void origins_miss(struct origins *origins, const struct item_path *at, enum miss why,
                  int64_t until_ms);
void origins_forget_miss(struct origins *origins, const struct item_path *at);
enum miss origins_misses(const struct origins *origins, const struct item_path *at, int64_t now_ms);
/* It could not be reached; what is kept is given without asking, for a moment. */
void origins_away(struct origins *origins, const char *repo, int64_t until_ms);
bool origins_is_away(const struct origins *origins, const char *repo, int64_t now_ms);
