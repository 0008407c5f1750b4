#include "store/disk/npm_adopt.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <openssl/evp.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/sri.h"

enum { PART_BYTES = 64 << 10, LOOK_BYTES_MAX = 256 << 20, LOOK_ENTRIES_MAX = 20000 };

/* --- which they are --- */

int npm_strays(struct db *reader, const char *repo, const char *name, int max,
               struct npm_stray *ret, struct err *err)
{
    auto_free char *tarballs = xasprintf("%s/-", name);
    auto_free char *manifests = xasprintf(".npm/%s", name);
    int64_t skip = (int64_t)strlen(npm_name_base(name)) + 2; /* of "name-", from 1 */
    sqlite3_stmt *st = db_bind(
        reader,
        "SELECT t.name, t.sha256, b.sha1, t.modified_by, t.modified_ms FROM items t"
        " JOIN blobs b ON b.sha256=t.sha256"
        " LEFT JOIN items m ON m.repo=t.repo AND m.path=?"
        " AND m.name=substr(t.name, ?, length(t.name) - ? - 3) || '.json'"
        " WHERE t.repo=? AND t.path=? AND (m.id IS NULL OR m.modified_ms < t.modified_ms)"
        " AND NOT EXISTS (SELECT 1 FROM properties p WHERE p.item=t.id"
        " AND p.key='" NPM_PROP_REFUSED "'"
        " AND substr(p.value, 1, length(t.path) + length(t.name) + 2) = t.path||'/'||t.name||':')"
        " ORDER BY t.id",
        "tiitt", manifests, skip, skip, repo, tarballs);
    int count = 0;
    int rc = 1;

    while (count < max && (rc = db_step(reader, st, err)) > 0) {
        struct npm_stray *stray = &ret[count];
        *stray = (struct npm_stray){ .modified_ms = db_int(st, 4) };
        if (!npm_file_version(name, db_text(st, 0), stray->version))
            continue;
        snprintf(stray->sha256, sizeof stray->sha256, "%s", db_text(st, 1));
        snprintf(stray->sha1, sizeof stray->sha1, "%s", db_text(st, 2));
        snprintf(stray->user, sizeof stray->user, "%s", db_text(st, 3));
        count++;
    }
    if (rc > 0)
        db_end(st);
    return rc < 0 ? rc : count;
}

/* --- what is in them --- */

/* "package/package.json", whatever the folder is called. */
static bool path_is_manifest(const char *path)
{
    const char *slash = path ? strchr(path, '/') : NULL;
    return slash && strcmp(slash + 1, "package.json") == 0;
}

static int text_read(struct archive *archive, struct buf *ret, struct err *err)
{
    auto_free char *part = xmalloc(PART_BYTES);
    la_ssize_t got;

    while ((got = archive_read_data(archive, part, PART_BYTES)) > 0)
        if (ret->len + (size_t)got > NPM_MANIFEST_MAX || buf_add(ret, part, (size_t)got) < 0)
            return err_set(err, ERR_INVALID, "its package.json has more than %d bytes",
                           NPM_MANIFEST_MAX);
    return got == 0 ? 0 : err_set(err, ERR_INVALID, "its package.json cannot be read");
}

/* The first one; what is before it is unpacked to be passed over. */
static int package_find(struct archive *archive, struct buf *ret, struct err *err)
{
    int64_t left = LOOK_BYTES_MAX;
    struct archive_entry *entry;

    for (int i = 0; i < LOOK_ENTRIES_MAX; i++) {
        int rc = archive_read_next_header(archive, &entry);
        if (rc == ARCHIVE_EOF)
            return err_set(err, ERR_INVALID, "it has no package.json");
        if (rc != ARCHIVE_OK)
            return err_set(err, ERR_INVALID, "it cannot be read: %s",
                           archive_error_string(archive));
        if (archive_entry_filetype(entry) == AE_IFREG &&
            path_is_manifest(archive_entry_pathname(entry)))
            return text_read(archive, ret, err);
        left -= archive_entry_size(entry);
        if (archive_entry_size(entry) < 0 || left < 0)
            break;
    }
    return err_set(err, ERR_INVALID, "its package.json is too far from its beginning");
}

static int package_read(int fd, struct buf *ret, struct err *err)
{
    struct archive *archive = archive_read_new();
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    int rc;

    if (!archive || !utf8)
        abort(); /* out of memory */
    locale_t before = uselocale(utf8);
    archive_read_support_filter_gzip(archive);
    archive_read_support_format_tar(archive);
    if (archive_read_open_fd(archive, fd, PART_BYTES) == ARCHIVE_OK)
        rc = package_find(archive, ret, err);
    else
        rc = err_set(err, ERR_INVALID, "it cannot be read: %s", archive_error_string(archive));
    archive_read_free(archive);
    uselocale(before);
    freelocale(utf8);
    return rc;
}

static int integrity_make(int fd, char ret[SRI_TEXT_MAX], struct err *err)
{
    struct sri sri = { .algorithm = "sha512", .len = 64 };
    auto_free char *part = xmalloc(PART_BYTES);
    EVP_MD_CTX *sha512 = EVP_MD_CTX_new();
    ssize_t got = lseek(fd, 0, SEEK_SET) < 0 ? -1 : 1;

    if (!sha512 || !EVP_DigestInit_ex(sha512, EVP_sha512(), NULL))
        abort(); /* out of memory */
    while (got > 0 && (got = read(fd, part, PART_BYTES)) > 0)
        EVP_DigestUpdate(sha512, part, (size_t)got);
    EVP_DigestFinal_ex(sha512, sri.digest, NULL);
    EVP_MD_CTX_free(sha512);
    if (got < 0)
        return err_errno(err, "read a tarball");
    sri_write(&sri, ret);
    return 0;
}

static bool says(const json_t *manifest, const char *key, const char *value)
{
    const char *told = json_string_value(json_object_get(manifest, key));
    return told && strcmp(told, value) == 0;
}

/* As publishing keeps it. */
static int manifest_of(const struct npm_stray *stray, const char *name, int fd, char **ret,
                       struct err *err)
{
    char integrity[SRI_TEXT_MAX];
    json_t *manifest = NULL;
    struct buf text;

    buf_init(&text, NPM_MANIFEST_MAX);
    int rc = package_read(fd, &text, err);
    if (rc == 0)
        manifest = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    buf_done(&text);
    if (rc == 0 && !json_is_object(manifest))
        rc = err_set(err, ERR_INVALID, "its package.json is no JSON object");
    if (rc == 0 && (!says(manifest, "name", name) || !says(manifest, "version", stray->version)))
        rc = err_set(err, ERR_INVALID, "its package.json is of another package or version");
    if (rc == 0)
        rc = integrity_make(fd, integrity, err);
    if (rc == 0) {
        json_object_del(manifest, "deprecated");
        json_object_set_new(manifest, "_id", json_sprintf("%s@%s", name, stray->version));
        json_object_set_new(manifest, "dist",
                            json_pack("{s:s, s:s}", "integrity", integrity, "shasum", stray->sha1));
        *ret = json_dumps(manifest, JSON_COMPACT);
        if (!*ret)
            abort(); /* out of memory: all of it is UTF-8 */
    }
    json_decref(manifest);
    return rc;
}

static int manifest_write(struct npm_stray *stray, const char *text, struct blobs *blobs,
                          struct pins *pins, struct err *err)
{
    struct blob_writer *writer;
    struct digests digests;

    int rc = blob_begin(blobs, &writer, err);
    if (rc < 0)
        return rc;
    rc = blob_write(writer, text, strlen(text), err);
    if (rc < 0) {
        blob_abort(writer);
        return rc;
    }
    blob_seal(writer, &digests);
    pins_add(pins, digests.sha256);
    stray->manifest = digests;
    return blob_commit(writer, digests.sha256, NULL, err);
}

int npm_stray_read(struct npm_stray *stray, const char *name, struct blobs *blobs,
                   struct pins *pins, struct err *err)
{
    auto_close int fd = -1;
    auto_free char *text = NULL;
    struct err why = { 0 };

    int rc = blobs_read(blobs, stray->sha256, &fd, NULL, err);
    if (rc < 0)
        return rc;
    rc = manifest_of(stray, name, fd, &text, &why);
    if (rc == -ERR_INVALID) {
        snprintf(stray->refused, sizeof stray->refused, "%s", why.text);
        return 0;
    }
    if (rc == 0)
        return manifest_write(stray, text, blobs, pins, err);
    *err = why;
    return rc;
}

void npm_stray_end(struct npm_stray *stray, struct pins *pins)
{
    if (stray->manifest.sha256[0])
        pins_drop(pins, stray->manifest.sha256);
    stray->manifest.sha256[0] = '\0';
}

/* --- recording --- */

static int props_put(struct db *db, const struct item_path *tarball, const char *name,
                     const struct npm_stray *stray, int64_t now_ms, struct err *err)
{
    struct props props;
    int rc;

    props_init(&props);
    if (stray->refused[0]) { /* there: copied elsewhere it may be right */
        auto_free char *why = xasprintf("%s: %s", tarball->path, stray->refused);
        rc = props_add(&props, NPM_PROP_REFUSED, why, err);
    } else {
        rc = props_add(&props, NPM_PROP_NAME, name, err);
        if (rc == 0)
            rc = props_add(&props, NPM_PROP_VERSION, stray->version, err);
    }
    if (rc == 0)
        rc = index_props_change(db, tarball, false, PROPS_SET, &props, now_ms, err);
    props_done(&props);
    return rc;
}

/* Anew, so that it is younger than the tarball even when it says the same. */
static int manifest_put(struct db *db, const struct item_path *at, const struct npm_stray *stray,
                        int64_t now_ms, struct freed *freed, struct err *err)
{
    struct item item;
    struct props none;

    int rc = index_delete(db, at, NULL, freed, err);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    if (stray->refused[0])
        return 0;
    props_init(&none);
    const struct deployment deployment = { .at = at,
                                           .digests = &stray->manifest,
                                           .props = &none,
                                           .user = stray->user,
                                           .now_ms = now_ms > stray->modified_ms
                                                         ? now_ms
                                                         : stray->modified_ms,
                                           .may_replace = true };
    return index_deploy(db, &deployment, &item, freed, err);
}

int npm_adopt(struct db *writer, const char *repo, const char *name, const struct npm_stray *stray,
              int64_t now_ms, struct freed *freed, struct err *err)
{
    struct item_path tarball;
    struct item_path manifest;
    struct item item;

    int rc = npm_tarball_at(repo, name, stray->version, &tarball, err);
    if (rc == 0)
        rc = npm_metadata_at(repo, name, stray->version, &manifest, err);
    if (rc == 0)
        rc = index_find(writer, &tarball, &item, err);
    if (rc == -ERR_NOT_FOUND || (rc == 0 && strcmp(item.digests.sha256, stray->sha256) != 0))
        return 0;
    if (rc == 0)
        rc = manifest_put(writer, &manifest, stray, now_ms, freed, err);
    return rc < 0 ? rc : props_put(writer, &tarball, name, stray, now_ms, err);
}
