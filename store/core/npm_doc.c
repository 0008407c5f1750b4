#include "store/core/npm_doc.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"
#include "store/core/when.h"

enum { URL_MAX = 8192 };

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void copy_field(json_t *to, const json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);

    if (value)
        json_object_set(to, key, value);
}

/* --- what npm publish sends --- */

/* npm names the attachment by the whole name, others by its base. */
static bool attachment_is_of(const char *attachment, const char *name, const char *version)
{
    auto_free char *whole = xasprintf("%s-%s.tgz", name, version);

    return strcmp(attachment, whole) == 0 || strcmp(attachment, npm_name_base(whole)) == 0;
}

static int version_find(const json_t *versions, const char *name, const char *attachment,
                        struct npm_publication *ret, struct err *err)
{
    const char *version;
    json_t *manifest;

    json_object_foreach((json_t *)versions, version, manifest)
    {
        if (!attachment_is_of(attachment, name, version))
            continue;
        if (!npm_version_is_valid(version))
            return err_set(err, ERR_INVALID, "'%.80s' is not a semantic version", version);
        if (!json_is_object(manifest) || !text_of(manifest, "name") ||
            !text_of(manifest, "version") || strcmp(text_of(manifest, "name"), name) != 0 ||
            strcmp(text_of(manifest, "version"), version) != 0)
            return err_set(err, ERR_INVALID, "the manifest of %s is of another package", version);
        snprintf(ret->version, sizeof ret->version, "%s", version);
        ret->manifest = json_deep_copy(manifest);
        return 0;
    }
    return err_set(err, ERR_INVALID, "no version has the attachment '%.120s'", attachment);
}

static int dist_read(struct npm_publication *ret, struct err *err)
{
    json_t *dist = json_object_get(ret->manifest, "dist");
    const char *integrity = text_of(dist, "integrity");
    const char *shasum = text_of(dist, "shasum");

    if (integrity && !npm_integrity_find(integrity, "sha512", ret->integrity))
        return err_set(err, ERR_INVALID, "dist.integrity has no sha512: '%.100s'", integrity);
    if (shasum && strlen(shasum) != SHA1_HEX - 1)
        return err_set(err, ERR_INVALID, "dist.shasum is no SHA-1: '%.100s'", shasum);
    snprintf(ret->shasum, sizeof ret->shasum, "%s", shasum ? shasum : "");
    if (!json_is_object(dist)) {
        dist = json_object();
        json_object_set_new(ret->manifest, "dist", dist);
    }
    json_object_del(dist, "tarball");
    json_object_del(ret->manifest, "deprecated");
    return 0;
}

static int tags_read(const json_t *doc, struct npm_publication *ret, struct err *err)
{
    const char *tag;
    json_t *version;

    json_object_foreach(json_object_get(doc, "dist-tags"), tag, version)
    {
        if (!json_is_string(version) || strcmp(json_string_value(version), ret->version) != 0)
            continue;
        if (!npm_tag_is_valid(tag))
            return err_set(err, ERR_INVALID, "'%.80s' cannot be a tag", tag);
        if (ret->tags_count == NPM_TAGS_MAX)
            return err_set(err, ERR_LIMIT, "a version has at most %d tags", NPM_TAGS_MAX);
        strcpy(ret->tags[ret->tags_count++], tag);
    }
    return 0;
}

int npm_publication_read(const json_t *doc, const char *name, const char *attachment,
                         struct npm_publication *ret, struct err *err)
{
    const char *told = text_of(doc, "name");

    *ret = (struct npm_publication){ 0 };
    if (!told || strcmp(told, name) != 0)
        return err_set(err, ERR_INVALID, "the document is of '%.80s', its path of '%s'",
                       told ? told : "", name);
    if (!npm_name_is_new(name))
        return err_set(err, ERR_INVALID, "'%s' cannot be the name of a new package", name);
    int rc = version_find(json_object_get(doc, "versions"), name, attachment, ret, err);
    if (rc == 0)
        rc = dist_read(ret, err);
    if (rc == 0)
        rc = tags_read(doc, ret, err);
    if (rc < 0)
        npm_publication_done(ret);
    return rc;
}

void npm_publication_done(struct npm_publication *publication)
{
    json_decref(publication->manifest);
    publication->manifest = NULL;
}

bool npm_integrity_find(const char *integrity, const char *kind, char ret[NPM_INTEGRITY_MAX])
{
    size_t kind_len = strlen(kind);

    for (const char *at = integrity; *at;) {
        at += strspn(at, " \t\r\n");
        size_t len = strcspn(at, " \t\r\n");
        if (len > kind_len && len < NPM_INTEGRITY_MAX && strncmp(at, kind, kind_len) == 0 &&
            at[kind_len] == '-') {
            size_t end = strcspn(at, "? \t\r\n"); /* options follow a question mark */
            snprintf(ret, NPM_INTEGRITY_MAX, "%.*s", (int)end, at);
            return true;
        }
        at += len;
    }
    return false;
}

/* --- a document --- */

char *npm_tarball_url(const char *package_url, const char *name, const char *version)
{
    char file[ITEM_PATH_MAX + 1];
    struct buf url;

    npm_file_name(name, version, file);
    buf_init(&url, URL_MAX);
    buf_printf(&url, "%s/-/", package_url);
    text_encode_path(&url, file);
    return buf_take(&url);
}

json_t *npm_doc_new(const char *name)
{
    return json_pack("{s:s, s:s, s:{}, s:{}, s:{}}", "_id", name, "name", name, "dist-tags",
                     "versions", "time");
}

/* The times of a document: the first and the last of all versions. */
static void times_add(json_t *doc, const struct npm_entry *entry)
{
    json_t *time = json_object_get(doc, "time");
    const char *created = text_of(time, "created");
    const char *modified = text_of(time, "modified");
    char text[WHEN_TEXT_MAX];

    when_iso(entry->created_ms, text);
    if (!created || strcmp(text, created) < 0)
        json_object_set_new(time, "created", json_string(text));
    json_object_set_new(time, entry->version, json_string(text));
    when_iso(entry->modified_ms, text);
    if (!modified || strcmp(text, modified) > 0)
        json_object_set_new(time, "modified", json_string(text));
}

void npm_doc_add(json_t *doc, const struct npm_entry *entry, json_t *manifest,
                 const char *package_url)
{
    auto_free char *url = npm_tarball_url(package_url, text_of(doc, "name"), entry->version);

    json_object_set_new(json_object_get(manifest, "dist"), "tarball", json_string(url));
    if (entry->deprecated)
        json_object_set_new(manifest, "deprecated", json_string(entry->deprecated));
    json_object_set_new(json_object_get(doc, "versions"), entry->version, manifest);
    times_add(doc, entry);
}

void npm_doc_tag(json_t *doc, const char *tag, const char *version)
{
    json_object_set_new(json_object_get(doc, "dist-tags"), tag, json_string(version));
}

static bool is_better(const char *version, const char *best)
{
    if (!best || npm_version_is_prerelease(version) != npm_version_is_prerelease(best))
        return !best || npm_version_is_prerelease(best);
    return npm_version_compare(version, best) > 0;
}

static void latest_find(json_t *doc)
{
    const char *best = NULL;
    const char *version;
    json_t *manifest;

    if (text_of(json_object_get(doc, "dist-tags"), "latest"))
        return;
    json_object_foreach(json_object_get(doc, "versions"), version,
                        manifest) if (is_better(version, best)) best = version;
    if (best)
        npm_doc_tag(doc, "latest", best);
}

void npm_doc_finish(json_t *doc)
{
    static const char *const told[] = { "description", "homepage", "keywords",      "repository",
                                        "author",      "bugs",     "license",       "contributors",
                                        "maintainers", "readme",   "readmeFilename" };
    const char *version;
    json_t *manifest;

    latest_find(doc);
    manifest = npm_doc_version(doc, "latest");
    for (size_t i = 0; i < countof(told); i++)
        copy_field(doc, manifest, told[i]);
    json_object_foreach(json_object_get(doc, "versions"), version, manifest)
    {
        json_object_del(manifest, "readme");
        json_object_del(manifest, "readmeFilename");
    }
}

void npm_doc_merge(json_t *doc, const json_t *other)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)other, key, value)
    {
        json_t *ours = json_object_get(doc, key);
        bool parts = strcmp(key, "versions") == 0 || strcmp(key, "time") == 0 ||
                     strcmp(key, "dist-tags") == 0;
        if (!ours)
            json_object_set(doc, key, value);
        else if (parts && json_is_object(ours) && json_is_object(value))
            json_object_update_missing(ours, value);
    }
}

/* --- abbreviated --- */

static bool has_install_script(const json_t *manifest)
{
    const json_t *scripts = json_object_get(manifest, "scripts");

    return json_is_true(json_object_get(manifest, "hasInstallScript")) ||
           json_object_get(scripts, "install") || json_object_get(scripts, "preinstall") ||
           json_object_get(scripts, "postinstall");
}

static json_t *manifest_abbreviated(const json_t *manifest)
{
    static const char *const kept[] = {
        "name",
        "version",
        "deprecated",
        "dependencies",
        "optionalDependencies",
        "devDependencies",
        "bundleDependencies",
        "bundledDependencies",
        "peerDependencies",
        "peerDependenciesMeta",
        "acceptDependencies",
        "bin",
        "directories",
        "dist",
        "engines",
        "_hasShrinkwrap",
        "cpu",
        "os",
        "libc",
        "funding",
    };
    json_t *ret = json_object();

    for (size_t i = 0; i < countof(kept); i++)
        copy_field(ret, manifest, kept[i]);
    if (has_install_script(manifest))
        json_object_set_new(ret, "hasInstallScript", json_true());
    return ret;
}

json_t *npm_doc_abbreviated(const json_t *doc)
{
    const char *modified = text_of(json_object_get(doc, "time"), "modified");
    json_t *versions = json_object();
    json_t *ret = json_object();
    const char *version;
    json_t *manifest;

    copy_field(ret, doc, "name");
    copy_field(ret, doc, "dist-tags");
    copy_field(ret, doc, "modified");
    if (modified)
        json_object_set_new(ret, "modified", json_string(modified));
    json_object_foreach(json_object_get(doc, "versions"), version, manifest)
        json_object_set_new(versions, version, manifest_abbreviated(manifest));
    json_object_set_new(ret, "versions", versions);
    return ret;
}

json_t *npm_doc_version(const json_t *doc, const char *version_or_tag)
{
    const json_t *versions = json_object_get(doc, "versions");
    const char *tagged = text_of(json_object_get(doc, "dist-tags"), version_or_tag);
    json_t *manifest = json_object_get(versions, version_or_tag);

    return manifest || !tagged ? manifest : json_object_get(versions, tagged);
}

void npm_manifest_rewrite(json_t *manifest, const char *name, const char *package_url)
{
    json_t *dist = json_object_get(manifest, "dist");
    const char *version = text_of(manifest, "version");

    if (!version || !text_of(dist, "tarball"))
        return;
    auto_free char *url = npm_tarball_url(package_url, name, version);
    json_object_set_new(dist, "tarball", json_string(url));
}

void npm_doc_rewrite(json_t *doc, const char *package_url)
{
    const char *name = text_of(doc, "name");
    const char *version;
    json_t *manifest;

    json_object_foreach(json_object_get(doc, "versions"), version, manifest) if (name)
        npm_manifest_rewrite(manifest, name, package_url);
}

int npm_dist_read(const json_t *manifest, struct npm_dist *ret, struct err *err)
{
    const json_t *dist = json_object_get(manifest, "dist");
    const char *integrity = text_of(dist, "integrity");
    const char *shasum = text_of(dist, "shasum");
    const char *url = text_of(dist, "tarball");

    *ret = (struct npm_dist){ 0 };
    if (integrity)
        npm_integrity_find(integrity, "sha512", ret->integrity);
    if (shasum && strlen(shasum) == SHA1_HEX - 1)
        memcpy(ret->shasum, shasum, SHA1_HEX);
    if (url && strlen(url) < sizeof ret->url)
        memcpy(ret->url, url, strlen(url) + 1);
    if (ret->integrity[0] || ret->shasum[0])
        return 0;
    err_set(err, ERR_CONFLICT, "the upstream promises neither dist.integrity nor dist.shasum");
    err_reason(err, "UPSTREAM");
    return -ERR_CONFLICT;
}
