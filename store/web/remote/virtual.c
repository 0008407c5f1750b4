/* virtual.c - GET of plain items in remote repositories, and in virtual ones: their members in
 * order, the first that has it wins. */
#include <string.h>

#include "store/web/remote/remote.h"

static void virtual_next(struct call *call);

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

static void virtual_next(struct call *call)
{
    char key[REPO_KEY_MAX + 1];

    if (!repo_next_member(&call->members, key)) {
        call->on_missing = NULL;
        call_error(call, 404, TEXT_NO_FILE);
        return;
    }
    const struct repository *member = store_repository(call->store, key);
    memcpy(call->at.repo, key, sizeof key);
    repository_get(call, member);
}

void virtual_get(struct call *call)
{
    call->members = store_repository(call->store, call->at.repo)->members;
    call->on_missing = virtual_next;
    virtual_next(call);
}
