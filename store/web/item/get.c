/* get.c - GET and HEAD of an item: a file's bytes, a checksum, a folder's page. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"
#include "store/core/mime.h"
#include "store/core/names.h"
#include "store/core/text.h"
#include "store/core/when.h"
#include "store/web/bytes.h"
#include "store/web/call.h"
#include "store/web/item/hot.h"
#include "store/web/item/page.h"
#include "store/web/json.h"
#include "store/web/keep/counter.h"
#include "store/web/keep/keeper.h"
#include "store/web/maven/maven.h"
#include "store/web/remote/remote.h"

enum { HEADER_MAX = 2048 };

typedef void (*header_fn)(void *ctx, const char *name, const char *value);

/* --- blocking work (the reader's strand) --- */

/* The hex of x for GET x.sha1, when no file of that name is stored. */
static int find_checksum(struct call *call)
{
    struct item_path other;
    struct item item;
    enum sidecar kind = item_sidecar(&call->at, &other);

    if (kind == SIDECAR_NONE || index_find(call->store->reader_db, &other, &item, NULL) < 0 ||
        item.at.folder)
        return -ERR_NOT_FOUND;
    call->text = xstrdup(kind == SIDECAR_SHA1  ? item.digests.sha1
                         : kind == SIDECAR_MD5 ? item.digests.md5
                                               : item.digests.sha256);
    return 0;
}

static void find_work(struct call *call)
{
    struct store *store = call->store;
    struct err *err = &call->task.err;
    int rc = index_find(store->reader_db, &call->at, &call->item, err);

    if (rc == -ERR_NOT_FOUND)
        rc = find_checksum(call);
    else if (rc == 0 && !call->item.at.folder)
        rc = bytes_open(store, &call->item.digests, &call->fd, err);
    else if (rc == 0 && call->at.folder)
        rc = page_write(store->reader_db, &call->at, &call->text, err);
    call->task.rc = rc;
}

/* --- a file's answer (the loop) --- */

static bool etag_matches(const char *list, const char *sha1)
{
    while (*list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, ",");
        const char *tag = list;
        list += len;
        while (len > 0 && (tag[len - 1] == ' ' || tag[len - 1] == '\t'))
            len--;
        if (len == 1 && tag[0] == '*')
            return true;
        if (len > 2 && strncmp(tag, "W/", 2) == 0)
            tag += 2, len -= 2;
        if (len > 1 && tag[0] == '"' && tag[len - 1] == '"')
            tag += 1, len -= 2;
        if (len == strlen(sha1) && strncasecmp(tag, sha1, len) == 0)
            return true;
    }
    return false;
}

static bool is_unmodified(const struct call *call)
{
    const char *none = http_header(call->request, "If-None-Match");
    const char *since = http_header(call->request, "If-Modified-Since");
    int64_t at_ms;

    if (none)
        return etag_matches(none, call->item.digests.sha1);
    return since && when_http_parse(since, &at_ms) && call->item.modified_ms / 1000 * 1000 <= at_ms;
}

/* Is the part asked for still one of the same whole?  If-Range is a date or begins with the SHA-1
 * (clients of Artifactory append a suffix). */
static bool range_is_current(const struct call *call)
{
    const char *condition = http_header(call->request, "If-Range");
    const char *sha1 = call->item.digests.sha1;
    int64_t at_ms;

    if (!condition)
        return true;
    if (when_http_parse(condition, &at_ms))
        return call->item.modified_ms / 1000 * 1000 == at_ms;
    condition += condition[0] == '"';
    return strncmp(condition, sha1, strlen(sha1)) == 0;
}

static void name_tell(const char *name, header_fn set, void *ctx)
{
    auto_free char *plain = xstrdup(name);
    auto_free char *value = NULL;
    struct buf encoded;

    for (char *at = plain; *at; at++)
        if (*at == '"' || (unsigned char)*at >= 0x80)
            *at = '_';
    buf_init(&encoded, HEADER_MAX);
    text_encode_path(&encoded, name);
    value = xasprintf("attachment; filename=\"%s\"; filename*=UTF-8''%s", plain,
                      encoded.len ? encoded.data : "");
    buf_done(&encoded);
    set(ctx, "Content-Disposition", value);
    set(ctx, "X-Artifactory-Filename", plain);
}

static void on_header(void *ctx, const char *name, const char *value)
{
    http_set_header(ctx, name, value);
}

void get_set_name(struct call *call, const char *name)
{
    name_tell(name, on_header, call->request);
}

static void headers_tell(const struct item *item, header_fn set, void *ctx)
{
    char modified[WHEN_TEXT_MAX];

    when_http(item->modified_ms, modified);
    set(ctx, "Last-Modified", modified);
    set(ctx, "ETag", item->digests.sha1);
    set(ctx, "X-Checksum-Sha1", item->digests.sha1);
    set(ctx, "X-Checksum-Sha256", item->digests.sha256);
    set(ctx, "X-Checksum-Md5", item->digests.md5);
    set(ctx, "Accept-Ranges", "bytes");
    set(ctx, "X-Content-Type-Options", "nosniff");
    name_tell(item_name(&item->at), set, ctx);
}

static void on_reply_header(void *ctx, const char *name, const char *value)
{
    http_reply_set_header(ctx, name, value);
}

/* The answer with the whole of a small file; takes its bytes. */
static struct http_reply *reply_make(const struct item *item, char *bytes)
{
    struct http_reply *reply =
        http_reply_new(200, mime_of(item_name(&item->at)), bytes, (size_t)item->digests.size_bytes);

    headers_tell(item, on_reply_header, reply);
    return reply;
}

static void answer_unsatisfiable(struct call *call)
{
    char range[64];

    snprintf(range, sizeof range, "bytes */%" PRId64, call->item.digests.size_bytes);
    http_set_header(call->request, "Content-Range", range);
    call_error(call, 416, "Requested range is not satisfiable");
}

static void answer_bytes(struct call *call)
{
    int64_t size = call->item.digests.size_bytes;
    int64_t offset = 0;
    int64_t len = size;
    int part = range_is_current(call) ? http_range(call->request, size, &offset, &len) : 0;

    bool ready = part == 0 && call->reply && !call->warned;
    if (!ready)
        headers_tell(&call->item, on_header, call->request);
    if (part < 0) {
        answer_unsatisfiable(call);
        return;
    }
    if (part > 0) {
        char range[96];
        snprintf(range, sizeof range, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, offset,
                 offset + len - 1, size);
        http_set_header(call->request, "Content-Range", range);
    }
    if (part == 0 && size > BYTES_HASHED_MAX)
        keeper_look(call->store->keeper, call->item.digests.sha256);
    metric_add(call->store->counts.downloads, 1);
    /* A download in parts is one. */
    if (offset == 0 && strcmp(http_method(call->request), "GET") == 0)
        counter_add(call->store->counter, &call->item, call->user, call->now_ms);
    int status = part > 0 ? 206 : 200;
    const char *type = mime_of(item_name(&call->item.at));
    if (ready)
        http_answer_reply(call->request, call->reply);
    else if (call->bytes)
        http_answer(call->request, status, type, call->bytes + offset, (size_t)len);
    else
        http_answer_file(call->request, status, type, take_fd(call->fd), offset, len);
}

static void answer_file(struct call *call)
{
    if (!is_unmodified(call)) {
        answer_bytes(call);
        return;
    }
    headers_tell(&call->item, on_header, call->request);
    http_answer_unchanged(call->request, call->item.digests.size_bytes);
}

static void answer_redirect(struct call *call)
{
    auto_free char *url = item_url(&call->at, call->base, "");
    auto_free char *location = xasprintf("%s/", url);

    http_set_header(call->request, "Location", location);
    http_answer(call->request, 302, NULL, "", 0);
}

/* --- events (the loop) --- */

void get_found(struct call *call)
{
    if (!call->request)
        return;
    if (call->task.rc == -ERR_NOT_FOUND && call->on_missing)
        call->on_missing(call);
    else if (call->task.rc < 0)
        call_fail(call, TEXT_NO_FILE);
    else if (call->fd >= 0 && call->at.folder)
        call_error(call, 404, TEXT_NO_FILE);
    else if (call->fd >= 0 || call->bytes)
        answer_file(call);
    else if (call->text)
        call_answer_text(call, 200, call->at.folder ? "text/html; charset=utf-8" : "text/plain");
    else
        answer_redirect(call);
}

static void on_stored(struct call *call)
{
    if (call->task.rc == 0 && call->fd >= 0 && !call->at.folder)
        hot_keep(call->store->hot, &call->item, call->commits, call->fd, reply_make);
    get_found(call);
}

static bool open_hot(struct call *call, const struct item *item)
{
    auto_close int fd = -1;
    int64_t size;

    if (blobs_read(call->store->blobs, item->digests.sha256, &fd, &size, NULL) < 0 ||
        size != item->digests.size_bytes)
        return false;
    call->fd = take_fd(fd);
    return true;
}

/* What is known; if its file is not as it should be, the strand sees to it. */
static bool find_hot(struct call *call)
{
    struct store *store = call->store;
    const struct item *item = call->at.folder ? NULL
                                              : hot_find(store->hot, &call->at, call->commits,
                                                         &call->bytes, &call->reply);

    if (!item || (!call->bytes && !open_hot(call, item)))
        return false;
    call->item = *item;
    return true;
}

void get_stored(struct call *call)
{
    call->commits = journal_commits(call->store->journal);
    if (find_hot(call)) {
        get_found(call);
        call->bytes = NULL;
        call->reply = NULL;
    } else {
        call_post(call, call->store->reader, find_work, on_stored);
    }
}

/* --- a file's bytes, for other calls --- */

static void read_work(struct call *call)
{
    struct store *store = call->store;
    struct err *err = &call->task.err;
    auto_close int fd = -1;

    call->task.rc = index_find(store->reader_db, &call->at, &call->item, err);
    if (call->task.rc < 0)
        return;
    if (call->item.digests.size_bytes > (int64_t)call->text_max)
        call->task.rc = err_set(err, ERR_LIMIT, "%.150s is larger than %zu bytes", call->at.path,
                                call->text_max);
    else
        call->task.rc = bytes_open(store, &call->item.digests, &fd, err);
    if (call->task.rc < 0)
        return;
    size_t size = (size_t)call->item.digests.size_bytes;
    char *text = xmalloc(size + 1);
    if (fs_read_all(fd, text, size) < 0) {
        call->task.rc = err_errno(err, "read blob %s", call->item.digests.sha256);
        free(text);
        return;
    }
    text[size] = '\0';
    call->text = text;
    call->text_len = size;
}

void call_read_item(struct call *call, const struct item_path *at, size_t max, call_fn then)
{
    call->at = *at;
    call->text_max = max;
    free(take_ptr(call->text));
    call_post(call, call->store->reader, read_work, then);
}

/* What a type answers otherwise than as plain files; false: that path is one. */
static bool (*const type_gets[REPO_TYPES])(struct call *, const struct repository *) = {
    [REPO_MAVEN] = maven_get,
    [REPO_NPM] = npm_get,
    [REPO_PYPI] = pypi_get,
    [REPO_GO] = golang_get,
};

static void get_nothing(struct call *call)
{
    if (call->on_missing)
        call->on_missing(call);
    else
        call_error(call, 404, TEXT_NO_FILE);
}

void repository_get(struct call *call, const struct repository *repository)
{
    if (!repo_admits(repository, &call->at)) {
        get_nothing(call);
        return;
    }
    if (type_gets[repository->type] && type_gets[repository->type](call, repository))
        return;
    if (repository->class == REPO_REMOTE)
        remote_get(call);
    else if (repository->class == REPO_VIRTUAL)
        virtual_get(call);
    else
        get_stored(call);
}

void get_call(struct call *call)
{
    const struct repository *repository;
    struct err err = { 0 };

    if (!call->placed && item_path_parse(call->rest, &call->at, NULL, &err) < 0) {
        call_error(call, 400, err.text);
        return;
    }
    /* "/repo" without a slash is a folder without its slash, too. */
    if (call->at.path[0] == '\0' && call->rest[strlen(call->rest) - 1] != '/')
        call->at.folder = false;
    if (call_asks(call, "properties")) {
        info_call(call);
        return;
    }
    repository = store_repository(call->store, call->at.repo);
    if (repository)
        repository_get(call, repository);
    else
        get_stored(call);
}
