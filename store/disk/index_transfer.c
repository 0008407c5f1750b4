/* index_transfer.c - copy and move, which move no bytes: rows only. */
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/index.h"

enum { TRANSFER_MAX = 100000 };

/* By id: a hundred thousand whole items would be 300 MB. */
struct copies {
    int64_t *ids;
    size_t count;
    int64_t files;
};

static int copies_add(void *ctx, const struct item *item)
{
    struct copies *copies = ctx;

    if (copies->count >= TRANSFER_MAX)
        return -ERR_LIMIT;
    copies->ids = xrealloc(copies->ids, (copies->count + 1) * sizeof *copies->ids);
    copies->ids[copies->count++] = item->id;
    copies->files += !item->at.folder;
    return 0;
}

/* Is `below` the folder `at` or something in it? */
static bool path_is_below(const struct item_path *at, const struct item_path *below)
{
    size_t len = strlen(at->path);

    if (strcmp(at->repo, below->repo) != 0 || strncmp(at->path, below->path, len) != 0)
        return false;
    return len == 0 || below->path[len] == '\0' || below->path[len] == '/';
}

/* Into a folder that exists, or is told by a slash at the end: below it, under the old name. */
static int target_find(struct db *db, const struct transfer *t, struct item_path *ret,
                       struct err *err)
{
    struct item found;
    const char *name = item_name(t->from);
    int rc = index_find(db, t->to, &found, err);

    if (rc < 0 && (rc != -ERR_NOT_FOUND || (err && err->reason)))
        return rc;
    *ret = *t->to;
    if ((rc == 0 ? found.at.folder : t->to->folder) && *name) {
        size_t len = strlen(ret->path);
        int put = snprintf(ret->path + len, sizeof ret->path - len, "%s%s", len ? "/" : "", name);
        if (put < 0 || (size_t)put >= sizeof ret->path - len)
            return err_set(err, ERR_LIMIT, "the target's path is longer than %d bytes",
                           ITEM_PATH_MAX);
    }
    return 0;
}

static int copy_one(struct db *db, const struct transfer *t, const struct item *item,
                    const struct item_path *at, struct freed *freed, struct err *err)
{
    struct item made;
    struct props props;
    struct deployment deployment = { .at = at,
                                     .digests = item->at.folder ? NULL : &item->digests,
                                     .props = &props,
                                     .claimed = item->claimed,
                                     .user = t->user,
                                     .now_ms = t->now_ms,
                                     .may_replace = t->may_replace };

    props_init(&props);
    int rc = index_props(db, item->id, &props, err);
    if (rc == 0)
        rc = index_deploy(db, &deployment, &made, freed, err);
    props_done(&props);
    return rc;
}

static int copy_all(struct db *db, const struct transfer *t, const struct item_path *target,
                    const struct copies *copies, struct freed *freed, struct err *err)
{
    size_t skip = strlen(t->from->path);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < copies->count; i++) {
        struct item item;
        rc = index_find_id(db, copies->ids[i], &item, err);
        if (rc < 0)
            return rc;
        struct item_path at = *target;
        const char *rest = item.at.path + skip;
        size_t len = strlen(at.path);
        rest += *rest == '/' && len == 0;
        int put = snprintf(at.path + len, sizeof at.path - len, "%s%s",
                           len > 0 && *rest && *rest != '/' ? "/" : "", rest);
        if (put < 0 || (size_t)put >= sizeof at.path - len)
            return err_set(err, ERR_LIMIT, "a target's path is longer than %d bytes",
                           ITEM_PATH_MAX);
        at.folder = item.at.folder;
        rc = t->rule ? t->rule(t->ctx, &at, err) : 0;
        if (rc == 0)
            rc = t->dry ? 0 : copy_one(db, t, &item, &at, freed, err);
    }
    return rc;
}

int index_transfer(struct db *db, const struct transfer *t, int64_t *ret_files,
                   int64_t *ret_folders, struct freed *freed, struct err *err)
{
    struct item from;
    struct item_path target;
    struct copies copies = { 0 };
    int rc = index_find(db, t->from, &from, err);

    if (rc == 0)
        rc = target_find(db, t, &target, err);
    if (rc < 0)
        return rc;
    if (path_is_below(t->from, &target))
        return err_set(err, ERR_CONFLICT, "%s:%.100s cannot go into itself", target.repo,
                       target.path);
    if (from.id != 0)
        copies_add(&copies, &from);
    if (from.at.folder)
        rc = index_list(db, t->from, 0, copies_add, &copies, err);
    if (rc == -ERR_LIMIT)
        err_set(err, ERR_LIMIT, "more than %d items in one copy", TRANSFER_MAX);
    if (rc == 0)
        rc = copy_all(db, t, &target, &copies, freed, err);
    if (rc == 0 && !t->dry && t->move)
        rc = index_delete(db, t->from, NULL, freed, err);
    *ret_files = copies.files;
    *ret_folders = (int64_t)copies.count - copies.files;
    free(copies.ids);
    return rc;
}
