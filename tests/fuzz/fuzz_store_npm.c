/* fuzz_store_npm.c - any bytes as a path of the npm API, as a version, and as JSON that is scanned.
 * What the scanner lets through is what came, less the strings it was asked for; in pieces it says
 * the same as in one. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/base64.h"
#include "store/core/npm_doc.h"
#include "store/core/npm_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf text;
    struct buf taken;
};

static bool wants(void *ctx, const struct npm_scan *scan)
{
    (void)ctx;
    assert(scan->depth >= 1 && scan->depth <= NPM_SCAN_KEYS);
    return strcmp(scan->keys[scan->depth - 1], "data") == 0;
}

static int on_text(void *ctx, const char *text, size_t len, struct err *err)
{
    (void)err;
    return buf_add(&((struct seen *)ctx)->text, text, len);
}

static int on_taken(void *ctx, const char *text, size_t len, struct err *err)
{
    (void)err;
    return buf_add(&((struct seen *)ctx)->taken, text, len);
}

static int on_end(void *ctx, const struct npm_scan *scan, struct err *err)
{
    (void)scan;
    return on_taken(ctx, "\n", 1, err);
}

static int scan_all(const char *data, size_t len, size_t piece, struct seen *ret)
{
    struct npm_scan scan = {
        .wants = wants, .text = on_text, .taken = on_taken, .end = on_end, .ctx = ret
    };
    int rc = 0;

    buf_init(&ret->text, 1 << 20);
    buf_init(&ret->taken, 1 << 20);
    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = npm_scan_feed(&scan, data + at, len - at < piece ? len - at : piece, NULL);
    return rc;
}

static void pieces_say_the_same(const char *data, size_t len)
{
    struct seen whole;
    struct seen parts;
    int rc = scan_all(data, len, len ? len : 1, &whole);

    assert(scan_all(data, len, 1, &parts) == rc);
    if (rc == 0) {
        assert(whole.text.len == parts.text.len && whole.taken.len == parts.taken.len);
        assert(!whole.text.len || memcmp(whole.text.data, parts.text.data, whole.text.len) == 0);
        assert(whole.taken.len > 0 || whole.text.len == len);
    }
    buf_done(&whole.text);
    buf_done(&whole.taken);
    buf_done(&parts.text);
    buf_done(&parts.taken);
}

static void names_are_items(const struct npm_path *path)
{
    struct item_path at;
    char version[NPM_VERSION_MAX + 1];

    if (path->what != NPM_TARBALL)
        return;
    int rc = npm_tarball_at(path->repo, path->name, path->version, &at, NULL);
    assert(rc == 0 && strcmp(at.repo, path->repo) == 0);
    assert(npm_file_version(path->name, item_name(&at), version));
    assert(strcmp(version, path->version) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    auto_free unsigned char *bytes = xmalloc(size + 3);
    const char *rest = text + strcspn(text, " ");
    struct base64 base64 = { 0 };
    struct npm_path path;
    char integrity[NPM_INTEGRITY_MAX];

    if (npm_path_parse(text, &path, NULL) == 0)
        names_are_items(&path);
    if (npm_version_is_valid(text))
        assert(npm_version_compare(text, text) == 0);
    int order = npm_version_compare(text, rest);
    assert((order > 0) == (npm_version_compare(rest, text) < 0));
    npm_tag_is_valid(text);
    npm_wants_abbreviated(text);
    npm_integrity_find(text, "sha512", integrity);
    long count = base64_feed(&base64, text, strlen(text), bytes, NULL);
    assert(count <= (long)size);
    pieces_say_the_same((const char *)data, size);
    return 0;
}
