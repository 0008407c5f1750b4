/* virtual.c - GET of plain items in remote repositories, and in virtual ones: their members in
 * turn (members.h), the first that has it wins. */
#include <string.h>

#include "store/web/remote/members.h"
#include "store/web/remote/remote.h"

/* --- a remote's item --- */

void remote_get(struct call *call)
{
    const struct repository *repository = store_repository(call->store, call->at.repo);
    struct remote_want want;
    struct err err = { 0 };

    if (call->at.folder || call->at.path[0] == '\0') {
        get_stored(call); /* what is kept, as a page */
        return;
    }
    int rc = remote_want_item(call->store, repository, call->at.path, REMOTE_METADATA, &want, &err);
    if (rc < 0)
        call_error(call, 400, err.text);
    else
        remote_answer(call, &want);
}

/* --- a virtual's --- */

static void on_member(struct call *call)
{
    const struct repository *member = call->members->member;

    if (member) {
        memcpy(call->at.repo, member->key, sizeof call->at.repo);
        repository_get(call, member);
    } else {
        call->on_missing = NULL;
        call_error(call, 404, TEXT_NO_FILE);
    }
}

static void virtual_next(struct call *call)
{
    members_next(call, on_member);
}

void virtual_get(struct call *call)
{
    members_begin(call, store_repository(call->store, call->at.repo), &call->at);
    call->on_missing = virtual_next;
    virtual_next(call);
}
