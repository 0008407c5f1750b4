/* npm_change.c - publications, tags, deprecations and removals, on the writer's strand. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/npm.h"

/* --- properties of a tarball --- */

/* Give the property exactly the values of `props`, which are all of that key; none: it goes. */
static int prop_write(struct db *db, const struct item_path *at, const char *key,
                      const struct props *props, int64_t now_ms, struct err *err)
{
    struct props gone;

    if (props->count > 0)
        return index_props_change(db, at, false, PROPS_SET, props, now_ms, err);
    props_init(&gone);
    int rc = props_add(&gone, key, "", err);
    if (rc == 0)
        rc = index_props_change(db, at, false, PROPS_REMOVE, &gone, now_ms, err);
    props_done(&gone);
    return rc;
}

/* The tags of one version as they are, without `left_out` and with `added` (either may be NULL). */
static int row_tags_write(struct db *db, const struct npm_package *package, size_t row,
                          const char *left_out, const char *added, int64_t now_ms, struct err *err)
{
    struct item_path at;
    struct props props;
    int rc = npm_tarball_at(package->repo, package->name, package->rows[row].version, &at, err);

    props_init(&props);
    for (size_t i = 0; rc == 0 && i < package->tags_count; i++)
        if (package->tags[i].row == row && (!left_out || strcmp(package->tags[i].tag, left_out)))
            rc = props_add(&props, NPM_PROP_TAG, package->tags[i].tag, err);
    if (rc == 0 && added)
        rc = props_add(&props, NPM_PROP_TAG, added, err);
    if (rc == 0 && props.count > NPM_TAGS_MAX)
        rc = err_set(err, ERR_LIMIT, "a version has at most %d tags", NPM_TAGS_MAX);
    if (rc == 0)
        rc = prop_write(db, &at, NPM_PROP_TAG, &props, now_ms, err);
    props_done(&props);
    return rc;
}

static int tag_move(struct db *db, const struct npm_package *package, const char *tag,
                    const struct npm_row *to, int64_t now_ms, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < package->tags_count; i++) {
        if (strcmp(package->tags[i].tag, tag) != 0)
            continue;
        if (to == &package->rows[package->tags[i].row])
            return 0;
        rc = row_tags_write(db, package, package->tags[i].row, tag, NULL, now_ms, err);
    }
    if (rc == 0 && to)
        rc = row_tags_write(db, package, (size_t)(to - package->rows), NULL, tag, now_ms, err);
    return rc;
}

int npm_tag_set(struct db *db, const char *repo, const char *name, const char *tag,
                const char *version, int64_t now_ms, struct err *err)
{
    struct npm_package package;
    int rc = npm_package_load(db, repo, name, &package, err);

    if (rc < 0)
        return rc;
    const struct npm_row *row = version ? npm_package_row(&package, version) : NULL;
    if (version && !row)
        rc = err_set(err, ERR_NOT_FOUND, "%s has no version %s", name, version);
    if (rc == 0)
        rc = tag_move(db, &package, tag, row, now_ms, err);
    npm_package_done(&package);
    return rc;
}

static int deprecation_write(struct db *db, const struct npm_package *package,
                             const struct npm_row *row, const char *message, int64_t now_ms,
                             struct err *err)
{
    struct item_path at;
    struct props props;
    int rc = npm_tarball_at(package->repo, package->name, row->version, &at, err);

    if (strlen(message) > NPM_MESSAGE_MAX)
        return err_set(err, ERR_LIMIT, "a deprecation's text has at most %d bytes",
                       NPM_MESSAGE_MAX);
    props_init(&props);
    if (rc == 0 && message[0])
        rc = props_add(&props, NPM_PROP_DEPRECATED, message, err);
    if (rc == 0)
        rc = prop_write(db, &at, NPM_PROP_DEPRECATED, &props, now_ms, err);
    props_done(&props);
    return rc;
}

/* --- a publication --- */

static int put_refuse(const struct npm_put *put, struct err *err)
{
    return err_set(err, ERR_DENIED,
                   "You cannot publish over the previously published versions: %s.  %s@%s is here"
                   " with other bytes",
                   put->publication->version, put->name, put->publication->version);
}

static int tarball_put(struct db *db, const struct npm_put *put, struct item *ret,
                       struct freed *freed, struct err *err)
{
    const char *version = put->publication->version;
    struct item_path at;
    struct props props;
    int rc = npm_tarball_at(put->repo, put->name, version, &at, err);

    props_init(&props);
    if (rc == 0)
        rc = props_add(&props, NPM_PROP_NAME, put->name, err);
    if (rc == 0)
        rc = props_add(&props, NPM_PROP_VERSION, version, err);
    const struct deployment deployment = { .at = &at,
                                           .digests = put->tarball,
                                           .props = &props,
                                           .user = put->user,
                                           .now_ms = put->now_ms };
    if (rc == 0)
        rc = index_deploy(db, &deployment, ret, freed, err);
    props_done(&props);
    return rc == -ERR_DENIED ? put_refuse(put, err) : rc;
}

/* Are these very bytes published already?  1, 0, or an error. */
static int tarball_is_there(struct db *db, const struct npm_put *put, struct err *err)
{
    struct item_path at;
    struct item item;
    int rc = npm_tarball_at(put->repo, put->name, put->publication->version, &at, err);

    if (rc == 0)
        rc = index_find(db, &at, &item, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    return rc < 0 ? rc : strcmp(item.digests.sha256, put->tarball->sha256) == 0;
}

/* The manifest is what was published first: the same tarball again leaves it.  One whose tarball
 * was taken away is of no worth. */
static int manifest_put(struct db *db, const struct npm_put *put, bool again, struct freed *freed,
                        struct err *err)
{
    struct item_path at;
    struct item item;
    struct props none;
    int rc = npm_metadata_at(put->repo, put->name, put->publication->version, &at, err);

    if (rc < 0)
        return rc;
    rc = index_find(db, &at, &item, err);
    if (rc != -ERR_NOT_FOUND && (rc < 0 || again))
        return rc;
    props_init(&none);
    const struct deployment deployment = { .at = &at,
                                           .digests = put->manifest,
                                           .props = &none,
                                           .user = put->user,
                                           .now_ms = put->now_ms,
                                           .may_replace = true };
    return index_deploy(db, &deployment, &item, freed, err);
}

int npm_put(struct db *db, const struct npm_put *put, struct freed *freed, struct err *err)
{
    const struct npm_publication *publication = put->publication;
    struct npm_package before;
    struct item item;
    int found = npm_package_load(db, put->repo, put->name, &before, err);

    if (found < 0 && found != -ERR_NOT_FOUND)
        return found;
    bool first = found < 0;
    if (!first)
        npm_package_done(&before);
    int again = tarball_is_there(db, put, err);
    int rc = again < 0 ? again : tarball_put(db, put, &item, freed, err);
    if (rc == 0)
        rc = manifest_put(db, put, again > 0, freed, err);
    for (size_t i = 0; rc == 0 && i < publication->tags_count; i++)
        rc = npm_tag_set(db, put->repo, put->name, publication->tags[i], publication->version,
                         put->now_ms, err);
    if (rc == 0 && first)
        rc =
            npm_tag_set(db, put->repo, put->name, "latest", publication->version, put->now_ms, err);
    return rc;
}

/* --- removals --- */

/* What has gone already is as good as removed; folders that are empty then go, too. */
static int item_remove(struct db *db, const struct item_path *at, struct freed *freed,
                       struct err *err)
{
    int rc = index_delete(db, at, NULL, freed, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int version_remove(struct db *db, const char *repo, const char *name, const char *version,
                          struct freed *freed, struct err *err)
{
    struct item_path at;
    int rc = npm_tarball_at(repo, name, version, &at, err);

    if (rc == 0)
        rc = item_remove(db, &at, freed, err);
    if (rc == 0)
        rc = npm_metadata_at(repo, name, version, &at, err);
    return rc < 0 ? rc : item_remove(db, &at, freed, err);
}

/* Both folders of it with all in them. */
static int package_remove(struct db *db, const char *repo, const char *name, struct freed *freed,
                          struct err *err)
{
    static const char *const folders[] = { "", ".npm/" };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < countof(folders); i++) {
        struct item_path at;
        auto_free char *path = xasprintf("/%s/%s%s/", repo, folders[i], name);
        rc = item_path_check(path, &at, err);
        if (rc == 0)
            rc = item_remove(db, &at, freed, err);
    }
    return rc;
}

static int rev_check(const struct npm_package *package, const char *rev, struct err *err)
{
    if (rev[0] == '\0' || strcmp(rev, package->rev) == 0)
        return 0;
    return err_set(err, ERR_CONFLICT,
                   "%s was changed meanwhile: its revision is %s, not %s.  Try again",
                   package->name, package->rev, rev);
}

int npm_remove(struct db *db, const char *repo, const char *name, const char *version,
               const char *rev, struct freed *freed, struct err *err)
{
    struct npm_package package;
    int rc = npm_package_load(db, repo, name, &package, err);

    if (rc < 0)
        return rc;
    rc = rev_check(&package, rev, err);
    if (rc == 0 && version && !npm_package_row(&package, version))
        rc = err_set(err, ERR_NOT_FOUND, "%s has no version %s", name, version);
    if (rc == 0 && (!version || package.rows_count == 1))
        rc = package_remove(db, repo, name, freed, err);
    else if (rc == 0)
        rc = version_remove(db, repo, name, version, freed, err);
    npm_package_done(&package);
    return rc;
}

/* --- a whole document, changed --- */

static int versions_update(struct db *db, const struct npm_package *package, const json_t *versions,
                           bool remove, int64_t now_ms, struct freed *freed, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < package->rows_count; i++) {
        const struct npm_row *row = &package->rows[i];
        const json_t *manifest = json_object_get(versions, row->version);
        const char *told = json_string_value(json_object_get(manifest, "deprecated"));
        if (!manifest && remove)
            rc = version_remove(db, package->repo, package->name, row->version, freed, err);
        else if (manifest && strcmp(told ? told : "", row->deprecated ? row->deprecated : "") != 0)
            rc = deprecation_write(db, package, row, told ? told : "", now_ms, err);
    }
    return rc;
}

/* Each move is made of the tags as they are then. */
static int tags_update(struct db *db, const char *repo, const char *name, const json_t *doc,
                       int64_t now_ms, struct err *err)
{
    const char *tag;
    json_t *version;

    json_object_foreach(json_object_get(doc, "dist-tags"), tag, version)
    {
        if (!npm_tag_is_valid(tag) || !json_is_string(version))
            return err_set(err, ERR_INVALID, "'%.80s' cannot be a tag", tag);
        int rc = npm_tag_set(db, repo, name, tag, json_string_value(version), now_ms, err);
        if (rc < 0)
            return rc == -ERR_NOT_FOUND
                       ? err_set(err, ERR_INVALID, "the tag '%.80s' is of no version", tag)
                       : rc;
    }
    return 0;
}

static int package_update(struct db *db, const struct npm_package *package, const json_t *doc,
                          const char *rev, bool remove, int64_t now_ms, struct freed *freed,
                          struct err *err)
{
    const json_t *versions = json_object_get(doc, "versions");
    int rc = rev_check(package, rev, err);

    if (rc == 0 && !json_is_object(versions))
        rc = err_set(err, ERR_INVALID, "the document has no versions");
    if (rc == 0)
        rc = versions_update(db, package, versions, remove, now_ms, freed, err);
    if (rc == 0 && json_object_size(versions) > 0)
        rc = tags_update(db, package->repo, package->name, doc, now_ms, err);
    return rc;
}

int npm_update(struct db *db, const char *repo, const char *name, const json_t *doc,
               const char *rev, bool remove, int64_t now_ms, char ret_rev[NPM_REV_MAX + 1],
               struct freed *freed, struct err *err)
{
    struct npm_package package;
    int rc = npm_package_load(db, repo, name, &package, err);

    if (rc < 0)
        return rc;
    rc = package_update(db, &package, doc, rev, remove, now_ms, freed, err);
    npm_package_done(&package);
    if (rc < 0)
        return rc;
    rc = npm_package_load(db, repo, name, &package, err);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    snprintf(ret_rev, NPM_REV_MAX + 1, "%s", rc == 0 ? package.rev : "");
    if (rc == 0)
        npm_package_done(&package);
    else
        rc = package_remove(db, repo, name, freed, err);
    return rc;
}
