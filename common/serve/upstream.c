/* upstream.c - one transfer from another server: see upstream.h for the drawing. */
#include "sos/serve/upstream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/serve/upstream_own.h"
#include "sos/base/auto.h"
#include "sos/base/client.h"
#include "sos/base/clock.h"

enum {
    TRIES = 4,
    REST_MS = 200,          /* before the second, then four times as long each */
    UNASKED_MAX = 64 << 10, /* of an error's body, read so that the connection can be kept */
};

/* --- what libcurl calls --- */

/* The body of which answer is coming; false: nobody asked for it. */
static bool body_is_wanted(const struct upstream *upstream)
{
    int status = upstream->lines.head.status;
    return status == 200 || (status == 206 && upstream->has_told);
}

static bool try_fault(struct upstream *upstream, const char *fault)
{
    upstream->fault = fault;
    return false;
}

static bool ends_in_slash(const char *url)
{
    size_t len = strcspn(url, "?#");
    return len > 0 && url[len - 1] == '/';
}

static bool is_folder(const struct upstream *upstream)
{
    const char *url = NULL;

    curl_easy_getinfo(upstream->easy, CURLINFO_EFFECTIVE_URL, &url);
    return url && ends_in_slash(url) && !ends_in_slash(upstream->url);
}

/* The head of a 200, or of the 206 that goes on with one, is whole. */
static bool head_take(struct upstream *upstream)
{
    struct upstream_lines *lines = &upstream->lines;
    struct upstream_head *head = &lines->head;

    if (lines->encoded && !upstream->coded)
        return try_fault(upstream, "it sends another coding than it was asked for");
    if (upstream->coded && lines->encoded)
        head->size_bytes = -1; /* what comes is not what is counted */
    if (upstream->has_told) {
        if (!upstream_same(&upstream->told, head))
            return try_fault(upstream, "it broke, and is another one now");
        if (head->status == 206 && lines->from != upstream->got)
            return try_fault(upstream, "it broke, and goes on elsewhere");
        upstream->skip = head->status == 206 ? 0 : upstream->got;
        return true;
    }
    if (!upstream->is_head && !lines->has_length && !lines->chunked)
        return try_fault(upstream, "it tells no length, so that a cut could not be seen");
    upstream->over = head->size_bytes > upstream->bytes_max;
    if (upstream->over)
        return false;
    head->folder = is_folder(upstream);
    upstream->told = *head;
    upstream->has_told = true;
    if (upstream->on_head)
        upstream->on_head(upstream->ctx, head);
    return !upstream->cancelled;
}

static size_t on_line(char *data, size_t size, size_t count, void *ctx)
{
    struct upstream *upstream = ctx;
    size_t len = size * count;
    bool was_whole = upstream->lines.whole;

    upstream->upstreams->inside++;
    upstream_line(&upstream->lines, data, len);
    bool ok = !upstream->cancelled;
    if (ok && !was_whole && upstream->lines.whole && body_is_wanted(upstream))
        ok = head_take(upstream);
    upstream->upstreams->inside--;
    return ok ? len : 0;
}

static void text_keep(char text[UPSTREAM_TEXT_MAX], const char *data, size_t len)
{
    size_t had = strlen(text);
    size_t part = len < UPSTREAM_TEXT_MAX - 1 - had ? len : UPSTREAM_TEXT_MAX - 1 - had;

    memcpy(text + had, data, part);
    text[had + part] = '\0';
}

static bool data_take(struct upstream *upstream, const char *data, size_t len)
{
    if (!body_is_wanted(upstream)) {
        text_keep(upstream->lines.head.text, data, len);
        upstream->dropped += (int64_t)len;
        return upstream->dropped <= UNASKED_MAX;
    }
    size_t had = (int64_t)len < upstream->skip ? len : (size_t)upstream->skip;
    upstream->skip -= (int64_t)had;
    len -= had;
    if ((int64_t)len > upstream->bytes_max - upstream->got) {
        upstream->over = true;
        return false;
    }
    upstream->got += (int64_t)len;
    if (len > 0 && upstream->on_data)
        upstream->on_data(upstream->ctx, data + had, len);
    return !upstream->cancelled;
}

static size_t on_bytes(char *data, size_t size, size_t count, void *ctx)
{
    struct upstream *upstream = ctx;
    size_t len = size * count;

    if (upstream->cancelled)
        return CURL_WRITEFUNC_ERROR;
    if (upstream->paused)
        return CURL_WRITEFUNC_PAUSE;
    upstream->upstreams->inside++;
    bool ok = data_take(upstream, data, len);
    upstream->upstreams->inside--;
    return ok ? len : CURL_WRITEFUNC_ERROR;
}

/* --- one try --- */

static void easy_make(struct upstream *upstream)
{
    CURL *easy = upstream->easy = curl_easy_init();

    if (!easy)
        abort(); /* out of memory */
    upstream_settings(upstream);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, upstream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, upstream);
}

static int64_t time_left(const struct upstream *upstream)
{
    int64_t left = upstream->start_ms + upstream->upstreams->config.total_ms - clock_mono_ms();
    return left > 1 ? left : 1;
}

void upstream_begin(struct upstream *upstream)
{
    if (!upstream->easy)
        easy_make(upstream);
    upstream->tries++;
    upstream->lines = (struct upstream_lines){ .head.size_bytes = -1 };
    upstream->curl_fault[0] = '\0';
    upstream->refusal[0] = '\0';
    upstream_headers(upstream);
    curl_easy_setopt(upstream->easy, CURLOPT_TIMEOUT_MS, (long)time_left(upstream));
    upstream->running = true;
    CURLMcode rc = curl_multi_add_handle(upstream->upstreams->multi, upstream->easy);
    assert(rc == CURLM_OK);
}

/* --- what came of it --- */

/* Cut on the way, and worth another try: the server was there and answered us, or hung up on a
 * connection that it had kept for us. */
static bool may_go_on(const struct upstream *upstream, CURLcode result)
{
    bool cut = result == CURLE_PARTIAL_FILE || result == CURLE_RECV_ERROR ||
               result == CURLE_GOT_NOTHING || result == CURLE_SEND_ERROR ||
               (result == CURLE_OPERATION_TIMEDOUT && upstream->got > 0);

    if (!cut || upstream->tries >= TRIES || time_left(upstream) <= REST_MS)
        return false;
    if (!upstream->has_told || upstream->got == 0)
        return !upstream->has_told;
    return !upstream->coded && upstream_validator(&upstream->told);
}

/* Not the server's fault: we do not go there. */
static bool is_refused(const struct upstream *upstream, CURLcode result)
{
    bool stopped = result == CURLE_COULDNT_CONNECT || result == CURLE_ABORTED_BY_CALLBACK;
    return result == CURLE_UNSUPPORTED_PROTOCOL || (stopped && upstream->refusal[0]);
}

static int fault_tell(struct upstream *upstream, CURLcode result, struct err *err)
{
    const char *why = upstream->fault           ? upstream->fault
                      : upstream->curl_fault[0] ? upstream->curl_fault
                                                : curl_easy_strerror(result);

    if (is_refused(upstream, result)) {
        err_set(err, ERR_DENIED, "%s: %s", upstream->shown,
                upstream->refusal[0] ? upstream->refusal : why);
        err_reason(err, "UPSTREAM");
        return -ERR_DENIED;
    }
    if (upstream->over) {
        err_set(err, ERR_LIMIT, "%s is larger than %" PRId64 " bytes", upstream->shown,
                upstream->bytes_max);
        err_reason(err, "UPSTREAM");
        return -ERR_LIMIT;
    }
    err_set(err, ERR_IO, "%s: %s", upstream->shown, why);
    err_reason(err, result == CURLE_OPERATION_TIMEDOUT ? "UPSTREAM_TIMEOUT" : "UPSTREAM");
    return -ERR_IO;
}

/* An error's body that was not read to its end says no less than one that was. */
static bool is_answered(const struct upstream *upstream, CURLcode result)
{
    if (upstream->fault || upstream->over || !upstream->lines.whole)
        return false;
    return result == CURLE_OK || (result == CURLE_WRITE_ERROR && upstream->dropped > UNASKED_MAX);
}

/* A 206 that nobody asked for and a redirect that leads nowhere are no answers. */
static bool is_sense(struct upstream *upstream)
{
    int status = upstream->lines.head.status;

    if (upstream->has_told && status != 200 && status != 206)
        return try_fault(upstream, "it broke, and does not go on");
    int64_t size = upstream->told.size_bytes;
    if (upstream->has_told && !upstream->is_head && size >= 0 && upstream->got != size)
        return try_fault(upstream, "what came is not as long as was told");
    if (status < 200 || (status == 206 && !upstream->has_told))
        return try_fault(upstream, "its answer makes no sense");
    return true;
}

void upstream_ended(struct upstream *upstream, CURLcode result)
{
    struct err err = { 0 };
    int rc = 0;

    curl_multi_remove_handle(upstream->upstreams->multi, upstream->easy);
    upstream->running = false;
    if (upstream->cancelled)
        return; /* it is doomed */
    if (may_go_on(upstream, result)) {
        upstream_rest(upstream, (int64_t)REST_MS << (2 * (upstream->tries - 1)));
        return;
    }
    if (!is_answered(upstream, result) || !is_sense(upstream))
        rc = fault_tell(upstream, result, &err);
    struct upstream_head head = upstream->has_told ? upstream->told : upstream->lines.head;
    void (*on_done)(void *, int, const struct upstream_head *, const struct err *) =
        upstream->on_done;
    void *ctx = upstream->ctx;
    upstream_free(upstream);
    on_done(ctx, rc, &head, &err);
}

/* --- its life --- */

struct upstream *upstream_start(struct upstreams *upstreams, const struct upstream_request *request)
{
    struct upstream *upstream = xcalloc(1, sizeof *upstream);

    upstream->upstreams = upstreams;
    upstreams->open++;
    upstream->url = xstrdup(request->url);
    upstream->home = xstrdup(request->home);
    client_show_url(request->url, upstream->shown, sizeof upstream->shown);
    upstream->is_head = request->head;
    upstream->coded = request->coded;
    upstream->accept = xstrdup(request->accept);
    upstream->header = xstrdup(request->header);
    upstream->credentials = xstrdup(request->credentials);
    upstream->etag = xstrdup(request->etag);
    upstream->modified = xstrdup(request->modified);
    upstream->bytes_max = request->bytes_max ? request->bytes_max : (int64_t)20 << 30;
    upstream->on_head = request->on_head;
    upstream->on_data = request->on_data;
    upstream->on_done = request->on_done;
    upstream->ctx = request->ctx;
    upstream->start_ms = clock_mono_ms();
    list_init(&upstream->link);
    upstream_queue(upstream);
    return upstream;
}

void upstream_pause(struct upstream *upstream)
{
    upstream->paused = true;
}

void upstream_resume(struct upstream *upstream)
{
    if (!upstream->paused)
        return;
    upstream->paused = false;
    if (upstream->running)
        curl_easy_pause(upstream->easy, CURLPAUSE_CONT);
}

void upstream_cancel(struct upstream *upstream)
{
    upstream->cancelled = true;
    if (upstream->upstreams->inside > 0)
        upstream_doom(upstream);
    else
        upstream_free(upstream);
}

void upstream_free(struct upstream *upstream)
{
    if (upstream->running)
        curl_multi_remove_handle(upstream->upstreams->multi, upstream->easy);
    upstream_leave_host(upstream);
    upstream->upstreams->open--;
    curl_easy_cleanup(upstream->easy);
    curl_slist_free_all(upstream->headers);
    if (upstream->credentials)
        explicit_bzero(upstream->credentials, strlen(upstream->credentials));
    free(upstream->credentials);
    free(upstream->url);
    free(upstream->home);
    free(upstream->accept);
    free(upstream->header);
    free(upstream->etag);
    free(upstream->modified);
    free(upstream);
}
