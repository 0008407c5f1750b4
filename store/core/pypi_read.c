/* pypi_read.c - the page of an upstream, as JSON or as HTML. */
#include <libxml/HTMLparser.h>
#include <libxml/uri.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "sos/base/utf8.h"
#include "store/core/pypi_page.h"
#include "store/core/text.h"

enum { URL_MAX = 2000, TEXT_MAX = 1024 };

/* --- what may be told of a file --- */

/* A copy of what fits and has no control bytes; NULL else, and for NULL. */
static char *text_take(const char *text)
{
    if (!text || strlen(text) > TEXT_MAX || !utf8_is_valid(text, strlen(text)))
        return NULL;
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return NULL;
    return xstrdup(text);
}

static void hash_take(struct claim *hashes, const char *kind, const char *value)
{
    if (strcasecmp(kind, "sha256") == 0)
        claim_add(hashes, CLAIM_SHA256, value, NULL);
    else if (strcasecmp(kind, "sha1") == 0)
        claim_add(hashes, CLAIM_SHA1, value, NULL);
    else if (strcasecmp(kind, "md5") == 0)
        claim_add(hashes, CLAIM_MD5, value, NULL);
}

static void metadata_take(struct pypi_file *file, const char *sha256)
{
    struct claim claim = { 0 };

    file->has_metadata = true;
    if (sha256 && claim_add(&claim, CLAIM_SHA256, sha256, NULL) == 0)
        memcpy(file->metadata_sha256, claim.sha256, sizeof claim.sha256);
}

/* "1.x"; what has no version is 1.0. */
static int version_check(const char *version, struct err *err)
{
    if (!version || strncmp(version, "1.", 2) == 0 || strcmp(version, "1") == 0)
        return 0;
    return err_set(err, ERR_INVALID, "the simple page has the version '%.20s'", version);
}

static bool byte_needs_escape(unsigned char c)
{
    return c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c);
}

/* Bytes that no URL has are escaped as browsers do. */
static char *url_escape(const char *url)
{
    struct buf escaped;

    buf_init(&escaped, 3 * (size_t)URL_MAX);
    for (const unsigned char *at = (const unsigned char *)url; *at && *at != '#'; at++)
        if (byte_needs_escape(*at))
            buf_printf(&escaped, "%%%02X", *at);
        else
            buf_add(&escaped, at, 1);
    return buf_take(&escaped);
}

char *pypi_url_join(const char *base, const char *url)
{
    auto_free char *escaped = url_escape(url);
    xmlChar *joined = xmlBuildURI((const xmlChar *)escaped, (const xmlChar *)base);
    const char *text = (const char *)joined;
    char *found = NULL;

    if (text && strlen(text) < URL_MAX &&
        (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0))
        found = xstrdup(text);
    xmlFree(joined);
    return found;
}

/* The last element of a URL's path; gives, NULL: it is none. */
static char *url_file(const char *url)
{
    size_t len = strcspn(url, "?#");
    char name[ITEM_NAME_MAX + 1];
    size_t from = len;

    while (from > 0 && url[from - 1] != '/')
        from--;
    if (from == len || text_decode(url + from, len - from, false, name, sizeof name, NULL) < 0 ||
        strchr(name, '/'))
        return NULL;
    return xstrdup(name);
}

/* The file of this name and URL; NULL with *ret 0: it is left out. */
static struct pypi_file *file_add(struct pypi_page *page, const char *name, const char *base,
                                  const char *url, int *ret, struct err *err)
{
    struct item_path item;
    char *whole = name && url ? pypi_url_join(base, url) : NULL;

    if (!whole || pypi_item("x", page->project, name, &item, NULL) < 0) {
        free(whole);
        return NULL;
    }
    struct pypi_file *file = pypi_page_add(page, name);
    if (file)
        file->url = whole;
    else
        free(whole), *ret = err_set(err, ERR_LIMIT, "the simple page has more than %d files",
                                    PYPI_FILES_MAX);
    return file;
}

/* --- JSON --- */

static const char *json_member(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void json_metadata(struct pypi_file *file, const json_t *value)
{
    if (json_is_true(value))
        metadata_take(file, NULL);
    else if (json_is_object(value))
        metadata_take(file, json_member(value, "sha256"));
}

static int json_file(struct pypi_page *page, const json_t *object, const char *url, struct err *err)
{
    const json_t *hashes = json_object_get(object, "hashes");
    const json_t *yanked = json_object_get(object, "yanked");
    const json_t *metadata = json_object_get(object, "core-metadata");
    const json_t *size = json_object_get(object, "size");
    int rc = 0;

    struct pypi_file *file =
        file_add(page, json_member(object, "filename"), url, json_member(object, "url"), &rc, err);
    if (!file)
        return rc;
    hash_take(&file->hashes, "sha256", json_member(hashes, "sha256"));
    hash_take(&file->hashes, "sha1", json_member(hashes, "sha1"));
    hash_take(&file->hashes, "md5", json_member(hashes, "md5"));
    file->requires_python = text_take(json_member(object, "requires-python"));
    file->upload_time = text_take(json_member(object, "upload-time"));
    if (json_is_true(yanked) || json_is_string(yanked))
        file->yanked = text_take(json_is_string(yanked) ? json_string_value(yanked) : "");
    if (json_is_string(yanked) && !file->yanked)
        file->yanked = xstrdup(""); /* a reason that cannot be told does not make it good */
    json_metadata(file, metadata ? metadata : json_object_get(object, "dist-info-metadata"));
    if (json_is_integer(size) && json_integer_value(size) >= 0)
        file->size_bytes = json_integer_value(size);
    return 0;
}

/* A place in the text; values are read by jansson one at a time: a tree of a page of megabytes
 * would be ten times as large. */
struct json_at {
    const char *text;
    size_t len;
    size_t at;
};

/* The next byte that is no blank; '\0' at the end. */
static char json_peek(struct json_at *json)
{
    while (json->at < json->len && json->text[json->at] && strchr(" \t\r\n", json->text[json->at]))
        json->at++;
    return json->at < json->len ? json->text[json->at] : '\0';
}

static bool json_skip(struct json_at *json, char wanted)
{
    bool found = json_peek(json) == wanted && wanted;

    json->at += found;
    return found;
}

/* The value that begins here; gives, NULL: there is none. */
static json_t *json_next(struct json_at *json, struct err *err)
{
    json_error_t error;

    json_peek(json);
    json_t *value = json_loadb(json->text + json->at, json->len - json->at,
                               JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    if (value)
        json->at += (size_t)error.position;
    else
        err_set(err, ERR_INVALID, "the simple page is not JSON: %.100s", error.text);
    return value;
}

static int json_files(struct pypi_page *page, struct json_at *json, const char *url,
                      struct err *err)
{
    if (!json_skip(json, '['))
        return err_set(err, ERR_INVALID, "the simple page is JSON with no list of files");
    if (json_skip(json, ']'))
        return 0;
    do {
        json_t *object = json_next(json, err);
        int rc = object ? json_file(page, object, url, err) : -ERR_INVALID;
        json_decref(object);
        if (rc < 0)
            return rc;
    } while (json_skip(json, ','));
    return json_skip(json, ']')
               ? 0
               : err_set(err, ERR_INVALID, "the simple page is not JSON: its files have no end");
}

/* One "key": value of the page. */
static int json_entry(struct pypi_page *page, struct json_at *json, const char *url,
                      bool *ret_files, struct err *err)
{
    json_t *key = json_next(json, err);
    bool files = key && json_is_string(key) && strcmp(json_string_value(key), "files") == 0;
    bool meta = key && json_is_string(key) && strcmp(json_string_value(key), "meta") == 0;
    int rc = -ERR_INVALID;

    if (key && !json_skip(json, ':'))
        err_set(err, ERR_INVALID, "the simple page is not JSON: a ':' is missing");
    else if (key && files)
        rc = json_files(page, json, url, err);
    else if (key) {
        json_t *value = json_next(json, err);
        rc = !value ? -ERR_INVALID
             : meta ? version_check(json_member(value, "api-version"), err)
                    : 0;
        json_decref(value);
    }
    *ret_files |= files;
    json_decref(key);
    return rc;
}

int pypi_page_read_json(struct pypi_page *page, const char *text, size_t len, const char *url,
                        struct err *err)
{
    struct json_at json = { text, len, 0 };
    bool files = false;
    int rc = 0;

    if (!json_skip(&json, '{'))
        return err_set(err, ERR_INVALID, "the simple page is not a JSON object");
    if (!json_skip(&json, '}')) {
        do
            rc = json_entry(page, &json, url, &files, err);
        while (rc == 0 && json_skip(&json, ','));
        if (rc == 0 && !json_skip(&json, '}'))
            rc = err_set(err, ERR_INVALID, "the simple page is not JSON: it has no end");
    }
    if (rc == 0 && !files)
        rc = err_set(err, ERR_INVALID, "the simple page is JSON with no list of files");
    return rc;
}

/* --- HTML: the parser calls us for each element, and makes no tree --- */

struct html {
    struct pypi_page *page;
    char *base; /* of relative URLs: the page's own, or what <base> says */
    int rc;
    struct err *err;
};

static const char *attribute(const xmlChar **attributes, const char *name)
{
    for (; attributes && attributes[0]; attributes += 2)
        if (strcmp((const char *)attributes[0], name) == 0)
            return attributes[1] ? (const char *)attributes[1] : "";
    return NULL;
}

/* "sha256=…" or "true". */
static void html_metadata(struct pypi_file *file, const char *value)
{
    if (value && strncasecmp(value, "sha256=", 7) == 0)
        metadata_take(file, value + 7);
    else if (value && strcasecmp(value, "false") != 0)
        metadata_take(file, NULL);
}

static void html_fragment(struct pypi_file *file, const char *href)
{
    const char *hash = strchr(href, '#');
    char kind[16];

    for (size_t len; hash && *hash; hash += len) {
        hash++;
        len = strcspn(hash, "&");
        size_t kind_len = strcspn(hash, "=&");
        if (kind_len >= len || kind_len >= sizeof kind)
            continue;
        auto_free char *value = xstrndup(hash + kind_len + 1, len - kind_len - 1);
        snprintf(kind, sizeof kind, "%.*s", (int)kind_len, hash);
        hash_take(&file->hashes, kind, value);
    }
}

static void html_link(struct html *html, const xmlChar **attributes)
{
    const char *href = attribute(attributes, "href");
    const char *metadata = attribute(attributes, "data-core-metadata");
    const char *yanked = attribute(attributes, "data-yanked");
    auto_free char *name = href ? url_file(href) : NULL;

    struct pypi_file *file = file_add(html->page, name, html->base, href, &html->rc, html->err);
    if (!file)
        return;
    html_fragment(file, href);
    file->requires_python = text_take(attribute(attributes, "data-requires-python"));
    file->yanked = text_take(yanked);
    if (yanked && !file->yanked)
        file->yanked = xstrdup("");
    html_metadata(file, metadata ? metadata : attribute(attributes, "data-dist-info-metadata"));
}

static void html_base(struct html *html, const xmlChar **attributes)
{
    const char *href = attribute(attributes, "href");
    char *base = href ? pypi_url_join(html->base, href) : NULL;

    if (!base)
        return;
    free(html->base);
    html->base = base;
}

static void on_element(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
    struct html *html = ctx;
    const char *meta = attribute(attributes, "name");

    if (html->rc < 0)
        return;
    if (strcmp((const char *)name, "a") == 0)
        html_link(html, attributes);
    else if (strcmp((const char *)name, "base") == 0)
        html_base(html, attributes);
    else if (strcmp((const char *)name, "meta") == 0 && meta &&
             strcmp(meta, "pypi:repository-version") == 0)
        html->rc = version_check(attribute(attributes, "content"), html->err);
}

/* Threads may use the library once one has. */
static void library_init(void)
{
    xmlInitParser();
}

int pypi_page_read_html(struct pypi_page *page, const char *text, size_t len, const char *url,
                        struct err *err)
{
    struct html html = { .page = page, .base = xstrdup(url), .err = err };
    htmlSAXHandler handler = { .startElement = on_element };
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, library_init);
    htmlParserCtxtPtr parser =
        htmlCreatePushParserCtxt(&handler, &html, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!parser)
        abort(); /* out of memory */
    htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                   HTML_PARSE_NONET);
    for (size_t at = 0; at < len && html.rc == 0;) {
        size_t part = len - at < TEXT_MAX * 16 ? len - at : TEXT_MAX * 16;
        htmlParseChunk(parser, text + at, (int)part, 0);
        at += part;
    }
    htmlParseChunk(parser, NULL, 0, 1);
    htmlFreeParserCtxt(parser);
    free(html.base);
    return html.rc;
}

int pypi_page_read(struct pypi_page *page, const char *text, size_t len, const char *url,
                   struct err *err)
{
    size_t first = 0;

    if (len > PYPI_PAGE_MAX)
        return err_set(err, ERR_LIMIT, "the simple page is larger than %d bytes", PYPI_PAGE_MAX);
    while (first < len && strchr(" \t\r\n", text[first]) && text[first])
        first++;
    return first < len && text[first] == '{' ? pypi_page_read_json(page, text, len, url, err)
                                             : pypi_page_read_html(page, text, len, url, err);
}
