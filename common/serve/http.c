/* http.c - start, the loop, stop, deadlines. */
#include "sos/serve/http.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/serve/http_own.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"

enum {
    CONNECTIONS_MAX = 10000,
    IDLE_MS = 60000,
    ANSWER_MS = HTTP_WAIT_MAX_MS + 10000,
    PEM_MAX = 1 << 20,
    RUNS_MAX = 8, /* of libmicrohttpd in one turn of the loop */
};

static void http_finish(struct http *http);

/* --- the loop --- */

/* Again in the next turn of the loop; an idle handle and not a timer of 0 ms, which libuv would run
 * again within the same turn. */
static void on_soon(uv_idle_t *idle);
static void on_timer(uv_timer_t *timer);

void http_run_soon(struct http *http)
{
    uv_idle_start(&http->soon, on_soon);
}

static void http_schedule(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    uv_timer_stop(&http->timer);
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES)
        return;
    if (wait_ms == 0)
        http_run_soon(http);
    else
        uv_timer_start(&http->timer, on_timer, wait_ms, 0);
}

/* It sends a part of a file at a time, and has more to do at once: so it is run again, a few times,
 * before the rest of the loop has its turn.
 *
 * A signal that comes while sendfile() runs makes it short: libmicrohttpd takes that for a full
 * socket and waits for an edge that never comes.  Children get their own mask from whoever spawns
 * them. */
static void daemon_run(struct http *http)
{
    sigset_t signals;
    sigset_t before;

    sigfillset(&signals);
    sigdelset(&signals, SIGSEGV);
    sigdelset(&signals, SIGBUS);
    sigdelset(&signals, SIGFPE);
    sigdelset(&signals, SIGILL);
    sigdelset(&signals, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    for (int turn = 0; turn < RUNS_MAX; turn++) {
        MHD_UNSIGNED_LONG_LONG wait_ms;
        MHD_run(http->daemon);
        if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void http_run(struct http *http)
{
    uv_idle_stop(&http->soon);
    daemon_run(http);
    if (http->stopping && list_empty(&http->requests))
        http_finish(http);
    else
        http_schedule(http);
}

static void on_soon(uv_idle_t *idle)
{
    http_run(container_of(idle, struct http, soon));
}

static void on_timer(uv_timer_t *timer)
{
    http_run(container_of(timer, struct http, timer));
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    http_run(container_of(poll, struct http, poll));
}

/* --- deadlines --- */

static int64_t sweep_deadline(const struct http *http)
{
    int64_t next = http_conn_deadline(http);

    if (!list_empty(&http->waiting)) {
        const struct list *oldest = http->waiting.next;
        int64_t due =
            list_item(oldest, struct http_request, wait_link)->wait_since_ms + http->answer_ms;
        next = due < next ? due : next;
    }
    return http->stopping && http->stop_ms < next ? http->stop_ms : next;
}

static void waiting_sweep(struct http *http, int64_t now_ms)
{
    list_each (link, &http->waiting) {
        struct http_request *request = list_item(link, struct http_request, wait_link);
        if (request->wait_since_ms + http->answer_ms > now_ms)
            break;
        http->stats.given_up++;
        log_error("http", "never answered, giving up", "request=%s method=%s path=%s", request->id,
                  request->method, request->path);
        http_give_up(request, "the request was not answered in time");
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct http *http = container_of(timer, struct http, sweep);
    int64_t now_ms = clock_mono_ms();

    http->sweep_ms = INT64_MAX;
    waiting_sweep(http, now_ms);
    http_conn_sweep(http, now_ms);
    if (http->stopping && now_ms >= http->stop_ms)
        http_finish(http);
    else
        http_sweep_schedule(http);
}

/* A timer that fires too early costs nothing: it is not moved when what it was for has gone. */
void http_sweep_schedule(struct http *http)
{
    int64_t next = sweep_deadline(http);

    if (http->cutting || next >= http->sweep_ms)
        return;
    int64_t wait_ms = next - clock_mono_ms();
    http->sweep_ms = next;
    uv_timer_start(&http->sweep, on_sweep, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* --- start --- */

static void on_panic(void *ctx, const char *file, unsigned line, const char *reason)
{
    (void)ctx;
    log_error("http", "libmicrohttpd gave up", "at=%s:%u reason=%s", file, line,
              reason ? reason : "");
    abort();
}

static void on_log(void *ctx, const char *format, va_list args)
{
    char text[256];

    (void)ctx;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(text, sizeof text, format, args);
#pragma GCC diagnostic pop
    text[strcspn(text, "\r\n")] = '\0';
    log_debug("http", "libmicrohttpd says", "text=%s", text);
}

static int pem_read(const char *path, struct buf *ret, struct err *err)
{
    buf_init(ret, PEM_MAX);
    return path ? fs_read(path, ret, err) : 0;
}

/* Turbo: a new connection is read from before its socket is watched, which saves the watching of a
 * short one, and is closed without a shutdown before; TLS would lose its goodbye by that. */
static void daemon_start(struct http *http, const struct http_config *config, const char *cert,
                         const char *key)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    int64_t idle_s = (http->idle_ms + 999) / 1000;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
        { MHD_OPTION_END, 0, NULL },
    };
    if (!cert)
        tls[0].option = MHD_OPTION_END;

    http->daemon = MHD_start_daemon(
        flags | (cert ? MHD_USE_TLS : MHD_USE_TURBO), 0, NULL, NULL, http_on_access, http,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, http, MHD_OPTION_ARRAY, tls, MHD_OPTION_LISTEN_SOCKET,
        http->listen_fd, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(config->connections_max ? config->connections_max : CONNECTIONS_MAX),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)config->connections_per_ip_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)idle_s, MHD_OPTION_UNESCAPE_CALLBACK,
        http_on_unescape, NULL, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        http_on_connection, http, MHD_OPTION_END);
}

static int http_open(struct http *http, const struct http_config *config, struct err *err)
{
    struct buf cert;
    struct buf key;

    int rc = pem_read(config->tls_cert_file, &cert, err);
    int rc_key = pem_read(config->tls_key_file, &key, err);
    rc = rc < 0 ? rc : rc_key;
    if (rc == 0)
        rc = http_listen(config, &http->listen_fd, &http->port, err);
    if (rc == 0) {
        daemon_start(http, config, config->tls_cert_file ? cert.data : NULL, key.data);
        if (!http->daemon) {
            close(http->listen_fd);
            rc = err_set(err, ERR_INVALID, "start the HTTP server: %s",
                         config->tls_cert_file ? "is the certificate right?" : "out of resources");
        }
    }
    buf_done(&cert);
    buf_done(&key);
    return rc;
}

static void http_poll(struct http *http)
{
    int fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

    if (uv_poll_init(http->loop, &http->poll, fd) != 0 ||
        uv_poll_start(&http->poll, UV_READABLE, on_poll) != 0)
        abort(); /* an epoll descriptor of our own */
    uv_idle_init(http->loop, &http->soon);
    uv_timer_init(http->loop, &http->timer);
    uv_timer_init(http->loop, &http->sweep);
    http_run(http);
}

static char *make_url(const struct http_config *config, int port)
{
    const char *scheme = config->tls_cert_file ? "https" : "http";

    if (config->address[0] == '/')
        return xasprintf("unix:%s", config->address);
    return xasprintf(strchr(config->address, ':') ? "%s://[%s]:%d" : "%s://%s:%d", scheme,
                     config->address, port);
}

int http_start(uv_loop_t *loop, const struct http_config *config, http_request_fn on_request,
               void *ctx, struct http **ret, struct err *err)
{
    struct http *http = xcalloc(1, sizeof *http);

    http->loop = loop;
    http->on_request = on_request;
    http->ctx = ctx;
    http->idle_ms = config->idle_ms ? config->idle_ms : IDLE_MS;
    http->answer_ms = config->answer_ms ? config->answer_ms : ANSWER_MS;
    http->sweep_ms = INT64_MAX;
    list_init(&http->requests);
    list_init(&http->waiting);
    list_init(&http->headless);
    list_init(&http->unsure);
    list_init(&http->lingering);
    MHD_set_panic_func(on_panic, NULL);
    signal(SIGPIPE, SIG_IGN);
    int rc = http_open(http, config, err);
    if (rc < 0) {
        free(http);
        return rc;
    }
    if (config->address[0] == '/')
        http->unix_path = xstrdup(config->address);
    http->url = make_url(config, http->port);
    http_poll(http);
    *ret = http;
    return 0;
}

int http_port(const struct http *http)
{
    return http->port;
}

const char *http_url(const struct http *http)
{
    return http->url;
}

void http_stats(const struct http *http, struct http_stats *ret)
{
    *ret = http->stats;
}

/* --- stop: answer what waits, let answers out, cut the rest --- */

void http_stop(struct http *http, void (*stopped)(void *ctx), void *ctx)
{
    assert(!http->stopping);
    http->stopping = true;
    http->stopped = stopped;
    http->stopped_ctx = ctx;
    http->stop_ms = clock_mono_ms() + HTTP_STOP_MS;
    close(MHD_quiesce_daemon(http->daemon));
    if (http->unix_path)
        unlink(http->unix_path);
    http_linger_stop(http);
    list_each (link, &http->waiting)
        http_give_up(list_item(link, struct http_request, wait_link), "the server is stopping");
    list_each (link, &http->requests) {
        struct http_request *request = list_item(link, struct http_request, link);
        if (request->state == HTTP_ANSWERING)
            http_resume(request);
    }
    http_run_soon(http); /* not inside a handler that stops us */
    http_sweep_schedule(http);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;

    if (--http->closing_handles > 0)
        return;
    if (http->stopped)
        http->stopped(http->stopped_ctx);
    free(http->unix_path);
    free(http->url);
    free(http);
}

static void http_finish(struct http *http)
{
    uv_handle_t *handles[] = { (uv_handle_t *)&http->poll, (uv_handle_t *)&http->soon,
                               (uv_handle_t *)&http->timer, (uv_handle_t *)&http->sweep };

    http->cutting = true;
    list_each (link, &http->requests)
        http_resume(list_item(link, struct http_request, link));
    uv_poll_stop(&http->poll);
    daemon_run(http);
    http->closing_handles = (int)countof(handles);
    for (size_t i = 0; i < countof(handles); i++) {
        handles[i]->data = http;
        uv_close(handles[i], on_handle_closed);
    }
    MHD_stop_daemon(http->daemon); /* panics if anything were suspended still */
}
