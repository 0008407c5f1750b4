#include "sos/base/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/unit.h"

/* A server that says what it was told to, whatever it is asked: one answer for each connection,
 * sent once the request's head and `body_len` bytes of its body have come. */
struct server {
    int listener;
    pthread_t thread;
    char url[64];
    const char *const *answers; /* NULL-terminated; "" hangs up without one */
    size_t body_len;
    bool keep;       /* all answers on one connection */
    bool hold;       /* send the answer, then wait for the other side to leave */
    struct buf seen; /* all that was asked */
};

static void take_request(struct server *s, int fd)
{
    char part[65536];
    size_t start = s->seen.len, head = 0;
    for (;;) {
        const char *end = s->seen.len > start
                              ? memmem(s->seen.data + start, s->seen.len - start, "\r\n\r\n", 4)
                              : NULL;
        head = end ? (size_t)(end - s->seen.data) + 4 : 0;
        if (head && s->seen.len - head >= s->body_len)
            return;
        if (head && memmem(s->seen.data + start, head - start, "100-continue", 12) &&
            s->seen.len == head &&
            write(fd, "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\n", 38) != 38)
            return;
        ssize_t got = read(fd, part, sizeof(part));
        if (got <= 0)
            return;
        assert_int_equal(buf_add(&s->seen, part, (size_t)got), 0);
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd = -1;
    for (size_t i = 0; s->answers[i]; i++) {
        if (fd < 0)
            fd = accept(s->listener, NULL, NULL);
        take_request(s, fd);
        size_t len = strlen(s->answers[i]);
        if (send(fd, s->answers[i], len, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
            errno != ECONNRESET) /* a client that gave up */
            abort();
        if (s->hold)
            poll(&(struct pollfd){ fd, POLLRDHUP, 0 }, 1, -1);
        if (!s->keep) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void server_start(struct server *s, const char *const *answers)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/x", ntohs(address.sin_port));
    buf_init(&s->seen, 64 << 20);
    s->answers = answers;
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
    buf_done(&s->seen);
}

#define ANSWERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void an_answer_has_status_headers_and_body(void **state)
{
    struct server s = { 0 };
    struct client_answer answer;
    struct err err;
    (void)state;
    server_start(&s, ANSWERS("HTTP/1.1 201 Created\r\nETag: \"7\"\r\nX-Empty:\r\netag: \"8\"\r\n"
                             "Content-Length: 5\r\n\r\nhello"));
    struct client *client = client_new("sos_secret", NULL);
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    request.headers = ANSWERS("X-Mine: yes");
    assert_ok(client_do(client, &request, &answer, &err), err);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body.data, "hello");
    assert_string_equal(client_header(&answer, "etag"), "\"7\"");
    assert_string_equal(client_header(&answer, "x-empty"), "");
    assert_null(client_header(&answer, "x"));
    assert_null(client_header(&answer, "ETa"));
    client_answer_done(&answer);
    client_free(client);
    pthread_join(s.thread, NULL);
    assert_non_null(strstr(s.seen.data, "GET /x HTTP/1.1\r\n"));
    assert_non_null(strstr(s.seen.data, "\r\nX-Mine: yes\r\n"));
    assert_non_null(strstr(s.seen.data, "\r\nAuthorization: Bearer sos_secret\r\n"));
    assert_non_null(strstr(s.seen.data, "\r\nUser-Agent: sos/"));
    close(s.listener);
    buf_done(&s.seen);
}

static void an_answer_that_is_cut_short_is_none(void **state)
{
    static const char *const cut[] = {
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "hello\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < countof(cut); i++) {
        struct server s = { 0 };
        struct client_answer answer;
        struct err err;
        server_start(&s, ANSWERS(cut[i]));
        struct client *client = client_new(NULL, NULL);
        struct client_request request = CLIENT_REQUEST("GET", s.url);
        if (client_do(client, &request, &answer, &err) != -ERR_IO)
            fail_msg("case %zu is an answer", i);
        client_free(client);
        server_stop(&s);
    }
}

/* --- bodies that go out --- */

static void ask(struct server *s, struct client_request *request, const char *const *answers,
                int want_status)
{
    struct client_answer answer;
    struct err err;
    server_start(s, answers);
    request->url = s->url;
    struct client *client = client_new(NULL, NULL);
    assert_ok(client_do(client, request, &answer, &err), err);
    assert_int_equal(answer.status, want_status);
    client_answer_done(&answer);
    client_free(client);
    pthread_join(s->thread, NULL);
}

static void assert_sent(struct server *s, const char *head, const char *body, size_t len)
{
    assert_non_null(strstr(s->seen.data, head));
    assert_true(s->seen.len >= len);
    assert_memory_equal(s->seen.data + s->seen.len - len, body, len);
    close(s->listener);
    buf_done(&s->seen);
}

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

static void bytes_go_out_with_their_length_and_no_type_of_ours(void **state)
{
    struct server s = { .body_len = 4 };
    struct client_request request = CLIENT_REQUEST("PATCH", NULL);
    (void)state;
    request.body = "{\0}\n";
    request.body_len = 4;
    ask(&s, &request, ANSWERS(NO_CONTENT), 204);
    assert_non_null(strstr(s.seen.data, "PATCH /x HTTP/1.1\r\n"));
    assert_null(strstr(s.seen.data, "Content-Type"));
    assert_null(strstr(s.seen.data, "Expect"));
    assert_sent(&s, "\r\nContent-Length: 4\r\n", "{\0}\n", 4);
}

static void a_post_without_a_body_says_so(void **state)
{
    struct server s = { 0 };
    struct client_request request = CLIENT_REQUEST("POST", NULL);
    (void)state;
    ask(&s, &request, ANSWERS(NO_CONTENT), 204);
    assert_sent(&s, "\r\nContent-Length: 0\r\n", "\r\n\r\n", 4);
}

static void a_get_and_a_delete_have_none(void **state)
{
    static const char *const methods[] = { "GET", "DELETE", "HEAD" };
    (void)state;
    for (size_t i = 0; i < countof(methods); i++) {
        struct server s = { 0 };
        struct client_request request = CLIENT_REQUEST(methods[i], NULL);
        ask(&s, &request, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 200);
        assert_null(strstr(s.seen.data, "Content-Length"));
        assert_null(strstr(s.seen.data, "Transfer-Encoding"));
        assert_sent(&s, methods[i], "\r\n\r\n", 4);
    }
}

static int file_of(const char *data, size_t len)
{
    int fd = memfd_create("body", MFD_CLOEXEC);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    return fd; /* its offset is at the end: it is sent from its start all the same */
}

static void a_large_file_goes_out_once_the_server_wants_it(void **state)
{
    size_t len = 3 << 20;
    auto_free char *data = xmalloc(len);
    struct server s = { .body_len = len };
    struct client_request request = CLIENT_REQUEST("PUT", NULL);
    (void)state;
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i % 251);
    auto_close int fd = file_of(data, len);
    request.body_fd = fd;
    request.body_fd_len = (int64_t)len;
    ask(&s, &request, ANSWERS("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"), 201);
    assert_non_null(strstr(s.seen.data, "\r\nExpect: 100-continue\r\n"));
    assert_sent(&s, "\r\nContent-Length: 3145728\r\n", data, len);
}

static void a_file_that_shrank_fails_instead_of_hanging(void **state)
{
    struct server s = { .body_len = 10 };
    struct client_answer answer;
    struct err err;
    (void)state;
    auto_close int fd = file_of("12345", 5);
    server_start(&s, ANSWERS(""));
    struct client_request request = CLIENT_REQUEST("PUT", s.url);
    request.body_fd = fd;
    request.body_fd_len = 10;
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_IO);
    assert_string_equal(err.reason, "STOPPED");
    client_free(client);
    server_stop(&s);
}

struct drip {
    int left;
    int then; /* what is returned when none is left */
};

static long drip(void *ctx, void *room, size_t room_len)
{
    struct drip *d = ctx;
    assert_true(room_len >= 3);
    if (d->left == 0)
        return d->then;
    d->left--;
    memcpy(room, "abc", 3);
    return 3;
}

static void a_body_of_unknown_length_goes_out_in_chunks(void **state)
{
    struct drip d = { .left = 2 };
    struct server s = { .body_len = 2 * 8 + 5 };
    struct client_request request = CLIENT_REQUEST("PUT", NULL);
    (void)state;
    request.body_read = drip;
    request.ctx = &d;
    ask(&s, &request, ANSWERS(NO_CONTENT), 204);
    assert_sent(&s, "\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n", 21);
}

static void who_gives_the_body_may_stop_with_a_code(void **state)
{
    struct drip d = { .left = 1, .then = -ERR_CONFLICT };
    struct server s = { .body_len = 100 };
    struct client_answer answer;
    struct err err;
    (void)state;
    server_start(&s, ANSWERS(""));
    struct client_request request = CLIENT_REQUEST("PUT", s.url);
    request.body_read = drip;
    request.ctx = &d;
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_CONFLICT);
    client_free(client);
    server_stop(&s);
}

static void a_refusal_before_the_body_was_sent_is_the_answer(void **state)
{
    struct drip d = { .left = 1 << 20 };
    struct server s = { 0 };
    struct client_request request = CLIENT_REQUEST("PUT", NULL);
    (void)state;
    request.body_read = drip;
    request.ctx = &d;
    s.hold = true;
    ask(&s, &request,
        ANSWERS("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n"
                "Content-Length: 4\r\n\r\nwho?"),
        401);
    close(s.listener);
    buf_done(&s.seen);
}

/* --- bodies that come in --- */

static int take_part(void *ctx, const void *data, size_t len)
{
    return buf_add(ctx, data, len);
}

static int refuse_part(void *ctx, const void *data, size_t len)
{
    (void)ctx, (void)data, (void)len;
    return -ERR_FULL;
}

static void a_good_answer_is_streamed_and_a_bad_one_collected(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nbad",
        NULL,
    };
    struct server s = { .keep = true };
    struct client_answer answer;
    struct buf got;
    struct err err;
    (void)state;
    buf_init(&got, 100);
    server_start(&s, answers);
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    request.answer_write = take_part;
    request.ctx = &got;
    struct client *client = client_new(NULL, NULL);
    assert_ok(client_do(client, &request, &answer, &err), err);
    assert_string_equal(got.data, "good");
    assert_int_equal(answer.body.len, 0);
    client_answer_done(&answer);
    assert_ok(client_do(client, &request, &answer, &err), err); /* on the same connection */
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.body.data, "bad");
    assert_string_equal(got.data, "good");
    client_answer_done(&answer);
    client_free(client);
    server_stop(&s);
    buf_done(&got);
}

static void who_takes_the_answer_may_stop_with_a_code(void **state)
{
    struct server s = { 0 };
    struct client_answer answer;
    struct err err;
    (void)state;
    server_start(&s, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"));
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    request.answer_write = refuse_part;
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_FULL);
    assert_string_equal(err.reason, "STOPPED");
    client_free(client);
    server_stop(&s);
}

static void a_long_answer_is_refused_and_a_long_problem_is_cut(void **state)
{
    struct server s = { 0 };
    struct client_answer answer;
    struct err err;
    (void)state;
    auto_free char *text = xmalloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    auto_free char *good = xasprintf("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n%s", text);
    auto_free char *bad = xasprintf("HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n%s", text);
    server_start(&s, ANSWERS(good, bad));
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    request.answer_max = 1000;
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_LIMIT);
    assert_ok(client_do(client, &request, &answer, &err), err);
    assert_int_equal(answer.status, 500);
    assert_int_equal(answer.body.len, 65536);
    client_answer_done(&answer);
    client_free(client);
    server_stop(&s);
}

static void headers_without_end_are_refused(void **state)
{
    struct server s = { 0 };
    struct client_answer answer;
    struct err err;
    struct buf text;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "X-Header-%d: some value\r\n", i);
    buf_add_str(&text, "Content-Length: 0\r\n\r\n");
    server_start(&s, ANSWERS(text.data));
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    struct client *client = client_new(NULL, NULL);
    assert_true(client_do(client, &request, &answer, &err) < 0);
    client_free(client);
    server_stop(&s);
    buf_done(&text);
}

static void a_redirect_is_an_answer_like_any_other(void **state)
{
    struct server s = { 0 };
    struct client_request request = CLIENT_REQUEST("GET", NULL);
    (void)state;
    ask(&s, &request,
        ANSWERS("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                "Content-Length: 0\r\n\r\n"),
        302);
    close(s.listener);
    buf_done(&s.seen);
}

static void what_came_before_the_last_answer_is_forgotten(void **state)
{
    struct server s = { .body_len = 0 };
    struct client_answer answer;
    struct err err;
    (void)state;
    server_start(&s, ANSWERS("HTTP/1.1 103 Early Hints\r\nX-First: 1\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nX-Last: 2\r\nContent-Length: 0\r\n\r\n"));
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    struct client *client = client_new(NULL, NULL);
    assert_ok(client_do(client, &request, &answer, &err), err);
    assert_int_equal(answer.status, 200);
    assert_null(client_header(&answer, "X-First"));
    assert_string_equal(client_header(&answer, "X-Last"), "2");
    client_answer_done(&answer);
    client_free(client);
    server_stop(&s);
}

/* --- no answer --- */

static int fails_with(const char *url, struct err *err)
{
    struct client_answer answer;
    struct client_request request = CLIENT_REQUEST("GET", url);
    struct client *client = client_new("sos_secret", NULL);
    int rc = client_do(client, &request, &answer, err);
    client_free(client);
    assert_true(rc < 0);
    assert_null(strstr(err->text, "sos_secret"));
    return rc;
}

static void nobody_there_is_unreachable(void **state)
{
    struct server s = { 0 };
    struct err err;
    (void)state;
    server_start(&s, ANSWERS(NULL)); /* bound, then closed: nobody has that port now */
    server_stop(&s);
    assert_int_equal(fails_with(s.url, &err), -ERR_IO);
    assert_string_equal(err.reason, "UNREACHABLE");
    assert_non_null(strstr(err.text, s.url));
}

static void what_is_no_url_is_the_callers_fault(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(fails_with("file:///etc/passwd", &err), -ERR_INVALID);
    assert_int_equal(fails_with("http://", &err), -ERR_INVALID);
    assert_int_equal(fails_with("http://a b/", &err), -ERR_INVALID);
}

static void an_error_tells_neither_password_nor_query(void **state)
{
    struct err err;
    (void)state;
    fails_with("gopher://user:hunter2@127.0.0.1/path?key=hunter3#hunter4", &err);
    assert_null(strstr(err.text, "hunter"));
    assert_null(strstr(err.text, "user"));
    assert_non_null(strstr(err.text, "gopher://127.0.0.1/path"));
}

static void a_line_break_in_a_header_or_token_is_refused(void **state)
{
    struct client_answer answer;
    struct err err;
    struct client_request request = CLIENT_REQUEST("GET", "http://127.0.0.1:1/");
    (void)state;
    request.headers = ANSWERS("X: a\r\nY: b");
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_INVALID);
    client_free(client);
    client = client_new("a\nb", NULL);
    request.headers = NULL;
    assert_fails(client_do(client, &request, &answer, &err), ERR_INVALID);
    client_free(client);
}

static void silence_ends_by_either_time_out(void **state)
{
    (void)state;
    for (int idle = 0; idle < 2; idle++) {
        struct server s = { .hold = true };
        struct client_answer answer;
        struct err err;
        server_start(&s, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"));
        struct client_request request = CLIENT_REQUEST("GET", s.url);
        request.timeout_ms = idle ? 0 : 200;
        request.idle_ms = idle ? 1000 : 0;
        struct client *client = client_new(NULL, NULL);
        assert_fails(client_do(client, &request, &answer, &err), ERR_IO);
        assert_string_equal(err.reason, "TIMEOUT");
        client_free(client);
        server_stop(&s);
    }
}

static int now(void *ctx)
{
    return ++*(int *)ctx > 0;
}

static void the_caller_may_give_up(void **state)
{
    struct server s = { .hold = true };
    struct client_answer answer;
    struct err err;
    int asked = 0;
    (void)state;
    server_start(&s, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"));
    struct client_request request = CLIENT_REQUEST("GET", s.url);
    request.cancelled = now;
    request.ctx = &asked;
    struct client *client = client_new(NULL, NULL);
    assert_fails(client_do(client, &request, &answer, &err), ERR_CONFLICT);
    assert_string_equal(err.reason, "CANCELLED");
    assert_true(asked > 0);
    client_free(client);
    close(take_fd(s.listener));
    pthread_cancel(s.thread);
    pthread_join(s.thread, NULL);
    buf_done(&s.seen);
}

/* --- the rest --- */

static void a_unix_socket_stands_in_for_the_host(void **state)
{
    struct server s = { 0 };
    struct client_answer answer;
    struct err err;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", (char *)*state);
    s.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s.listener, 1), 0);
    buf_init(&s.seen, 65536);
    s.answers = ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    struct client_request request = CLIENT_REQUEST("GET", "http://gateway/a/../b");
    struct client *client = client_new(NULL, address.sun_path);
    assert_ok(client_do(client, &request, &answer, &err), err);
    assert_string_equal(answer.body.data, "hi");
    client_answer_done(&answer);
    client_free(client);
    pthread_join(s.thread, NULL);
    assert_non_null(strstr(s.seen.data, "GET /a/../b HTTP/1.1\r\nHost: gateway\r\n"));
    close(s.listener);
    buf_done(&s.seen);
}

static void a_proxy_of_the_environment_is_not_for_this_machine(void **state)
{
    struct server s = { 0 };
    struct client_request request = CLIENT_REQUEST("GET", NULL);
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    ask(&s, &request, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 200);
    unsetenv("http_proxy");
    close(s.listener);
    buf_done(&s.seen);
}

static void a_dead_connection_is_replaced_without_a_word(void **state)
{
    struct server s = { .body_len = 3 };
    struct client_answer answer;
    struct err err;
    (void)state;
    server_start(&s, ANSWERS("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct client_request request = CLIENT_REQUEST("PUT", s.url);
    request.body = "abc";
    request.body_len = 3;
    struct client *client = client_new(NULL, NULL);
    for (int i = 0; i < 2; i++) { /* the server hangs up after each without saying so */
        assert_ok(client_do(client, &request, &answer, &err), err);
        assert_int_equal(answer.status, 200);
        client_answer_done(&answer);
    }
    client_free(client);
    server_stop(&s);
}

static void a_path_element_is_escaped_whole(void **state)
{
    (void)state;
    auto_free char *text = client_escape("a/b c?d=%\xc3\xbc-._~Z9");
    assert_string_equal(text, "a%2Fb%20c%3Fd%3D%25%C3%BC-._~Z9");
    auto_free char *empty = client_escape("");
    assert_string_equal(empty, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_status_headers_and_body),
        cmocka_unit_test(an_answer_that_is_cut_short_is_none),
        cmocka_unit_test(bytes_go_out_with_their_length_and_no_type_of_ours),
        cmocka_unit_test(a_post_without_a_body_says_so),
        cmocka_unit_test(a_get_and_a_delete_have_none),
        cmocka_unit_test(a_large_file_goes_out_once_the_server_wants_it),
        cmocka_unit_test(a_file_that_shrank_fails_instead_of_hanging),
        cmocka_unit_test(a_body_of_unknown_length_goes_out_in_chunks),
        cmocka_unit_test(who_gives_the_body_may_stop_with_a_code),
        cmocka_unit_test(a_refusal_before_the_body_was_sent_is_the_answer),
        cmocka_unit_test(a_good_answer_is_streamed_and_a_bad_one_collected),
        cmocka_unit_test(who_takes_the_answer_may_stop_with_a_code),
        cmocka_unit_test(a_long_answer_is_refused_and_a_long_problem_is_cut),
        cmocka_unit_test(headers_without_end_are_refused),
        cmocka_unit_test(a_redirect_is_an_answer_like_any_other),
        cmocka_unit_test(what_came_before_the_last_answer_is_forgotten),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(what_is_no_url_is_the_callers_fault),
        cmocka_unit_test(an_error_tells_neither_password_nor_query),
        cmocka_unit_test(a_line_break_in_a_header_or_token_is_refused),
        cmocka_unit_test(silence_ends_by_either_time_out),
        cmocka_unit_test(the_caller_may_give_up),
        unit_test_in_folder(a_unix_socket_stands_in_for_the_host),
        cmocka_unit_test(a_proxy_of_the_environment_is_not_for_this_machine),
        cmocka_unit_test(a_dead_connection_is_replaced_without_a_word),
        cmocka_unit_test(a_path_element_is_escaped_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
