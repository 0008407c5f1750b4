/* npm.c - reading a package. */
#include "store/disk/npm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"

enum { REV_TEXT_MAX = 64 << 20, DOCUMENT_MAX = 64 << 20 };

void npm_package_done(struct npm_package *package)
{
    for (size_t i = 0; i < package->rows_count; i++)
        free(package->rows[i].deprecated);
    free(package->rows);
    free(package->tags);
    *package = (struct npm_package){ 0 };
}

const struct npm_row *npm_package_row(const struct npm_package *package, const char *version)
{
    for (size_t i = 0; i < package->rows_count; i++)
        if (strcmp(package->rows[i].version, version) == 0)
            return &package->rows[i];
    return NULL;
}

/* --- the rows --- */

static void row_read(sqlite3_stmt *st, struct npm_package *ret)
{
    struct npm_row row = { .created_ms = db_int(st, 1), .updated_ms = db_int(st, 2) };

    if (!npm_file_version(ret->name, db_text(st, 0), row.version))
        return;
    snprintf(row.tarball, sizeof row.tarball, "%s", db_text(st, 3));
    snprintf(row.manifest, sizeof row.manifest, "%s", db_text(st, 4));
    if (ret->rows_count % 64 == 0)
        ret->rows = xrealloc(ret->rows, (ret->rows_count + 64) * sizeof *ret->rows);
    ret->rows[ret->rows_count++] = row;
}

static int rows_read(struct db *db, struct npm_package *ret, struct err *err)
{
    auto_free char *tarballs = xasprintf("%s/-", ret->name);
    auto_free char *manifests = xasprintf(".npm/%s", ret->name);
    int64_t skip = (int64_t)strlen(npm_name_base(ret->name)) + 2; /* of "name-", from 1 */
    sqlite3_stmt *st = db_bind(
        db,
        "SELECT t.name, t.created_ms, t.updated_ms, t.sha256, m.sha256 FROM items t" BY_PLACE
        " JOIN items m ON m.repo=t.repo AND m.path=?"
        " AND m.name=substr(t.name, ?, length(t.name) - ? - 3) || '.json'"
        " WHERE t.repo=? AND t.path=? AND t.sha256 IS NOT NULL AND m.sha256 IS NOT NULL"
        " ORDER BY t.created_ms, t.id",
        "tiitt", manifests, skip, skip, ret->repo, tarballs);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        row_read(st, ret);
        if (ret->rows_count > NPM_VERSIONS_MAX) {
            db_end(st);
            return err_set(err, ERR_LIMIT, "%s has more than %d versions", ret->name,
                           NPM_VERSIONS_MAX);
        }
    }
    return rc;
}

/* By copies two versions can have one tag: it is the higher one's. */
static void tag_add(struct npm_package *ret, const char *tag, size_t row)
{
    struct npm_tag one = { .row = row };

    for (size_t i = 0; i < ret->tags_count; i++) {
        if (strcmp(ret->tags[i].tag, tag) != 0)
            continue;
        if (npm_version_compare(ret->rows[row].version, ret->rows[ret->tags[i].row].version) > 0)
            ret->tags[i].row = row;
        return;
    }

    snprintf(one.tag, sizeof one.tag, "%s", tag);
    ret->tags = xrealloc(ret->tags, (ret->tags_count + 1) * sizeof *ret->tags);
    ret->tags[ret->tags_count++] = one;
}

static int props_read(struct db *db, struct npm_package *ret, struct err *err)
{
    auto_free char *tarballs = xasprintf("%s/-", ret->name);
    char version[NPM_VERSION_MAX + 1];
    sqlite3_stmt *st = db_bind(db,
                               "SELECT t.name, p.key, p.value FROM items t" BY_PLACE
                               " CROSS JOIN properties p ON p.item=t.id"
                               " WHERE t.repo=? AND t.path=? AND p.key IN ('" NPM_PROP_TAG
                               "', '" NPM_PROP_DEPRECATED "') ORDER BY p.key, p.value, t.id",
                               "tt", ret->repo, tarballs);
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        if (!npm_file_version(ret->name, db_text(st, 0), version))
            continue;
        const struct npm_row *row = npm_package_row(ret, version);
        if (!row)
            continue;
        size_t at = (size_t)(row - ret->rows);
        if (strcmp(db_text(st, 1), NPM_PROP_TAG) == 0) {
            tag_add(ret, db_text(st, 2), at);
        } else {
            free(ret->rows[at].deprecated);
            ret->rows[at].deprecated = xstrdup(db_text(st, 2));
        }
    }
    return rc;
}

/* --- what follows from them --- */

static bool is_better(const struct npm_row *row, const struct npm_row *best)
{
    bool before = npm_version_is_prerelease(row->version);

    if (!best || before != npm_version_is_prerelease(best->version))
        return !best || !before;
    return npm_version_compare(row->version, best->version) > 0;
}

const struct npm_row *npm_package_tagged(const struct npm_package *package, const char *tag)
{
    const struct npm_row *best = NULL;

    for (size_t i = 0; i < package->tags_count; i++)
        if (strcmp(package->tags[i].tag, tag) == 0)
            return &package->rows[package->tags[i].row];
    if (strcmp(tag, "latest") != 0)
        return NULL;
    for (size_t i = 0; i < package->rows_count; i++)
        if (is_better(&package->rows[i], best))
            best = &package->rows[i];
    return best;
}

static void rev_make(struct npm_package *ret)
{
    struct buf text;
    char hex[SHA256_HEX];

    buf_init(&text, REV_TEXT_MAX);
    for (size_t i = 0; i < ret->rows_count; i++)
        buf_printf(&text, "%s %s %" PRId64 " %s\n", ret->rows[i].version, ret->rows[i].manifest,
                   ret->rows[i].created_ms, ret->rows[i].deprecated ? ret->rows[i].deprecated : "");
    for (size_t i = 0; i < ret->tags_count; i++)
        buf_printf(&text, "%s %s\n", ret->tags[i].tag, ret->rows[ret->tags[i].row].version);
    sha256_hex(text.data ? text.data : "", text.len, hex);
    snprintf(ret->rev, sizeof ret->rev, "%zu-%.32s", ret->rows_count, hex);
    buf_done(&text);
}

int npm_package_load(struct db *db, const char *repo, const char *name, struct npm_package *ret,
                     struct err *err)
{
    *ret = (struct npm_package){ 0 };
    snprintf(ret->repo, sizeof ret->repo, "%s", repo);
    snprintf(ret->name, sizeof ret->name, "%s", name);
    int rc = rows_read(db, ret, err);
    if (rc == 0 && ret->rows_count == 0)
        rc = err_set(err, ERR_NOT_FOUND, "no package %s", name);
    if (rc == 0)
        rc = props_read(db, ret, err);
    if (rc < 0)
        npm_package_done(ret);
    else
        rev_make(ret);
    return rc;
}

/* --- the document --- */

static int manifest_read(struct blobs *blobs, const char *sha256, json_t **ret, int64_t *left,
                         struct err *err)
{
    auto_close int fd = -1;
    int64_t size = 0;
    json_error_t error;
    int rc = blobs_read(blobs, sha256, &fd, &size, err);

    if (rc < 0)
        return rc;
    *left -= size;
    if (*left < 0)
        return err_set(err, ERR_LIMIT, "the document would be larger than %d bytes", DOCUMENT_MAX);
    *ret = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
    if (*ret && json_is_object(json_object_get(*ret, "dist")))
        return 0;
    json_decref(*ret);
    return err_set(err, ERR_IO, "the manifest %s is damaged", sha256);
}

json_t *npm_package_tags(const struct npm_package *package)
{
    const struct npm_row *latest = npm_package_tagged(package, "latest");
    json_t *tags = json_object();

    for (size_t i = 0; i < package->tags_count; i++)
        json_object_set_new(tags, package->tags[i].tag,
                            json_string(package->rows[package->tags[i].row].version));
    if (latest)
        json_object_set_new(tags, "latest", json_string(latest->version));
    return tags;
}

static int doc_add(json_t *doc, const struct npm_row *row, struct blobs *blobs,
                   const char *package_url, int64_t *left, struct err *err)
{
    const struct npm_entry entry = { .version = row->version,
                                     .deprecated = row->deprecated,
                                     .created_ms = row->created_ms,
                                     .modified_ms = row->updated_ms };
    json_t *manifest = NULL;
    int rc = manifest_read(blobs, row->manifest, &manifest, left, err);

    if (rc == 0)
        npm_doc_add(doc, &entry, manifest, package_url);
    return rc;
}

int npm_package_doc(const struct npm_package *package, struct blobs *blobs, const char *package_url,
                    json_t **ret, struct err *err)
{
    json_t *doc = npm_doc_new(package->name);
    int64_t left = DOCUMENT_MAX;
    int rc = 0;

    json_object_set_new(doc, "_rev", json_string(package->rev));
    json_object_set_new(doc, "dist-tags", npm_package_tags(package));
    for (size_t i = 0; rc == 0 && i < package->rows_count; i++)
        rc = doc_add(doc, &package->rows[i], blobs, package_url, &left, err);
    if (rc < 0) {
        json_decref(doc);
        return rc;
    }
    npm_doc_finish(doc);
    *ret = doc;
    return 0;
}

int npm_package_manifest(const struct npm_package *package, const struct npm_row *row,
                         struct blobs *blobs, const char *package_url, json_t **ret,
                         struct err *err)
{
    json_t *doc = npm_doc_new(package->name);
    int64_t left = DOCUMENT_MAX;
    int rc = doc_add(doc, row, blobs, package_url, &left, err);

    if (rc == 0)
        *ret = json_incref(npm_doc_version(doc, row->version));
    json_decref(doc);
    return rc;
}

/* --- names --- */

int npm_names(struct db *db, const char *repo, const char *text, int64_t offset, int64_t max,
              npm_name_fn each, void *ctx, int64_t *ret_total, struct err *err)
{
    sqlite3_stmt *st = db_bind(db,
                               "SELECT DISTINCT p.value FROM properties p JOIN items i"
                               " ON i.id=p.item WHERE p.key='" NPM_PROP_NAME
                               "' AND i.repo=? AND instr(lower(p.value), ?) > 0 ORDER BY p.value",
                               "tt", repo, text);
    int64_t count = 0;
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        if (count >= offset && count < offset + max)
            each(ctx, db_text(st, 0));
        count++;
    }
    *ret_total = count;
    return rc;
}
