#include "sos/base/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"

enum {
    ANSWER_MAX = 16 << 20,
    PROBLEM_MAX = 64 << 10,
    HEADERS_MAX = 64 << 10,
    CONNECT_MS = 10000,
    IDLE_MS = 30000,
    URL_SHOWN = 120,
    EXPECT_FROM = 1 << 20,
};

struct client {
    CURL *easy;
    char *token; /* "Authorization: Bearer …", or NULL */
    char *unix_socket;
    char *no_proxy;
};

/* One request under way. */
struct call {
    CURL *easy;
    const struct client_request *request;
    struct client_answer *answer;
    struct curl_slist *headers;
    size_t answer_max; /* cap of a collected 2xx body */
    int64_t sent;      /* bytes of the body given so far */
    int stopped;       /* what answer_write or body_read returned to stop */
    bool head_ended;   /* the empty line behind the headers came */
    bool over;         /* the answer passed its cap */
    bool cancelled;
    char url[URL_SHOWN]; /* as errors name it */
    char fault[CURL_ERROR_SIZE];
};

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

char *client_no_proxy(void)
{
    const char *given = getenv("no_proxy");
    given = given ? given : getenv("NO_PROXY");
    return xasprintf("localhost,127.0.0.0/8,::1%s%s", given ? "," : "", given ? given : "");
}

struct client *client_new(const char *token, const char *unix_socket)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_start);

    struct client *client = xcalloc(1, sizeof(*client));
    client->easy = curl_easy_init();
    if (!client->easy)
        abort();
    client->token = token && token[0] ? xasprintf("Authorization: Bearer %s", token) : NULL;
    client->unix_socket = xstrdup(unix_socket);
    client->no_proxy = client_no_proxy();
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->easy);
    if (client->token)
        explicit_bzero(client->token, strlen(client->token));
    free(client->token);
    free(client->unix_socket);
    free(client->no_proxy);
    free(client);
}

/* --- what curl calls --- */

static bool is_success(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

/* Each line as a string of its own; those of an answer that was not the last (100) go. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct call *call = ctx;
    size_t len = size * count;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
        buf_clear(&call->answer->headers);
    size_t line = len;
    while (line > 0 && (data[line - 1] == '\r' || data[line - 1] == '\n'))
        line--;
    call->head_ended = line == 0;
    if (buf_add(&call->answer->headers, data, line) < 0 ||
        buf_add(&call->answer->headers, "", 1) < 0) {
        call->over = true;
        return 0;
    }
    return len;
}

static size_t on_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct call *call = ctx;
    struct buf *body = &call->answer->body;
    size_t len = size * count;
    if (!is_success(call->easy)) { /* a problem: enough of it to be read, never a failure */
        size_t room = PROBLEM_MAX > body->len ? PROBLEM_MAX - body->len : 0;
        (void)buf_add(body, data, len < room ? len : room);
        return len;
    }
    if (call->request->answer_write) {
        call->stopped = call->request->answer_write(call->request->ctx, data, len);
        return call->stopped ? CURL_WRITEFUNC_ERROR : len;
    }
    if (len > call->answer_max - body->len || buf_add(body, data, len) < 0) {
        call->over = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return len;
}

/* Bytes of the body, -1: nobody knows. */
static int64_t body_size(const struct client_request *request)
{
    if (request->body_read)
        return -1;
    return request->body_fd_len >= 0 ? request->body_fd_len : (int64_t)request->body_len;
}

static long read_body(struct call *call, void *room, size_t room_len)
{
    const struct client_request *request = call->request;
    if (request->body_read)
        return request->body_read(request->ctx, room, room_len);

    size_t left = (size_t)(body_size(request) - call->sent);
    size_t len = left < room_len ? left : room_len;
    if (request->body_fd_len < 0) {
        if (len > 0)
            memcpy(room, (const char *)request->body + call->sent, len);
        return (long)len;
    }
    ssize_t got;
    do
        got = pread(request->body_fd, room, len, call->sent);
    while (got < 0 && errno == EINTR);
    /* A file that shrank must not leave the other side waiting. */
    return got == 0 && len > 0 ? -ERR_IO : got;
}

static size_t on_body(char *room, size_t size, size_t count, void *ctx)
{
    struct call *call = ctx;
    long got = read_body(call, room, size * count);
    if (got < 0) {
        call->stopped = (int)got;
        return CURL_READFUNC_ABORT;
    }
    call->sent += got;
    return (size_t)got;
}

/* A kept connection may turn out dead when the request is under way: it is sent again then. */
static int on_rewind(void *ctx, curl_off_t offset, int origin)
{
    struct call *call = ctx;
    if (origin != SEEK_SET || (call->request->body_read && offset != call->sent))
        return CURL_SEEKFUNC_CANTSEEK;
    call->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct call *call = ctx;
    (void)a, (void)b, (void)c, (void)d;
    call->cancelled = call->request->cancelled(call->request->ctx) != 0;
    return call->cancelled;
}

/* --- the request --- */

static bool has_line_break(const char *text)
{
    return text && strpbrk(text, "\r\n") != NULL;
}

static void add_header(struct call *call, const char *line)
{
    struct curl_slist *more = curl_slist_append(call->headers, line);
    if (!more)
        abort();
    call->headers = more;
}

static int set_headers(struct call *call, const struct client *client, struct err *err)
{
    if (has_line_break(client->token))
        return err_set(err, ERR_INVALID, "the token holds a line break");
    for (const char *const *h = call->request->headers; h && *h; h++) {
        if (has_line_break(*h))
            return err_set(err, ERR_INVALID, "a header holds a line break");
        add_header(call, *h);
    }
    if (client->token)
        add_header(call, client->token);
    if (body_size(call->request) >= 0 && body_size(call->request) <= EXPECT_FROM)
        add_header(call, "Expect:"); /* asking first pays for what is large */
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    return 0;
}

static void set_transport(struct call *call, const struct client *client)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sos/" SOS_VERSION);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, client->unix_socket ? "*" : client->no_proxy);
    if (client->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->unix_socket);
    const char *bundle = getenv("SSL_CERT_FILE"); /* as OpenSSL and everyone on it has it */
    if (bundle && bundle[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);

    const struct client_request *request = call->request;
    int64_t idle_ms = request->idle_ms > 0 ? request->idle_ms : IDLE_MS;
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((idle_ms + 999) / 1000));
    if (request->timeout_ms > 0)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (request->cancelled) {
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, call);
    }
}

static bool wants_body(const struct client_request *request)
{
    return request->body || request->body_read || request->body_fd_len >= 0 ||
           strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
           strcmp(request->method, "PATCH") == 0;
}

/* One way for every body: as an upload, with the method's name put in its place. */
static void set_body(struct call *call)
{
    const struct client_request *request = call->request;
    CURL *easy = call->easy;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (wants_body(request)) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_size(request));
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, call);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, call);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_answer(struct call *call)
{
    size_t max = call->answer_max;
    buf_init(&call->answer->headers, HEADERS_MAX);
    buf_init(&call->answer->body, max > PROBLEM_MAX ? max : PROBLEM_MAX);
    curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_BUFFERSIZE, 262144L);
}

/* --- what came of it --- */

void client_show_url(const char *url, char *ret, size_t room)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', len);
    const char *rest = at ? at + 1 : host;
    snprintf(ret, room, "%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?#"), rest);
}

static int no_answer(struct call *call, enum err_code code, const char *reason, CURLcode rc,
                     struct err *err)
{
    err_set(err, code, "%s %s: %s", call->request->method, call->url,
            call->fault[0] ? call->fault : curl_easy_strerror(rc));
    if (reason)
        err_reason(err, reason);
    return -(int)code;
}

static int stopped(const struct call *call, struct err *err)
{
    const char *method = call->request->method;
    if (call->cancelled) {
        err_set(err, ERR_CONFLICT, "%s %s: given up", method, call->url);
        err_reason(err, "CANCELLED");
        return -ERR_CONFLICT;
    }
    if (call->over)
        return err_set(err, ERR_LIMIT, "%s %s: the answer is larger than %zu bytes", method,
                       call->url, call->answer_max);
    enum err_code code =
        call->stopped < 0 && call->stopped >= -ERR_FULL ? (enum err_code) - call->stopped : ERR_IO;
    err_set(err, code, "%s %s: stopped on this side", method, call->url);
    err_reason(err, "STOPPED");
    return -(int)code;
}

static int judge(struct call *call, CURLcode rc, struct err *err)
{
    double connected = 0;
    curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME, &connected);
    if (call->cancelled || call->over || call->stopped)
        return stopped(call, err);
    switch (rc) {
    case CURLE_OK: /* also when the connection ended within the headers */
        return call->head_ended ? 0 : no_answer(call, ERR_IO, NULL, CURLE_GOT_NOTHING, err);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        /* Once connected, it is the other side that does not speak HTTP. */
        return no_answer(call, connected > 0 ? ERR_IO : ERR_INVALID, NULL, rc, err);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return no_answer(call, ERR_IO, "UNREACHABLE", rc, err);
    case CURLE_OPERATION_TIMEDOUT:
        return no_answer(call, ERR_IO, connected > 0 ? "TIMEOUT" : "UNREACHABLE", rc, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        no_answer(call, ERR_IO, "TLS_UNTRUSTED", rc, err);
        err_hint(err, "add the CA to the host's bundle, or name one with SSL_CERT_FILE");
        return -ERR_IO;
    default:
        return no_answer(call, ERR_IO, NULL, rc, err);
    }
}

/* A server that refuses need not read the rest of a body: its answer counts. */
static bool was_refused_early(struct call *call, CURLcode rc)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    return rc == CURLE_SEND_ERROR && status >= 400;
}

static int perform(struct call *call, struct err *err)
{
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->fault);
    CURLcode rc = curl_easy_setopt(call->easy, CURLOPT_URL, call->request->url);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(call->easy);
    if (was_refused_early(call, rc))
        rc = CURLE_OK;
    int result = judge(call, rc, err);
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    call->answer->status = (int)status;
    return result;
}

int client_do(struct client *client, const struct client_request *request,
              struct client_answer *ret, struct err *err)
{
    struct client_answer answer = { 0 };
    struct call call = {
        .easy = client->easy,
        .request = request,
        .answer = &answer,
        .answer_max = request->answer_max ? request->answer_max : ANSWER_MAX,
    };
    client_show_url(request->url, call.url, sizeof call.url);
    curl_easy_reset(client->easy); /* keeps the connections */
    set_transport(&call, client);
    set_body(&call);
    set_answer(&call);
    int rc = set_headers(&call, client, err);
    if (rc == 0)
        rc = perform(&call, err);
    curl_easy_reset(client->easy); /* forgets everything of this frame */
    curl_slist_free_all(call.headers);
    if (rc < 0)
        client_answer_done(&answer);
    else
        *ret = answer;
    return rc;
}

void client_answer_done(struct client_answer *answer)
{
    buf_done(&answer->body);
    buf_done(&answer->headers);
}

const char *client_header(const struct client_answer *answer, const char *name)
{
    size_t name_len = strlen(name);
    const char *end = answer->headers.data + answer->headers.len;
    for (const char *line = answer->headers.data; line < end; line += strlen(line) + 1)
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':')
            return line + name_len + 1 + strspn(line + name_len + 1, " \t");
    return NULL;
}

char *client_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = xmalloc(strlen(text) * 3 + 1);
    char *at = escaped;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at = '\0';
    return escaped;
}
