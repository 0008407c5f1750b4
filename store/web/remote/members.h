/* members.h - whom a repository asks for a path: a virtual one its members, any other itself.
 *
 *   local members, in order --> has one of them the name? --no, or mix=--> remote members, in order
 *                                            \--yes--> nobody else: what is private stays private
 *
 * One whose patterns do not admit the path is passed over. */
#pragma once
#include "store/web/call.h"

struct members {
    const struct repository *of;
    const struct repository *member; /* to be asked now; NULL: no more */
    struct item_path at;
    const char *next;
    bool remotes; /* it is their turn */
    bool ours;    /* a local one has the name */
    call_fn then;
};

/* From the first on; `at` in any repository of its type.  Of one call there is one at a time. */
void members_begin(struct call *call, const struct repository *of, const struct item_path *at);
/* Then then(call), with the next in call->members->member.  Not called when the client left, nor
 * when the index could not be read, which was answered. */
void members_next(struct call *call, call_fn then);
void members_free(struct call *call); /* with its call */
