/* upstream_loop.c - libcurl's sockets and timer as handles of libuv, and the queues: of those that
 * wait for a place at their host, that rest before another try, and that were cancelled where
 * libcurl's functions must not be called. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/serve/upstream_own.h"
#include "sos/base/client.h"
#include "sos/base/clock.h"

enum { CONNECT_MS = 10000, IDLE_MS = 20000, TOTAL_MS = 3600 * 1000, PER_HOST = 16, KEPT = 64 };

/* --- libcurl's messages --- */

static void transfers_check(struct upstreams *upstreams)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(upstreams->multi, &left))) {
        struct upstream *upstream;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &upstream);
        upstream_ended(upstream, result);
    }
}

/* --- its timer --- */

static void on_timer(uv_timer_t *timer)
{
    struct upstreams *upstreams = timer->data;
    int running;

    curl_multi_socket_action(upstreams->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    transfers_check(upstreams);
}

/* Never 0: libuv would run that again within the same turn. */
static int timer_set(CURLM *multi, long wait_ms, void *ctx)
{
    struct upstreams *upstreams = ctx;

    (void)multi;
    if (upstreams->closing > 0)
        return 0;
    if (wait_ms < 0)
        uv_timer_stop(&upstreams->timer);
    else
        uv_timer_start(&upstreams->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 1, 0);
    return 0;
}

/* --- its sockets --- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct upstreams *upstreams = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    int running;
    uv_os_fd_t fd;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    if (uv_fileno((uv_handle_t *)poll, &fd) != 0)
        return;
    curl_multi_socket_action(upstreams->multi, fd, flags, &running);
    transfers_check(upstreams);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static uv_poll_t *poll_new(struct upstreams *upstreams, curl_socket_t fd)
{
    uv_poll_t *poll = xcalloc(1, sizeof *poll);

    if (uv_poll_init_socket(upstreams->loop, poll, fd) != 0)
        abort(); /* a socket of our own that nobody else watches */
    poll->data = upstreams;
    curl_multi_assign(upstreams->multi, fd, poll);
    return poll;
}

static int socket_set(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct upstreams *upstreams = ctx;
    uv_poll_t *poll = socket_ctx;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (poll)
            uv_close((uv_handle_t *)poll, on_poll_closed);
        curl_multi_assign(upstreams->multi, fd, NULL);
        return 0;
    }
    if (!poll)
        poll = poll_new(upstreams, fd);
    uv_poll_start(poll,
                  (what & CURL_POLL_IN ? UV_READABLE : 0) |
                      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_poll);
    return 0;
}

/* --- the queues --- */

static struct upstream_host *host_find(struct upstreams *upstreams, const char *url)
{
    const char *scheme = strstr(url, "://");
    size_t len = scheme ? (size_t)(scheme + 3 - url) : 0;

    len += strcspn(url + len, "/?#");
    list_each (link, &upstreams->hosts) {
        struct upstream_host *host = list_item(link, struct upstream_host, link);
        if (strlen(host->name) == len && memcmp(host->name, url, len) == 0)
            return host;
    }
    struct upstream_host *host = xcalloc(1, sizeof *host + len + 1);
    memcpy(host->name, url, len);
    list_init(&host->waiting);
    list_append(&upstreams->hosts, &host->link);
    return host;
}

static void host_turn(struct upstreams *upstreams, struct upstream_host *host)
{
    while (host->active < upstreams->config.per_host_max && !list_empty(&host->waiting)) {
        struct upstream *upstream = list_item(list_pop(&host->waiting), struct upstream, link);
        upstream->queued = false;
        host->active++;
        upstream_begin(upstream);
    }
    if (host->active > 0 || !list_empty(&host->waiting))
        return;
    list_remove(&host->link);
    free(host);
}

static void hosts_turn(struct upstreams *upstreams)
{
    list_each (link, &upstreams->hosts)
        host_turn(upstreams, list_item(link, struct upstream_host, link));
}

static void on_kick(uv_timer_t *timer);

static void kick_in(struct upstreams *upstreams, int64_t wait_ms)
{
    uint64_t wait = wait_ms > 0 ? (uint64_t)wait_ms : 1;

    if (uv_is_active((uv_handle_t *)&upstreams->kick) &&
        uv_timer_get_due_in(&upstreams->kick) <= wait)
        return;
    uv_timer_start(&upstreams->kick, on_kick, wait, 0);
}

static void on_kick(uv_timer_t *timer)
{
    struct upstreams *upstreams = timer->data;
    int64_t now_ms = clock_mono_ms();

    for (struct list *link; (link = list_pop(&upstreams->doomed));)
        upstream_free(list_item(link, struct upstream, link));
    list_each (link, &upstreams->resting) {
        struct upstream *upstream = list_item(link, struct upstream, link);
        if (upstream->due_ms > now_ms) {
            kick_in(upstreams, upstream->due_ms - now_ms);
            continue;
        }
        list_remove(link);
        upstream_begin(upstream);
    }
    hosts_turn(upstreams);
}

void upstream_queue(struct upstream *upstream)
{
    struct upstreams *upstreams = upstream->upstreams;

    upstream->host = host_find(upstreams, upstream->url);
    upstream->queued = true;
    list_append(&upstream->host->waiting, &upstream->link);
    kick_in(upstreams, 0);
}

void upstream_leave_host(struct upstream *upstream)
{
    list_remove(&upstream->link);
    if (!upstream->queued)
        upstream->host->active--;
    kick_in(upstream->upstreams, 0);
}

/* It keeps its place meanwhile. */
void upstream_rest(struct upstream *upstream, int64_t wait_ms)
{
    upstream->due_ms = clock_mono_ms() + wait_ms;
    list_append(&upstream->upstreams->resting, &upstream->link);
    kick_in(upstream->upstreams, wait_ms);
}

void upstream_doom(struct upstream *upstream)
{
    list_remove(&upstream->link);
    if (upstream->queued) {
        upstream->queued = false;
        upstream->host->active++; /* as those that run: its end takes it back */
    }
    list_append(&upstream->upstreams->doomed, &upstream->link);
    kick_in(upstream->upstreams, 0);
}

/* --- start and stop --- */

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct upstreams *upstreams_new(uv_loop_t *loop, const struct upstreams_config *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct upstreams *upstreams = xcalloc(1, sizeof *upstreams);
    struct upstreams_config *own = &upstreams->config;

    pthread_once(&once, curl_start);
    upstreams->loop = loop;
    *own = *config;
    own->connect_ms = own->connect_ms ? own->connect_ms : CONNECT_MS;
    own->idle_ms = own->idle_ms ? own->idle_ms : IDLE_MS;
    own->total_ms = own->total_ms ? own->total_ms : TOTAL_MS;
    own->per_host_max = own->per_host_max ? own->per_host_max : PER_HOST;
    own->ca_file = upstreams->ca_file = xstrdup(own->ca_file);
    upstreams->no_proxy = client_no_proxy();
    list_init(&upstreams->hosts);
    list_init(&upstreams->resting);
    list_init(&upstreams->doomed);
    upstreams->multi = curl_multi_init();
    if (!upstreams->multi)
        abort(); /* out of memory */
    curl_multi_setopt(upstreams->multi, CURLMOPT_SOCKETFUNCTION, socket_set);
    curl_multi_setopt(upstreams->multi, CURLMOPT_SOCKETDATA, upstreams);
    curl_multi_setopt(upstreams->multi, CURLMOPT_TIMERFUNCTION, timer_set);
    curl_multi_setopt(upstreams->multi, CURLMOPT_TIMERDATA, upstreams);
    curl_multi_setopt(upstreams->multi, CURLMOPT_MAXCONNECTS, (long)KEPT);
    uv_timer_init(loop, &upstreams->timer);
    uv_timer_init(loop, &upstreams->kick);
    upstreams->timer.data = upstreams->kick.data = upstreams;
    return upstreams;
}

static void on_closed(uv_handle_t *handle)
{
    struct upstreams *upstreams = handle->data;

    if (--upstreams->closing > 0)
        return;
    if (upstreams->closed)
        upstreams->closed(upstreams->closed_ctx);
    free(upstreams->ca_file);
    free(upstreams->no_proxy);
    free(upstreams);
}

void upstreams_close(struct upstreams *upstreams, void (*closed)(void *ctx), void *ctx)
{
    for (struct list *link; (link = list_pop(&upstreams->doomed));)
        upstream_free(list_item(link, struct upstream, link));
    hosts_turn(upstreams);
    assert(upstreams->open == 0 && upstreams->inside == 0);
    upstreams->closed = closed;
    upstreams->closed_ctx = ctx;
    upstreams->closing = 2;
    curl_multi_cleanup(upstreams->multi);
    uv_close((uv_handle_t *)&upstreams->timer, on_closed);
    uv_close((uv_handle_t *)&upstreams->kick, on_closed);
}
