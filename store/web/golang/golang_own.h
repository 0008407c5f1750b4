/* golang_own.h - a read of a Go repository in work: what golang.c and golang_docs.c share. */
#pragma once
#include "store/core/golang.h"
#include "store/disk/golang.h"
#include "store/web/remote/members.h"
#include "store/web/remote/remote.h"

struct golang_ask {
    struct golang_path path;
    char item[ITEM_PATH_MAX + 1]; /* that path as an item's */
    const struct repository *member;
    struct golang_versions versions;
    bool ours;         /* a local member has the module */
    bool unknown;      /* a checksum database does not know it */
    char *latest_text; /* what the member with the latest version says of it; owned */
    char latest[GOLANG_VERSION_MAX + 1];
    struct remote_want want; /* of a zip, while its sum is looked up */
};

static inline struct golang_ask *golang_of(const struct call *call)
{
    return call->own;
}

/* What the next member is asked for; false: it was answered that this cannot be. */
bool golang_member_want(struct call *call, struct remote_want *ret);
void golang_answer_none(struct call *call);

/* golang_docs.c: list and @latest.  Ask the next member, or answer. */
void golang_docs_next(struct call *call);
/* {"Version": …, "Time": …}; gives. */
char *golang_info_text(const char *version, int64_t at_ms);
