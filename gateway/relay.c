/* relay.c - one request that was let through, and what the store answers it. */
#include <jansson.h>
#include <string.h>

#include "gateway/gateway_own.h"
#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"

enum {
    HELD_MAX = 1 << 20,  /* of one connection */
    AWAY_MS = 60 * 1000, /* so long may the store be started again */
    REST_MS = 500,
};

/* From relay_start() until its connection is closed. */
struct relay {
    struct gateway *gateway;
    struct http_request *request;
    struct rules_target target;
    struct upstream *upstream; /* NULL: it is over, or rests */
    uv_timer_t rest;
    int64_t until_ms; /* as long as the store may be away */
    struct hasher *hasher;
    struct buf held; /* came and not yet given on … */
    size_t given;    /* … but for these */
    int64_t size;    /* of the whole; -1: not known */
    int64_t received;
    bool told;     /* the answer has begun */
    bool begun;    /* … and is on record … */
    bool recorded; /* … with its digest */
    bool broken;
};

/* --- what comes from the store --- */

static void relay_break(struct relay *relay)
{
    relay->broken = true;
    if (relay->upstream)
        upstream_cancel(take_ptr(relay->upstream));
    http_wake(relay->request);
}

/* Before the first byte of it is given on, and before the last. */
static void relay_record(struct relay *relay, bool whole)
{
    struct digests digests;
    struct err err = { 0 };
    if (whole)
        hasher_end(relay->hasher, &digests);
    relay->begun = true;
    relay->recorded = whole;
    if (record_download(&relay->gateway->record, &relay->target, whole ? &digests : NULL, &err) ==
        0)
        return;
    log_error("gateway", "not recorded", "error=\"%s\"", err.text);
    relay_break(relay);
}

/* A call that gives bytes makes room, and room makes the store go on: perhaps at once. */
static long on_pull(void *ctx, char *room, size_t len)
{
    struct relay *relay = ctx;
    if (relay->given == relay->held.len && relay->upstream) {
        buf_clear(&relay->held);
        relay->given = 0;
        upstream_resume(relay->upstream);
    }
    size_t left = relay->held.len - relay->given;
    if (relay->broken)
        return HTTP_BROKEN;
    if (left == 0)
        return relay->recorded ? HTTP_END : 0;
    size_t part = left < len ? left : len;
    memcpy(room, relay->held.data + relay->given, part);
    relay->given += part;
    return (long)part;
}

static void relay_tell(struct relay *relay, const struct upstream_head *head)
{
    struct http_request *request = relay->request;
    relay->told = true;
    relay->size = head->size_bytes;
    if (head->etag[0])
        http_set_header(request, "ETag", head->etag);
    if (head->modified[0])
        http_set_header(request, "Last-Modified", head->modified);
    http_answer_pull(request, 200, head->type[0] ? head->type : NULL, head->size_bytes, on_pull,
                     relay);
}

static bool is_head(const struct relay *relay)
{
    return strcmp(http_method(relay->request), "HEAD") == 0;
}

/* Of a HEAD nothing comes but the end. */
static void on_head(void *ctx, const struct upstream_head *head)
{
    if (!is_head(ctx))
        relay_tell(ctx, head);
}

static void on_data(void *ctx, const char *data, size_t len)
{
    struct relay *relay = ctx;
    relay->received += (int64_t)len;
    relay->gateway->bytes += (int64_t)len;
    hasher_add(relay->hasher, data, len);
    if (relay->gateway->bytes > relay->gateway->config.bytes_max ||
        buf_add(&relay->held, data, len) < 0) {
        relay_break(relay);
        return;
    }
    bool whole = relay->received == relay->size;
    if (whole || !relay->begun)
        relay_record(relay, whole);
    if (relay->upstream)
        upstream_pause(relay->upstream);
    http_wake(relay->request);
}

/* The store's own words: an error of Artifactory's is {"errors":[{"status":…,"message":"…"}]}.
 * Gives a line, with "; " before it; "" when it says nothing that can be shown. */
static char *store_words(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    const char *message = json_string_value(
        json_object_get(json_array_get(json_object_get(json, "errors"), 0), "message"));
    char *words = message ? xasprintf("; it says: %.300s", message) : xstrdup("");
    json_decref(json);
    return words;
}

/* Never the store's view of our token. */
static void answer_status(struct relay *relay, const struct upstream_head *head)
{
    int status = head->status;
    auto_free char *text = NULL;
    if (status == 401 || status == 403) {
        text = xasprintf("the store refuses the farm's token for %s with %d",
                         relay->target.repository, status);
        status = 502;
    } else if (status == 404 || status == 410) {
        text = xasprintf("%s has no %s", relay->target.repository, relay->target.path);
    } else {
        auto_free char *words = store_words(head->text);
        text = xasprintf("the store answered %d for %s%s", status, relay->target.path, words);
        status = status >= 400 ? status : 502;
    }
    if (status >= 500)
        gateway_trouble(relay->gateway, relay->request, "failed", status);
    answer_error(relay->request, relay->target.type, status, text);
}

static void relay_end(struct relay *relay, const struct upstream_head *head)
{
    if (head->status == 304)
        http_answer_unchanged(relay->request, head->size_bytes);
    else if (head->status != 200)
        answer_status(relay, head);
    else if (is_head(relay))
        relay_tell(relay, head);
    else if (!relay->recorded)
        relay_record(relay, true);
    if (relay->told)
        http_wake(relay->request);
}

static void relay_ask(struct relay *relay);

static void on_rested(uv_timer_t *timer)
{
    relay_ask(container_of(timer, struct relay, rest));
}

/* Nothing was given yet, and it may come back: a build does not fail for a store that is started
 * again. */
static bool relay_rest(struct relay *relay, int rc)
{
    if (rc != -ERR_IO || relay->told || clock_mono_ms() >= relay->until_ms)
        return false;
    return uv_timer_start(&relay->rest, on_rested, REST_MS, 0) == 0;
}

static void on_done(void *ctx, int rc, const struct upstream_head *head, const struct err *err)
{
    struct relay *relay = ctx;
    relay->upstream = NULL;
    if (rc == 0 && head->status == 503 && relay_rest(relay, -ERR_IO))
        return;
    if (rc == 0) {
        relay_end(relay, head);
        return;
    }
    if (relay_rest(relay, rc))
        return;
    gateway_trouble(relay->gateway, relay->request, "failed", 502);
    log_warn("gateway", "store failed, cutting the download", "path=%s error=\"%s\"",
             relay->target.path, err->text);
    if (relay->told)
        relay_break(relay);
    else
        answer_error(relay->request, relay->target.type, 502, err->text);
}

/* --- life --- */

static void on_rest_closed(uv_handle_t *handle)
{
    struct relay *relay = container_of(handle, struct relay, rest);
    hasher_free(relay->hasher);
    buf_done(&relay->held);
    free(relay);
}

static void on_closed(struct http_request *request, void *state, bool whole)
{
    struct relay *relay = state;
    (void)request;
    (void)whole;
    if (relay->upstream)
        upstream_cancel(relay->upstream);
    uv_close((uv_handle_t *)&relay->rest, on_rest_closed);
}

static void relay_ask(struct relay *relay)
{
    struct gateway *gateway = relay->gateway;
    struct http_request *request = relay->request;
    auto_free char *url =
        xasprintf("%s%s", gateway->config.store_url, http_path(request) + strlen(RULES_BASE));
    int64_t left = gateway->config.bytes_max - gateway->bytes;
    struct upstream_request wanted = {
        .url = url,
        .head = is_head(relay),
        .header = gateway->header,
        .accept = http_header(request, "Accept"),
        .credentials = gateway->credentials,
        .etag = http_header(request, "If-None-Match"),
        .modified = http_header(request, "If-Modified-Since"),
        .bytes_max = left > 0 ? left : 1,
        .on_head = on_head,
        .on_data = on_data,
        .on_done = on_done,
        .ctx = relay,
    };
    relay->upstream = upstream_start(gateway->upstreams, &wanted);
}

void relay_start(struct gateway *gateway, struct http_request *request,
                 const struct rules_target *target)
{
    struct relay *relay = xcalloc(1, sizeof *relay);
    *relay = (struct relay){ .gateway = gateway,
                             .request = request,
                             .target = *target,
                             .hasher = hasher_new_sha256(),
                             .until_ms = clock_mono_ms() + AWAY_MS,
                             .size = -1 };
    buf_init(&relay->held, HELD_MAX);
    uv_timer_init(gateway->loop, &relay->rest);
    http_set_state(request, relay, on_closed);
    relay_ask(relay);
}
