/* pypi_page.c - the page in memory, and its writing. */
#include "store/core/pypi_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/text.h"

/* --- the page --- */

void pypi_page_init(struct pypi_page *page, const char *project)
{
    *page = (struct pypi_page){ 0 };
    snprintf(page->project, sizeof page->project, "%s", project);
}

static void file_done(struct pypi_file *file)
{
    free(file->name);
    free(file->url);
    free(file->requires_python);
    free(file->upload_time);
    free(file->yanked);
}

void pypi_page_done(struct pypi_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        file_done(&page->files[i]);
    free(page->files);
    *page = (struct pypi_page){ 0 };
}

static struct pypi_file *page_grow(struct pypi_page *page)
{
    if (page->count == PYPI_FILES_MAX)
        return NULL;
    if (page->count == page->room) {
        page->room = page->room ? page->room * 2 : 16;
        page->files = xrealloc(page->files, page->room * sizeof *page->files);
    }
    return &page->files[page->count++];
}

struct pypi_file *pypi_page_add(struct pypi_page *page, const char *name)
{
    struct pypi_file *file = page_grow(page);

    if (file)
        *file = (struct pypi_file){ .name = xstrdup(name), .size_bytes = -1 };
    return file;
}

const struct pypi_file *pypi_page_find(const struct pypi_page *page, const char *name)
{
    for (size_t i = 0; i < page->count; i++)
        if (strcmp(page->files[i].name, name) == 0)
            return &page->files[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct pypi_file *const *one = a;
    const struct pypi_file *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

/* The files of the page by name; gives. */
static const struct pypi_file **page_sorted(const struct pypi_page *page)
{
    const struct pypi_file **sorted = xcalloc(page->count + 1, sizeof *sorted);

    for (size_t i = 0; i < page->count; i++)
        sorted[i] = &page->files[i];
    qsort(sorted, page->count, sizeof *sorted, by_name);
    return sorted;
}

void pypi_page_merge(struct pypi_page *page, struct pypi_page *other)
{
    const struct pypi_file **known = page_sorted(page);
    size_t known_count = page->count;
    auto_free bool *taken = xcalloc(other->count + 1, sizeof *taken);

    for (size_t i = 0; i < other->count; i++) {
        const struct pypi_file *wanted = &other->files[i];
        taken[i] = !bsearch(&wanted, known, known_count, sizeof *known, by_name);
    }
    free(known); /* the page moves when it grows */
    for (size_t i = 0; i < other->count; i++) {
        struct pypi_file *place = taken[i] ? page_grow(page) : NULL;
        if (place) {
            *place = other->files[i];
            other->files[i] = (struct pypi_file){ 0 };
        } else {
            file_done(&other->files[i]);
        }
    }
    other->count = 0;
}

/* --- what both kinds have in common --- */

/* Append "../../packages/<project>/<version>/<file>", percent-encoded; false: it cannot be an item.
 */
static bool file_path_write(struct buf *ret, const struct pypi_page *page,
                            const struct pypi_file *file)
{
    struct item_path item;

    if (pypi_item("x", page->project, file->name, &item, NULL) < 0)
        return false;
    buf_add_str(ret, "../../packages/");
    text_encode_path(ret, item.path);
    return true;
}

static int page_end(const struct buf *ret, struct err *err)
{
    return ret->over ? err_set(err, ERR_LIMIT, "the page is larger than %d bytes", PYPI_PAGE_MAX)
                     : 0;
}

/* --- JSON, written straight away: a tree of a page of megabytes costs ten times as much --- */

static void json_text(struct buf *ret, const char *text)
{
    buf_add_str(ret, "\"");
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            buf_printf(ret, "\\%c", byte);
        else if (byte < 0x20)
            buf_printf(ret, "\\u%04x", byte);
        else
            buf_add(ret, text, 1);
    }
    buf_add_str(ret, "\"");
}

static void json_pair(struct buf *ret, const char *key, const char *text)
{
    buf_printf(ret, ",\"%s\":", key);
    if (text)
        json_text(ret, text);
    else
        buf_add_str(ret, "null");
}

static void json_hashes(struct buf *ret, const struct claim *hashes)
{
    const char *comma = "";

    buf_add_str(ret, ",\"hashes\":{");
    if (hashes->sha256[0]) {
        buf_printf(ret, "\"sha256\":\"%s\"", hashes->sha256);
        comma = ",";
    }
    if (hashes->sha1[0] && !hashes->sha256[0]) {
        buf_printf(ret, "%s\"sha1\":\"%s\"", comma, hashes->sha1);
        comma = ",";
    }
    if (hashes->md5[0] && !hashes->sha256[0])
        buf_printf(ret, "%s\"md5\":\"%s\"", comma, hashes->md5);
    buf_add_str(ret, "}");
}

/* Never by its older name, dist-info-metadata: pip before 23.1.2 fails on that (PEP 714). */
static void json_metadata(struct buf *ret, const struct pypi_file *file)
{
    if (!file->has_metadata)
        buf_add_str(ret, ",\"core-metadata\":false");
    else if (file->metadata_sha256[0])
        buf_printf(ret, ",\"core-metadata\":{\"sha256\":\"%s\"}", file->metadata_sha256);
    else
        buf_add_str(ret, ",\"core-metadata\":true");
}

static void json_file(struct buf *ret, const struct pypi_page *page, const struct pypi_file *file,
                      const char *comma)
{
    struct buf url;

    buf_init(&url, 2 * ITEM_PATH_MAX + ITEM_PATH_MAX);
    if (file_path_write(&url, page, file)) {
        buf_printf(ret, "%s{\"filename\":", comma);
        json_text(ret, file->name);
        json_pair(ret, "url", url.data);
        json_hashes(ret, &file->hashes);
        json_pair(ret, "requires-python", file->requires_python);
        json_metadata(ret, file);
        if (file->size_bytes >= 0)
            buf_printf(ret, ",\"size\":%" PRId64, file->size_bytes);
        if (file->upload_time)
            json_pair(ret, "upload-time", file->upload_time);
        if (!file->yanked || !file->yanked[0])
            buf_printf(ret, ",\"yanked\":%s", file->yanked ? "true" : "false");
        else
            json_pair(ret, "yanked", file->yanked);
        buf_add_str(ret, "}");
    }
    buf_done(&url);
}

struct versions {
    char (*list)[PYPI_VERSION_MAX + 1];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Each version once. */
static void json_versions(struct buf *ret, const struct pypi_page *page)
{
    struct versions versions = { xcalloc(page->count + 1, sizeof *versions.list), 0 };
    struct pypi_file_name name;

    for (size_t i = 0; i < page->count; i++)
        if (pypi_file_parse(page->files[i].name, page->project, &name, NULL) == 0)
            memcpy(versions.list[versions.count++], name.version, sizeof name.version);
    qsort(versions.list, versions.count, sizeof *versions.list, by_text);
    buf_add_str(ret, ",\"versions\":[");
    for (size_t i = 0, told = 0; i < versions.count; i++) {
        if (i > 0 && strcmp(versions.list[i], versions.list[i - 1]) == 0)
            continue;
        if (told++ > 0)
            buf_add_str(ret, ",");
        json_text(ret, versions.list[i]);
    }
    buf_add_str(ret, "]");
    free(versions.list);
}

/* Version 1.1 promises the size of each file. */
static bool sizes_are_told(const struct pypi_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->files[i].size_bytes < 0)
            return false;
    return true;
}

int pypi_page_write_json(const struct pypi_page *page, struct buf *ret, struct err *err)
{
    bool full = sizes_are_told(page);
    size_t begin;

    buf_printf(ret, "{\"meta\":{\"api-version\":\"%s\"},\"name\":\"%s\"", full ? "1.1" : "1.0",
               page->project);
    if (full)
        json_versions(ret, page);
    buf_add_str(ret, ",\"files\":[");
    begin = ret->len;
    for (size_t i = 0; i < page->count; i++)
        json_file(ret, page, &page->files[i], ret->len > begin ? "," : "");
    buf_add_str(ret, "]}");
    return page_end(ret, err);
}

/* --- HTML --- */

static void html_attribute(struct buf *ret, const char *name, const char *text)
{
    buf_printf(ret, " %s=\"", name);
    text_escape_html(ret, text);
    buf_add_str(ret, "\"");
}

static void html_metadata(struct buf *ret, const struct pypi_file *file)
{
    char value[SHA256_HEX + 8] = "true";

    if (file->metadata_sha256[0])
        snprintf(value, sizeof value, "sha256=%s", file->metadata_sha256);
    html_attribute(ret, "data-core-metadata", value);
    html_attribute(ret, "data-dist-info-metadata", value);
}

static void html_hash(struct buf *ret, const struct claim *hashes)
{
    if (hashes->sha256[0])
        buf_printf(ret, "#sha256=%s", hashes->sha256);
    else if (hashes->sha1[0])
        buf_printf(ret, "#sha1=%s", hashes->sha1);
    else if (hashes->md5[0])
        buf_printf(ret, "#md5=%s", hashes->md5);
}

static void html_file(struct buf *ret, const struct pypi_page *page, const struct pypi_file *file)
{
    struct buf url;

    buf_init(&url, 2 * ITEM_PATH_MAX + ITEM_PATH_MAX);
    if (file_path_write(&url, page, file)) {
        html_hash(&url, &file->hashes);
        buf_add_str(ret, "<a");
        html_attribute(ret, "href", url.data);
        if (file->requires_python)
            html_attribute(ret, "data-requires-python", file->requires_python);
        if (file->has_metadata)
            html_metadata(ret, file);
        if (file->yanked)
            html_attribute(ret, "data-yanked", file->yanked);
        buf_add_str(ret, ">");
        text_escape_html(ret, file->name);
        buf_add_str(ret, "</a><br/>\n");
    }
    buf_done(&url);
}

static void html_begin(struct buf *ret, const char *title)
{
    buf_printf(ret,
               "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">"
               "<meta name=\"pypi:repository-version\" content=\"1.1\">"
               "<title>%s</title></head>\n<body>\n<h1>%s</h1>\n",
               title, title);
}

int pypi_page_write_html(const struct pypi_page *page, struct buf *ret, struct err *err)
{
    auto_free char *title = xasprintf("Links for %s", page->project);

    html_begin(ret, title);
    for (size_t i = 0; i < page->count; i++)
        html_file(ret, page, &page->files[i]);
    buf_add_str(ret, "</body></html>\n");
    return page_end(ret, err);
}

/* --- the list of projects --- */

void pypi_projects_add(struct pypi_projects *projects, const char *name)
{
    /* Doubled at each power of two. */
    if ((projects->count & (projects->count - 1)) == 0)
        projects->names = xrealloc(projects->names, (projects->count ? projects->count * 2 : 1) *
                                                        sizeof *projects->names);
    snprintf(projects->names[projects->count++], sizeof *projects->names, "%s", name);
}

void pypi_projects_done(struct pypi_projects *projects)
{
    free(projects->names);
    *projects = (struct pypi_projects){ 0 };
}

static void projects_sort(struct pypi_projects *projects)
{
    size_t kept = 0;

    if (projects->count > 0)
        qsort(projects->names, projects->count, sizeof *projects->names, by_text);
    for (size_t i = 0; i < projects->count; i++)
        if (kept == 0 || strcmp(projects->names[i], projects->names[kept - 1]) != 0)
            memmove(projects->names[kept++], projects->names[i], sizeof *projects->names);
    projects->count = kept;
}

int pypi_projects_write_json(struct pypi_projects *projects, struct buf *ret, struct err *err)
{
    projects_sort(projects);
    buf_add_str(ret, "{\"meta\":{\"api-version\":\"1.1\"},\"projects\":[");
    for (size_t i = 0; i < projects->count; i++)
        buf_printf(ret, "%s{\"name\":\"%s\"}", i > 0 ? "," : "", projects->names[i]);
    buf_add_str(ret, "]}");
    return page_end(ret, err);
}

int pypi_projects_write_html(struct pypi_projects *projects, struct buf *ret, struct err *err)
{
    projects_sort(projects);
    html_begin(ret, "Simple index");
    for (size_t i = 0; i < projects->count; i++)
        buf_printf(ret, "<a href=\"%s/\">%s</a><br/>\n", projects->names[i], projects->names[i]);
    buf_add_str(ret, "</body></html>\n");
    return page_end(ret, err);
}
