/* call.h - one request in work: who asks for what, and the task that finds it out.
 *
 *   new --work posted--> busy --done--> answered --> closed: freed
 *    |                     |                           ^
 *    +---- client gone ----+---- at the task's end ----+
 *
 * A client that leaves does not stop a task; what it found is then dropped by the
 * answering functions.  A `work` has no request: what it needs of it is asked before.  A call is
 * freed when the request is closed and nothing of it is at work. */
#pragma once
#include "store/core/access.h"
#include "store/core/call.h"
#include "store/core/claim.h"
#include "store/core/errors.h"
#include "store/web/store.h"

struct call;
typedef void (*call_fn)(struct call *call);

enum { CALL_BASE_MAX = 320 };

struct call {
    struct store *store;
    struct http_request *request; /* NULL: the client is gone or answered */
    struct task task;
    call_fn work;         /* pool thread: sets task.rc and task.err by returning */
    call_fn then;         /* loop thread, always */
    call_fn removal;      /* of call_post_removal(): its work … */
    call_fn removal_then; /* … and what follows */
    int holds;            /* tasks and callers in which it must stay */
    call_fn on_gone;      /* the request was closed while not busy; may be NULL */
    void *own;            /* what the calls of its kind keep with it; call_own() */
    call_fn own_free;

    enum call_kind kind;
    const char *rest;         /* of the path; borrowed from the request */
    char base[CALL_BASE_MAX]; /* "http://host:8601/artifactory" */
    char user[AUTH_SUBJECT_MAX];
    char token[ID_MAX]; /* the id of his token; "": none */
    int64_t expire_ms;  /* when it ends; 0: never */
    char *scope;        /* what he may; owned; NULL: nothing */
    int64_t now_ms;

    /* What most calls need. */
    struct item_path at;
    bool placed; /* `at` is what `rest` says */
    struct props props;
    struct claim claim;
    struct item item;
    struct freed freed;
    bool recursive;           /* of properties */
    bool dry;                 /* of copy and move */
    bool begun;               /* of a DELETE: a slice of it is done */
    struct upload *upload;    /* of a PUT with bytes; owned */
    char *text;               /* the answer's body, made by the work; owned */
    int fd;                   /* the file to answer with; owned; -1 */
    const char *bytes;        /* the same of a small file, borrowed while it is answered; NULL */
    struct http_reply *reply; /* … and the answer with all of them, borrowed too; NULL */
    int64_t commits;          /* there were when call->item was looked for */

    /* Of remote and virtual repositories. */
    struct remote_ask *ask;  /* what it wants of an upstream; owned */
    bool warned;             /* the answer says that it is stale */
    struct members *members; /* who is asked; owned */
    call_fn on_missing;      /* where a GET goes on that found nothing; NULL: 404 */
    size_t text_len;         /* of what call_read_item() read */
    size_t text_max;
};

/* Of a request that was just read; held once. */
struct call *call_new(struct store *store, struct http_request *request);
/* Run `work` on the strand, then `then` on the loop; one at a time. */
void call_post(struct call *call, struct strand *strand, call_fn work, call_fn then);
/* On the writer's strand, for a `work` that makes room: on a full disk it is run once more with the
 * store's headroom. */
void call_post_removal(struct call *call, call_fn work, call_fn then);
/* Give it its `own`, once; it takes it, and `own_free` is called while call->own is there. */
void call_own(struct call *call, void *own, call_fn own_free);
/* It stays until it is let go, whatever becomes of its client. */
void call_hold(struct call *call);
void call_let_go(struct call *call);
/* May he do all of `access` at that path (a folder: and all in it)?  NULL: somewhere at all. */
bool call_may(const struct call *call, int access, const struct item_path *at);
/* The same; false: it was answered that he may not, 401 to nobody and 403 to somebody. */
bool call_require(struct call *call, int access, const struct item_path *at);
/* What adds is refused while there is room to delete only; false: it was answered. */
bool call_has_room(struct call *call, int access);
/* Answer that he may not; `at` NULL: anywhere. */
void call_deny(struct call *call, int access, const struct item_path *at);
/* May he read anything in that repository? */
bool call_sees(const struct call *call, const char *repo);
/* Of the request: on the loop only, and before the client can be gone.
 * The query holds this parameter (with any value). */
bool call_asks(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name, bool fallback); /* "0" or "1" */

/* --- answers; none of them does anything when the client is gone --- */
void call_answer(struct call *call, int status, const char *type, const char *text);
/* Takes call->text. */
void call_answer_text(struct call *call, int status, const char *type);
/* {"errors": [{status, message}]}; to npm also {"error": message}, which is what it shows. */
void call_error(struct call *call, int status, const char *message);
/* By task.err: 400, 404 (`missing` is the text), 403, 409, 507, 502 and 504 (of an upstream), or
 * 500, which is logged. */
void call_fail(struct call *call, const char *missing);
void call_refuse_method(struct call *call, const char *allow);
/* 405, and why: nothing is put to a remote repository, nor to a virtual one that says not where. */
void call_refuse_put(struct call *call, const struct repository *repository);

/* --- the calls; each in a file of its own --- */
void get_call(struct call *call);
void get_set_name(struct call *call, const char *name); /* the headers that tell it */
void put_call(struct call *call);
void delete_call(struct call *call);
void info_call(struct call *call);
void props_set_call(struct call *call);
void props_remove_call(struct call *call);
void metadata_call(struct call *call);
void transfer_call(struct call *call);
void repositories_call(struct call *call);
void repository_call(struct call *call);
void system_call(struct call *call);
void retention_call(struct call *call);
void npm_call(struct call *call);
void golang_call(struct call *call);
void golang_put_call(struct call *call);
void pypi_call(struct call *call);
void pypi_upload_call(struct call *call);
void aql_call(struct call *call);
void search_call(struct call *call);
void versions_call(struct call *call);
void builds_call(struct call *call);
void build_call(struct call *call);
void build_artifacts_call(struct call *call);
void build_publish_call(struct call *call);
void build_append_call(struct call *call);
void build_delete_call(struct call *call);
void build_rename_call(struct call *call);
void build_retention_call(struct call *call);
void build_promote_call(struct call *call);
void token_make_call(struct call *call);
void tokens_call(struct call *call);
void token_call(struct call *call);
void token_revoke_call(struct call *call);
void token_revoke_form_call(struct call *call);

/* --- parts of GET --- */
/* Answer with what is stored at call->at; in a remote repository: with what is kept. */
void get_stored(struct call *call);
/* Answer with what was found: the bytes of call->fd, described by call->item, or call->text, or
 * call->task's error. */
void get_found(struct call *call);

/* GET of call->at in this repository, which is the one that call->at names. */
void repository_get(struct call *call, const struct repository *repository);

/* --- what a type makes of a plain path, call->at of the repository; false: it is one of a plain
 * file's --- */
/* Metadata is made from what is stored; what an upstream sends is held to its sums. */
bool maven_get(struct call *call, const struct repository *repository);
/* Metadata is not believed. */
void maven_put(struct call *call);
/* What a tarball must be is asked first; nothing else is asked of an upstream. */
bool npm_get(struct call *call, const struct repository *repository);
/* Files are found by the pages of their projects. */
bool pypi_get(struct call *call, const struct repository *repository);
/* Paths of the module proxy protocol. */
bool golang_get(struct call *call, const struct repository *repository);

/* Remove the files of call->freed, then `then`. */
void call_free_bytes(struct call *call, call_fn then);
