/* http_conn.c - connections: what libmicrohttpd does not watch.
 *
 *   connect --> without a head --whole head--> request --answered--> without a head …
 *                    | for idle_ms, however slowly it comes: cut
 *
 * While a request is suspended libmicrohttpd does not look at its socket, and in
 * a body it misses an end that came with the last data (its edge-triggered event
 * tells of both at once): a uv_poll_t beside it tells when the client leaves.  A connection that is
 * closed with a body unread is read on for a while (as nginx's lingering_close), since a reset
 * would take the answer from the client. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/serve/http_own.h"
#include "sos/base/clock.h"

struct farewell {
    struct http *http;
    struct list link;
    uv_poll_t poll;
    int fd;
    int64_t until_ms;
};

/* --- its life --- */

static struct http_conn *conn_new(struct http *http, struct MHD_Connection *connection)
{
    struct http_conn *conn = xcalloc(1, sizeof *conn);

    conn->http = http;
    conn->connection = connection;
    conn->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    list_init(&conn->link);
    list_init(&conn->unsure_link);
    http_conn_head_begins(conn);
    return conn;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(container_of(handle, struct http_conn, poll));
}

void http_on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        ((struct http *)ctx)->stats.connections++;
        *socket_context = conn_new(ctx, connection);
        return;
    }
    struct http_conn *conn = *socket_context;
    /* At its cap libmicrohttpd looks away from the listening socket, and looks there again only
     * when it is run for the next time: which nothing else may bring about. */
    if (!conn->http->stopping)
        http_run_soon(conn->http);
    http_conn_head_ends(conn);
    if (conn->has_poll)
        uv_close((uv_handle_t *)&conn->poll, on_poll_closed); /* before its socket is closed */
    else
        free(conn);
}

/* --- heads --- */

/* An end that came with the request's last byte was in an event that is gone.  It is looked for
 * when no new head has come for a while: on a busy connection that head tells that it is open. */
static bool conn_has_ended(const struct http_conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void http_conn_head_begins(struct http_conn *conn)
{
    conn->since_ms = clock_mono_ms();
    list_remove(&conn->link);
    list_append(&conn->http->headless, &conn->link);
    list_remove(&conn->unsure_link);
    list_append(&conn->http->unsure, &conn->unsure_link);
    http_sweep_schedule(conn->http);
}

void http_conn_head_ends(struct http_conn *conn)
{
    list_remove(&conn->link);
    list_remove(&conn->unsure_link);
}

/* --- clients that leave --- */

static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct http_conn *conn = container_of(poll, struct http_conn, poll);

    (void)status;
    (void)events;
    http_conn_unwatch(conn);
    if (conn->request)
        http_on_gone(conn->request);
}

void http_conn_watch(struct http_conn *conn)
{
    if (conn->watched || conn->gone)
        return;
    if (!conn->has_poll)
        conn->has_poll = uv_poll_init(conn->http->loop, &conn->poll, conn->fd) == 0;
    if (conn->has_poll)
        conn->watched = uv_poll_start(&conn->poll, UV_DISCONNECT, on_gone) == 0;
}

void http_conn_unwatch(struct http_conn *conn)
{
    if (conn->watched)
        uv_poll_stop(&conn->poll);
    conn->watched = false;
}

void http_conn_end(struct http_conn *conn)
{
    shutdown(conn->fd, SHUT_RD);
}

/* --- lingering closes --- */

static void on_linger_closed(uv_handle_t *handle)
{
    struct farewell *farewell = container_of(handle, struct farewell, poll);

    close(farewell->fd);
    free(farewell);
}

static void linger_end(struct farewell *farewell)
{
    list_remove(&farewell->link);
    farewell->http->lingering_count--;
    uv_close((uv_handle_t *)&farewell->poll, on_linger_closed);
}

static void on_linger(uv_poll_t *poll, int status, int events)
{
    struct farewell *farewell = container_of(poll, struct farewell, poll);
    char dropped[16384];

    (void)events;
    ssize_t len = status < 0 ? 0 : read(farewell->fd, dropped, sizeof dropped);
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
        linger_end(farewell);
}

void http_conn_linger(struct http_conn *conn)
{
    struct http *http = conn->http;

    if (http->stopping || http->lingering_count >= HTTP_LINGER_MAX)
        return;
    int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    shutdown(fd, SHUT_WR); /* which its close would not do while we have it */
    struct farewell *farewell = xcalloc(1, sizeof *farewell);
    farewell->http = http;
    farewell->fd = fd;
    farewell->until_ms = clock_mono_ms() + HTTP_LINGER_MS;
    list_append(&http->lingering, &farewell->link);
    http->lingering_count++;
    if (uv_poll_init(http->loop, &farewell->poll, fd) != 0)
        abort();
    uv_poll_start(&farewell->poll, UV_READABLE, on_linger);
    http_sweep_schedule(http);
}

void http_linger_stop(struct http *http)
{
    list_each (link, &http->lingering)
        linger_end(list_item(link, struct farewell, link));
}

/* --- deadlines --- */

void http_conn_sweep(struct http *http, int64_t now_ms)
{
    list_each (link, &http->unsure) {
        struct http_conn *conn = list_item(link, struct http_conn, unsure_link);
        if (conn->since_ms + HTTP_ENDED_MS > now_ms)
            break;
        list_remove(&conn->unsure_link);
        if (conn_has_ended(conn))
            http_conn_end(conn);
    }
    list_each (link, &http->headless) {
        struct http_conn *conn = list_item(link, struct http_conn, link);
        if (conn->since_ms + http->idle_ms > now_ms)
            break;
        list_remove(&conn->link);
        http_conn_end(conn);
    }
    list_each (link, &http->lingering) {
        struct farewell *farewell = list_item(link, struct farewell, link);
        if (farewell->until_ms > now_ms)
            break;
        linger_end(farewell);
    }
}

int64_t http_conn_deadline(const struct http *http)
{
    int64_t next = INT64_MAX;

    if (!list_empty(&http->headless))
        next = list_item(http->headless.next, struct http_conn, link)->since_ms + http->idle_ms;
    if (!list_empty(&http->unsure)) {
        int64_t look =
            list_item(http->unsure.next, struct http_conn, unsure_link)->since_ms + HTTP_ENDED_MS;
        next = look < next ? look : next;
    }
    if (!list_empty(&http->lingering)) {
        int64_t until = list_item(http->lingering.next, struct farewell, link)->until_ms;
        next = until < next ? until : next;
    }
    return next;
}
