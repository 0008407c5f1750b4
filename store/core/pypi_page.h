/* pypi_page.h - the simple page of a project: its files, read from what an upstream gives and
 * written for a client, each as HTML or as JSON.
 *
 * Sources: PEP 503 (the page), 592 (yanked), 629 (its version), 658 and 714 (metadata of a file),
 * 691 (as JSON), 700 (size, upload time and versions). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/buf.h"
#include "store/core/claim.h"
#include "store/core/pypi.h"

enum {
    PYPI_FILES_MAX = 100000,
    PYPI_PAGE_MAX = 64 << 20, /* bytes, read or written */
};

#define PYPI_TYPE_JSON "application/vnd.pypi.simple.v1+json"
#define PYPI_TYPE_HTML "application/vnd.pypi.simple.v1+html"

/* All text is owned by the page; NULL: not told. */
struct pypi_file {
    char *name;
    char *url; /* absolute, at the upstream; NULL: the file is ours */
    char *requires_python;
    char *upload_time; /* ISO 8601 */
    char *yanked;      /* why it should not be chosen; "": for no reason told */
    struct claim hashes;
    bool has_metadata;                /* it is at the file's URL and ".metadata" … */
    char metadata_sha256[SHA256_HEX]; /* … and this, "": not told */
    int64_t size_bytes;               /* -1: not told */
};

struct pypi_page {
    char project[PYPI_NAME_MAX + 1]; /* in normal form */
    struct pypi_file *files;
    size_t count;
    size_t room;
};

void pypi_page_init(struct pypi_page *page, const char *project);
void pypi_page_done(struct pypi_page *page);
/* A new file at the end, all of it "not told", borrowed until the next; copies the name.  NULL: the
 * page is full. */
struct pypi_file *pypi_page_add(struct pypi_page *page, const char *name);
/* NULL: it is not there. */
const struct pypi_file *pypi_page_find(const struct pypi_page *page, const char *name);
/* Take the files of `other` whose names are not there yet; they are then no more in `other`. */
void pypi_page_merge(struct pypi_page *page, struct pypi_page *other);

/* --- reading an upstream's page: `url` is where it is, for what is relative in it --- */

/* JSON or HTML, by its first byte.  What of a file cannot be used is left out, and a file whose URL
 * or name cannot is, too.  -ERR_INVALID: it is no such page, or one of a major version we do not
 * know; -ERR_LIMIT. */
int pypi_page_read(struct pypi_page *page, const char *text, size_t len, const char *url,
                   struct err *err);
int pypi_page_read_json(struct pypi_page *page, const char *text, size_t len, const char *url,
                        struct err *err);
int pypi_page_read_html(struct pypi_page *page, const char *text, size_t len, const char *url,
                        struct err *err);
/* Absolute and of HTTP, without fragment; gives, NULL: it is none. */
char *pypi_url_join(const char *base, const char *url);

/* --- writing: URLs are relative to <repository>/simple/<project>/ --- */

/* Into `ret` (inited with PYPI_PAGE_MAX): -ERR_LIMIT when it does not fit. */
int pypi_page_write_json(const struct pypi_page *page, struct buf *ret, struct err *err);
int pypi_page_write_html(const struct pypi_page *page, struct buf *ret, struct err *err);

/* The list of projects; names in normal form, in order. */
struct pypi_projects {
    char (*names)[PYPI_NAME_MAX + 1];
    size_t count;
};
void pypi_projects_add(struct pypi_projects *projects, const char *name);
void pypi_projects_done(struct pypi_projects *projects);
/* Sorts them and drops doubles first. */
int pypi_projects_write_json(struct pypi_projects *projects, struct buf *ret, struct err *err);
int pypi_projects_write_html(struct pypi_projects *projects, struct buf *ret, struct err *err);
