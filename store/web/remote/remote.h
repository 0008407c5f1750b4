/* remote.h - what a remote repository gives: kept here, or fetched from its upstream.
 *
 *   look: kept, and fresh? --yes--> answer
 *     | no
 *     +--> join the fetch of it that is under way, or begin one
 *            |--- its bytes come: follow them as they are written (remote_answer)
 *            |--- recorded, or still the same (304): answer what is kept
 *            |--- the upstream has none (404): remembered for a while, -ERR_NOT_FOUND
 *            +--- the upstream fails: what is kept, though stale, with a Warning; else 502 or 504
 *
 * What is kept is an ordinary item of the remote repository.  Things that never change are fetched
 * once; the others are asked about again after `metadata-ttl` by ETag or date.  One fetch serves
 * all who ask for a thing; a client that leaves does not stop it, unless it was the last and most
 * is still to come.  Nothing is recorded before its bytes were hashed and are what was promised. */
#pragma once
#include "store/core/claim.h"
#include "store/core/repo.h"
#include "store/core/sri.h"
#include "store/web/call.h"

enum { REMOTE_URL_MAX = 4096, REMOTE_VERIFY_TEXT_MAX = 256 };

enum remote_rule {
    REMOTE_IMMUTABLE, /* once kept, for ever */
    REMOTE_METADATA,  /* asked about again when it is older than the TTL */
};

struct remote_want;
/* On a pool thread: are the bytes of `fd` what they must be?  0, or -ERR_CONFLICT with what is
 * wrong; nothing is kept then. */
typedef int (*remote_verify_fn)(const struct remote_want *want, int fd, struct err *err);

struct remote_want {
    const struct repository *repository; /* a remote one */
    struct item_path at;                 /* where it lies in our cache */
    char url[REMOTE_URL_MAX];            /* absolute, of the upstream */
    enum remote_rule rule;
    bool document;                   /* about packages, not of them: `metadata-max` bounds it */
    const char *accept;              /* static storage; NULL */
    struct claim promised;           /* what the protocol promises of the bytes … */
    char promised_sri[SRI_TEXT_MAX]; /* … as npm's integrity; "" */
    remote_verify_fn verify;         /* … or asked before anything is kept; NULL */
    char verify_text[REMOTE_VERIFY_TEXT_MAX]; /* for `verify` alone */
    /* Instead of fetching what is not kept: finds out what is promised and asks again, without
     * this. NULL: nothing is to be found out. */
    call_fn on_fetch;
};

/* The base of a remote's upstream, no slash at its end; "": none was told. */
const char *remote_base(const struct store *store, const struct repository *repository);
/* The checksum database that Go modules of upstreams are held against; "": none. */
const char *remote_sumdb(const struct store *store);
/* The want of an item whose upstream path is that of the item; the rest is for the caller to set.
 * `path` is decoded, without a slash around.  -ERR_INVALID, -ERR_LIMIT: it cannot be an item. */
int remote_want_item(const struct store *store, const struct repository *repository,
                     const char *path, enum remote_rule rule, struct remote_want *ret,
                     struct err *err);

/* Have it in the cache, fresh enough or (the upstream being away) stale; copies `want`.  Then
 * then(call) with task.rc 0 and call->item, or -ERR_NOT_FOUND: the upstream has none, or it is not
 * kept and the store is told to stay offline; or else an error with the reason UPSTREAM or
 * UPSTREAM_TIMEOUT, which call_fail() makes 502 and 504.  call->at is want->at then.  Not called
 * when the client left meanwhile. */
void remote_load(struct call *call, const struct remote_want *want, call_fn then);
/* Answer the GET or HEAD: from the cache, or as it comes.  When there is none, call->on_missing if
 * that is set, else 404. */
void remote_answer(struct call *call, const struct remote_want *want);
/* Read a stored item's bytes into call->text (with a NUL behind them; call->text_len), whichever
 * class its repository is; then.  -ERR_NOT_FOUND; -ERR_LIMIT: more than `max`. */
void call_read_item(struct call *call, const struct item_path *at, size_t max, call_fn then);

/* GET and HEAD of call->at, a path of a remote or virtual repository, as a plain item. */
void remote_get(struct call *call);
void virtual_get(struct call *call);

/* --- for the store and its calls --- */
struct remote;
struct remote *remote_new(struct store *store);
int remote_configure(struct remote *remote, struct err *err); /* reads the files of the settings */
void remote_start(struct remote *remote);
void remote_stop(struct remote *remote); /* ends all fetches */
/* After the last call; asynchronous. */
void remote_close(struct remote *remote, void (*closed)(void *ctx), void *ctx);
void remote_free(struct remote *remote); /* one that was never used or is closed */
/* The client of the call is gone, or answered. */
void remote_gone(struct call *call);
void remote_ask_free(struct call *call);
