/* pypi_answer.c - what a PyPI repository answers with: pages, written or as they were kept, files,
 * and the metadata in a wheel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/disk/wheel.h"
#include "store/web/bytes.h"
#include "store/web/pypi/pypi.h"

/* --- blocking work --- */

static int text_write(struct pypi_ask *ask, struct buf *ret, struct err *err)
{
    if (ask->what == PYPI_PROJECTS)
        return (ask->json ? pypi_projects_write_json : pypi_projects_write_html)(&ask->projects,
                                                                                 ret, err);
    return (ask->json ? pypi_page_write_json : pypi_page_write_html)(&ask->page, ret, err);
}

static void write_work(struct call *call)
{
    struct pypi_ask *ask = call->own;
    char sha256[SHA256_HEX];
    struct buf text;

    buf_init(&text, PYPI_PAGE_MAX);
    call->task.rc = text_write(ask, &text, &call->task.err);
    sha256_hex(text.data, text.len, sha256);
    snprintf(ask->packed.etag, sizeof ask->packed.etag, "\"%s\"", sha256);
    if (call->task.rc == 0 && ask->kept_as[0])
        pypi_pack(text.data, &ask->packed);
    if (call->task.rc == 0)
        call->text = buf_take(&text);
    buf_done(&text);
}

/* The metadata in the wheel call->item, which must be what the page tells. */
static int metadata_read(struct call *call, struct buf *ret, struct err *err)
{
    struct store *store = call->store;
    const char *project = pypi_of(call)->project;
    const struct props *props = &call->props;
    char sha256[SHA256_HEX];
    const char *told = "";

    int rc = index_props(store->reader_db, call->item.id, &call->props, err);
    if (rc == 0)
        rc = bytes_open(store, &call->item.digests, &call->fd, err);
    for (size_t i = 0; i < props->count; i++)
        if (strcmp(props->list[i].key, PYPI_PROP_METADATA) == 0)
            told = props->list[i].value;
    if (rc < 0 || wheel_metadata(call->fd, project, ret, NULL) < 0 || ret->len == 0)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "no metadata");
    sha256_hex(ret->data, ret->len, sha256);
    return strcmp(sha256, told) == 0 ? 0 : err_set(err, ERR_NOT_FOUND, "no metadata is told");
}

static void metadata_work(struct call *call)
{
    struct buf metadata;

    buf_init(&metadata, WHEEL_METADATA_MAX);
    call->task.rc = metadata_read(call, &metadata, &call->task.err);
    if (call->task.rc == 0)
        call->text = buf_take(&metadata);
    buf_done(&metadata);
}

/* --- answers (the loop) --- */

static void on_metadata(struct call *call)
{
    if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else
        call_answer_text(call, 200, "text/plain; charset=utf-8");
}

static void answer_text(struct call *call)
{
    const struct pypi_ask *ask = call->own;
    const char *known = http_header(call->request, "If-None-Match");

    http_set_header(call->request, "ETag", ask->packed.etag);
    http_set_header(call->request, "Vary", "Accept");
    http_set_header(call->request, "Cache-Control", "no-cache"); /* ask again by its ETag */
    if (known && strstr(known, ask->packed.etag))
        http_answer_unchanged(call->request, (int64_t)strlen(call->text));
    else
        call_answer_text(call, 200, ask->type);
}

static void on_written(struct call *call)
{
    struct pypi_ask *ask = call->own;

    if (call->task.rc < 0 || !call->request) {
        call_fail(call, TEXT_NO_FILE);
        return;
    }
    if (ask->packed.data)
        pypi_pages_keep(call->store->pypi_pages, ask->kept_as, ask->source, &ask->packed);
    answer_text(call);
}

static void unpack_work(struct call *call)
{
    free(call->text);
    call->text = pypi_unpack(&pypi_of(call)->packed);
    call->task.rc = 0;
}

static void on_unpacked(struct call *call)
{
    if (call->request)
        answer_text(call);
}

bool pypi_answer_kept(struct call *call)
{
    struct pypi_ask *ask = call->own;

    if (!pypi_pages_find(call->store->pypi_pages, ask->kept_as, ask->source, &ask->packed))
        return false;
    call_post(call, store_disk(call->store), unpack_work, on_unpacked);
    return true;
}

void pypi_answer_missing(struct call *call)
{
    char text[ERROR_TEXT_MAX];

    snprintf(text, sizeof text, "No project '%s' in %s", pypi_of(call)->project,
             pypi_of(call)->repository->key);
    call_error(call, 404, pypi_of(call)->what == PYPI_PAGE ? text : TEXT_NO_FILE);
}

void pypi_answer_page(struct call *call)
{
    if (pypi_of(call)->what == PYPI_PROJECTS || pypi_of(call)->known)
        call_post(call, store_disk(call->store), write_work, on_written);
    else
        pypi_answer_missing(call);
}

void pypi_answer_file(struct call *call)
{
    if (pypi_of(call)->metadata) {
        call_post(call, call->store->reader, metadata_work, on_metadata);
    } else {
        call->at = call->item.at;
        get_stored(call);
    }
}
