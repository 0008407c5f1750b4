#include "store/web/remote/members.h"

#include <stdlib.h>

#include "sos/base/auto.h"
#include "store/disk/names.h"

static const struct repository *member_of(const struct call *call, const char **at)
{
    char key[REPO_KEY_MAX + 1];

    return repo_next_member(at, key) ? store_repository(call->store, key) : NULL;
}

static bool has_member_of(const struct call *call, enum repo_class class)
{
    const char *at = call->members->of->members;
    const struct repository *member;

    while ((member = member_of(call, &at)))
        if (member->class == class)
            return true;
    return false;
}

/* --- blocking work --- */

static void name_work(struct call *call)
{
    struct members *members = call->members;
    const char *at = members->of->members;
    const struct repository *member;
    char name[ITEM_PATH_MAX + 1];
    enum name_kind kind = name_of(members->of->type, &members->at, name);
    int rc = 0;

    while (rc == 0 && (member = member_of(call, &at)))
        if (member->class == REPO_LOCAL)
            rc = names_has(call->store->reader_db, member->key, kind, name, &call->task.err);
    members->ours = rc > 0;
    call->task.rc = rc;
}

/* --- events (the loop) --- */

static void tell(struct call *call, const struct repository *member)
{
    call->members->member = member;
    if (call->request)
        call->members->then(call);
}

static void on_name(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (call->members->ours)
        tell(call, NULL);
    else if (call->request)
        members_next(call, call->members->then);
}

/* Is there need to look whose the name is? */
static bool may_be_ours(const struct call *call)
{
    const struct members *members = call->members;
    char name[ITEM_PATH_MAX + 1];

    return name_of(members->of->type, &members->at, name) != NAME_NONE &&
           !repo_mixes(members->of, name) && has_member_of(call, REPO_LOCAL);
}

static void remotes_begin(struct call *call)
{
    struct members *members = call->members;

    members->remotes = true;
    members->next = members->of->members;
    if (!has_member_of(call, REPO_REMOTE))
        tell(call, NULL);
    else if (may_be_ours(call))
        call_post(call, call->store->reader, name_work, on_name);
    else
        members_next(call, members->then);
}

/* --- public --- */

void members_next(struct call *call, call_fn then)
{
    struct members *members = call->members;
    bool is_virtual = members->of->class == REPO_VIRTUAL;
    const struct repository *member;

    members->then = then;
    while ((member = member_of(call, &members->next)))
        if ((!is_virtual || (member->class == REPO_REMOTE) == members->remotes) &&
            repo_admits(member, &members->at)) {
            tell(call, member);
            return;
        }
    if (is_virtual && !members->remotes && repo_admits(members->of, &members->at))
        remotes_begin(call);
    else
        tell(call, NULL);
}

void members_begin(struct call *call, const struct repository *of, const struct item_path *at)
{
    if (!call->members)
        call->members = xcalloc(1, sizeof *call->members);
    *call->members = (struct members){ .of = of, .at = *at };
    if (of->class != REPO_VIRTUAL)
        call->members->next = of->key;
    else
        call->members->next = repo_admits(of, at) ? of->members : "";
}

void members_free(struct call *call)
{
    free(take_ptr(call->members));
}
