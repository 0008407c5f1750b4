/* echo_server.c - every way a handler may answer, for the scripts beside it.
 *
 *   echo_server ADDRESS [CERT KEY]     prints its port, serves, stops at SIGTERM; requests are
 *                                      given up after $ANSWER_MS, connections end after $IDLE_MS,
 *                                      of which there are $CONNECTIONS_MAX at most
 *
 *   GET  /hello           "hello"
 *   GET  /echo/…          what the handler sees of the request, one line each
 *   POST /collect?max=N   the body again
 *   PUT  /stream?ms=N     length and sum of the body; each chunk is held for N ms
 *   PUT  /refuse?ms=N     403 before the body, at once or N ms later
 *   GET  /full            507
 *   PUT  /late            403 in the middle of the body
 *   PUT  /later?ms=N      asks for the body N ms later and gives its length
 *   PUT  /given-up?ms=N[&whole]   as SIGTERM N ms later, and only then asks for the body
 *   GET  /unchanged?size=N   304 of so many bytes; -1: nobody knows
 *   GET  /same?size=N     an answer made once, and given until another size is asked for
 *   GET  /wait            long poll; POST /release answers them all
 *   GET  /never           no answer
 *   GET  /file?size=N     bytes from a file, with ranges
 *   GET  /pull?size=N&known=0|1&ms=N&break=N   bytes that come in time
 *   GET  /stats           counters of the server and of this program
 *   POST /stop            as SIGTERM
 */
#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/list.h"
#include "sos/serve/http.h"
#include "sos/serve/problem.h"

struct echo {
    uv_loop_t loop;
    uv_signal_t term;
    struct http *http;
    struct list waiting;
    struct http_reply *same; /* made for the last size that was asked for */
    int64_t same_size;
    int64_t closed_whole;
    int64_t closed_cut;
};

/* What a slow handler keeps for its request. */
struct slow {
    struct echo *echo;
    struct http_request *request;
    struct list link;
    uv_timer_t timer;
    int64_t ms;
    int64_t len;
    int64_t sum;
    int64_t size;
    int64_t break_at;
    bool due;
    void (*then)(struct slow *slow);
};

static int64_t number(struct http_request *request, const char *name, int64_t fallback)
{
    const char *text = http_query(request, name);
    return text ? strtoll(text, NULL, 10) : fallback;
}

static void on_slow_freed(uv_handle_t *handle)
{
    free(container_of(handle, struct slow, timer));
}

static void on_slow_closed(struct http_request *request, void *state, bool whole)
{
    struct slow *slow = state;

    (void)request;
    if (whole)
        slow->echo->closed_whole++;
    else
        slow->echo->closed_cut++;
    list_remove(&slow->link);
    uv_close((uv_handle_t *)&slow->timer, on_slow_freed);
}

static struct slow *slow_new(struct echo *echo, struct http_request *request)
{
    struct slow *slow = xcalloc(1, sizeof *slow);

    slow->echo = echo;
    slow->request = request;
    slow->ms = number(request, "ms", 0);
    slow->size = number(request, "size", 0);
    slow->break_at = number(request, "break", -1);
    list_init(&slow->link);
    uv_timer_init(&echo->loop, &slow->timer);
    http_set_state(request, slow, on_slow_closed);
    return slow;
}

static void on_slow(uv_timer_t *timer)
{
    struct slow *slow = container_of(timer, struct slow, timer);
    slow->then(slow);
}

static void slow_after(struct slow *slow, void (*then)(struct slow *slow))
{
    slow->then = then;
    if (slow->ms == 0)
        then(slow);
    else
        uv_timer_start(&slow->timer, on_slow, (uint64_t)slow->ms, 0);
}

/* --- bodies --- */

static void on_collected(struct http_request *request, const char *body, size_t len)
{
    http_answer(request, 200, "application/octet-stream", body, len);
}

static void chunk_continue(struct slow *slow)
{
    http_continue(slow->request);
}

static void on_chunk(struct http_request *request, const char *data, size_t len)
{
    struct slow *slow = http_state(request);

    slow->len += (int64_t)len;
    for (size_t i = 0; i < len; i++)
        slow->sum += (unsigned char)data[i];
    slow_after(slow, chunk_continue);
}

static void on_stream_end(struct http_request *request)
{
    struct slow *slow = http_state(request);
    auto_free char *text = xasprintf("%lld %lld\n", (long long)slow->len, (long long)slow->sum);

    http_answer_text(request, 201, text);
}

static void refuse(struct slow *slow)
{
    struct err err = { 0 };

    err_set(&err, ERR_DENIED, "refused");
    err_hint(&err, "do not ask");
    problem_answer(slow->request, &err);
}

static void on_late_chunk(struct http_request *request, const char *data, size_t len)
{
    (void)data;
    (void)len;
    refuse(http_state(request));
    http_continue(request);
}

static void stream_later(struct slow *slow)
{
    slow->ms = 0;
    http_stream(slow->request, on_chunk, on_stream_end);
}

static void on_term(uv_signal_t *signal, int number_of);

static void stop_and_stream(struct slow *slow)
{
    on_term(&slow->echo->term, SIGTERM);
    http_stream(slow->request, on_chunk, on_stream_end);
}

static void stop_and_collect(struct slow *slow)
{
    on_term(&slow->echo->term, SIGTERM);
    http_collect(slow->request, 1 << 20, on_collected);
}

/* --- answers --- */

static void answer_echo(struct http_request *request)
{
    struct buf text;
    const char *q = http_query(request, "q");
    const char *decoded = http_decode(request, http_path(request), strlen(http_path(request)));

    buf_init(&text, 1 << 16);
    buf_printf(&text, "method %s\npath %s\nquery %s\nq %s\ndecoded %s\n", http_method(request),
               http_path(request), http_raw_query(request), q ? q : "-", decoded ? decoded : "-");
    buf_printf(&text, "peer %s\nid %s\nwait %lld\nlength %lld\n", http_peer(request),
               http_request_id(request), (long long)http_prefer_wait_ms(request),
               (long long)http_content_length(request));
    http_set_header(request, "X-Bad", "a\r\nX-Injected: 1");
    http_set_header(request, "X-Good", "yes");
    http_answer_text(request, 200, text.data);
    buf_done(&text);
}

static char pattern_byte(int64_t at)
{
    return (char)('a' + at % 23);
}

static int pattern_file(int64_t size)
{
    int fd = memfd_create("pattern", MFD_CLOEXEC);
    auto_free char *bytes = xmalloc((size_t)size + 1);

    for (int64_t i = 0; i < size; i++)
        bytes[i] = pattern_byte(i);
    ssize_t written = write(fd, bytes, (size_t)size);
    assert(written == size);
    return fd;
}

static void answer_file(struct http_request *request)
{
    int64_t size = number(request, "size", 1000);
    int64_t offset = 0;
    int64_t len = size;
    int part = http_range(request, size, &offset, &len);
    auto_free char *range = xasprintf("bytes %lld-%lld/%lld", (long long)offset,
                                      (long long)(offset + len - 1), (long long)size);

    if (part < 0) {
        problem_answer_status(request, 416, &(struct err){ .code = ERR_INVALID });
        return;
    }
    if (part > 0)
        http_set_header(request, "Content-Range", range);
    http_answer_file(request, part ? 206 : 200, "application/octet-stream", pattern_file(size),
                     offset, len);
}

static void answer_same(struct echo *echo, struct http_request *request)
{
    int64_t size = number(request, "size", 1000);

    if (!echo->same || echo->same_size != size) {
        char *bytes = xmalloc((size_t)size + 1);
        for (int64_t i = 0; i < size; i++)
            bytes[i] = pattern_byte(i);
        http_reply_free(echo->same);
        echo->same = http_reply_new(200, "text/plain", bytes, (size_t)size);
        echo->same_size = size;
        http_reply_set_header(echo->same, "X-Good", "yes");
        http_reply_set_header(echo->same, "X-Bad", "a\r\nX-Injected: 1");
    }
    http_answer_reply(request, echo->same);
}

static void pull_due(struct slow *slow)
{
    slow->due = true;
    http_wake(slow->request);
}

static long on_pull(void *ctx, char *room, size_t len)
{
    struct slow *slow = ctx;

    if (slow->break_at >= 0 && slow->len >= slow->break_at)
        return HTTP_BROKEN;
    if (slow->len == slow->size)
        return HTTP_END;
    if (slow->ms > 0 && !slow->due) {
        slow_after(slow, pull_due);
        return 0;
    }
    slow->due = false;
    int64_t left = slow->size - slow->len;
    long count = (long)((int64_t)len < left ? (int64_t)len : left);
    for (long i = 0; i < count; i++)
        room[i] = pattern_byte(slow->len + i);
    slow->len += count;
    return count;
}

static void answer_stats(struct echo *echo, struct http_request *request)
{
    struct http_stats stats;

    http_stats(echo->http, &stats);
    auto_free char *text = xasprintf(
        "connections %lld\nrequests %lld\nopen %lld\ngiven_up %lld\nwhole %lld\ncut %lld\n",
        (long long)stats.connections, (long long)stats.requests, (long long)stats.open,
        (long long)stats.given_up, (long long)echo->closed_whole, (long long)echo->closed_cut);
    http_answer_text(request, 200, text);
}

static void answer_release(struct echo *echo, struct http_request *request)
{
    int count = 0;

    for (struct list *link; (link = list_pop(&echo->waiting)); count++)
        http_answer_text(list_item(link, struct slow, link)->request, 200, "released\n");
    auto_free char *text = xasprintf("%d\n", count);
    http_answer_text(request, 200, text);
}

static void on_stopped(void *ctx)
{
    struct echo *echo = ctx;
    uv_close((uv_handle_t *)&echo->term, NULL);
}

static void on_term(uv_signal_t *signal, int number_of)
{
    struct echo *echo = container_of(signal, struct echo, term);

    (void)number_of;
    uv_signal_stop(signal);
    http_stop(echo->http, on_stopped, echo);
}

static void route_body(struct echo *echo, struct http_request *request, const char *path)
{
    struct slow *slow = slow_new(echo, request);

    if (strcmp(path, "/stream") == 0)
        http_stream(request, on_chunk, on_stream_end);
    else if (strcmp(path, "/refuse") == 0)
        slow_after(slow, refuse);
    else if (strcmp(path, "/late") == 0)
        http_stream(request, on_late_chunk, on_stream_end);
    else if (strcmp(path, "/later") == 0)
        slow_after(slow, stream_later);
    else if (strcmp(path, "/given-up") == 0)
        slow_after(slow, http_query(request, "whole") ? stop_and_collect : stop_and_stream);
    else if (strcmp(path, "/wait") == 0)
        list_append(&echo->waiting, &slow->link);
    else if (strcmp(path, "/pull") == 0)
        http_answer_pull(request, 200, "text/plain", number(request, "known", 0) ? slow->size : -1,
                         on_pull, slow);
    else if (strcmp(path, "/never") != 0)
        problem_answer(request, &(struct err){ .code = ERR_NOT_FOUND, .text = "nothing here" });
}

static void on_request(void *ctx, struct http_request *request)
{
    struct echo *echo = ctx;
    const char *path = http_path(request);

    if (strcmp(path, "/hello") == 0)
        http_answer_text(request, 200, "hello");
    else if (strcmp(path, "/full") == 0)
        problem_answer(request, &(struct err){ .code = ERR_FULL, .text = "no room" });
    else if (strcmp(path, "/unchanged") == 0)
        http_answer_unchanged(request, number(request, "size", 1000));
    else if (strcmp(path, "/same") == 0)
        answer_same(echo, request);
    else if (strncmp(path, "/echo", 5) == 0)
        answer_echo(request);
    else if (strcmp(path, "/collect") == 0)
        http_collect(request, (size_t)number(request, "max", HTTP_JSON_MAX), on_collected);
    else if (strcmp(path, "/file") == 0)
        answer_file(request);
    else if (strcmp(path, "/stats") == 0)
        answer_stats(echo, request);
    else if (strcmp(path, "/release") == 0)
        answer_release(echo, request);
    else if (strcmp(path, "/stop") == 0) {
        http_answer_text(request, 200, "stopping\n");
        on_term(&echo->term, SIGTERM);
    } else {
        route_body(echo, request, path);
    }
}

static int64_t variable(const char *name, int64_t fallback)
{
    const char *text = getenv(name);
    return text ? atoll(text) : fallback;
}

int main(int argc, char **argv)
{
    struct echo echo = { 0 };
    struct err err = { 0 };
    const struct http_config config = { .address = argv[1],
                                        .tls_cert_file = argc > 3 ? argv[2] : NULL,
                                        .tls_key_file = argc > 3 ? argv[3] : NULL,
                                        .idle_ms = variable("IDLE_MS", 2000),
                                        .answer_ms = variable("ANSWER_MS", 0),
                                        .connections_max = (int)variable("CONNECTIONS_MAX", 0) };

    list_init(&echo.waiting);
    uv_loop_init(&echo.loop);
    uv_signal_init(&echo.loop, &echo.term);
    uv_signal_start(&echo.term, on_term, SIGTERM);
    if (http_start(&echo.loop, &config, on_request, &echo, &echo.http, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%d\n", http_port(echo.http));
    fflush(stdout);
    uv_run(&echo.loop, UV_RUN_DEFAULT);
    http_reply_free(echo.same);
    return uv_loop_close(&echo.loop) == 0 ? 0 : 2;
}
