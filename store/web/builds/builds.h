/* builds.h - what the calls about builds share.
 *
 * A build is the file artifactory-build-info/NAME/NUMBER-STARTED.json; its rows are made from it in
 * the same transaction.  Every change reads, writes and records on the writer's strand, one after
 * the other: builds are few, and so none is lost. */
#pragma once
#include "store/disk/builds.h"
#include "store/web/call.h"

struct build_call {
    char name[BUILD_NAME_MAX + 1];
    char number[BUILD_NAME_MAX + 1]; /* "": none was named */
    char other[BUILD_NAME_MAX + 1];  /* ?diff=, ?to= */
    int64_t started_ms;              /* ?started=; 0: the newest */
    struct build_info info;          /* owned */
    json_t *body;                    /* owned */
    json_t *messages;                /* of a promotion; owned */
    struct freed pinned;             /* digests of blobs we wrote, until they are committed */
    call_fn next;                    /* when the body is read */
};

static inline struct build_call *build_of(const struct call *call)
{
    return call->own;
}

/* Every call about builds begins so. */
void build_call_new(struct call *call);
/* "NAME[/NUMBER]" of `rest` into build_of(call), and may he?  false: it was answered. */
bool build_call_named(struct call *call, int access);
/* May he do that with the builds of this name? */
bool build_may(const struct call *call, int access, const char *name);
/* The body is one JSON value: then build_of(call)->body is it, and `next`. */
void build_call_body(struct call *call, call_fn next);

/* --- on a strand --- */
/* The file of a build; the caller owns *ret. */
int build_load(struct call *call, struct db *db, const struct build *build, struct build_info *ret,
               struct err *err);
/* Write it as it is told by `text`, and record it.  The writer's strand.  -ERR_DENIED: another is
 * there and may not be replaced. */
int build_save(struct call *call, const struct build_info *info, const char *text, size_t len,
               bool may_replace, struct err *err);
/* The same for what was changed. */
int build_save_json(struct call *call, const struct build_info *info, struct err *err);

/* 404, 403, or what task.err is. */
void build_fail(struct call *call);
