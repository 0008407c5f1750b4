/* http_request.c - what a handler asks of a request. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "common/serve/http_own.h"
#include "common/serve/http_text.h"
#include "sos/base/clock.h"
#include "sos/base/id.h"

struct memory {
    struct list link;
    char bytes[];
};

void *http_memory(struct http_request *request, size_t size)
{
    struct memory *memory = xmalloc(sizeof *memory + size);

    list_append(&request->memory, &memory->link);
    return memory->bytes;
}

void http_memory_free(struct http_request *request)
{
    for (struct list *link; (link = list_pop(&request->memory));)
        free(list_item(link, struct memory, link));
}

/* --- the head --- */

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *http_raw_query(const struct http_request *request)
{
    return request->query;
}

const char *http_decode(struct http_request *request, const char *text, size_t len)
{
    char *plain = http_memory(request, len + 1);
    return http_text_decode(text, len, plain) ? plain : NULL;
}

const char *http_query(struct http_request *request, const char *name)
{
    const char *value;
    size_t len;

    if (!http_text_query(request->query, name, &value, &len))
        return NULL;
    return http_decode(request, value, len);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->conn->connection, MHD_HEADER_KIND, name);
}

int64_t http_content_length(const struct http_request *request)
{
    const char *text = http_header(request, "Content-Length");

    if (http_header(request, "Transfer-Encoding"))
        return -1;
    return text ? strtoll(text, NULL, 10) : 0; /* libmicrohttpd has checked it */
}

bool http_expects_continue(const struct http_request *request)
{
    const char *expect = http_header(request, "Expect");
    return expect && strcasecmp(expect, "100-continue") == 0;
}

int http_range(struct http_request *request, int64_t size, int64_t *ret_offset, int64_t *ret_len)
{
    const char *range = http_header(request, "Range");

    if (strcmp(request->method, "GET") != 0)
        return 0; /* RFC 9110, 14.2 */
    return range ? http_text_range(range, size, ret_offset, ret_len) : 0;
}

int64_t http_prefer_wait_ms(struct http_request *request)
{
    const char *prefer = http_header(request, "Prefer");
    return prefer ? http_text_wait_ms(prefer, HTTP_WAIT_MAX_MS) : 0;
}

const char *http_request_id(const struct http_request *request)
{
    return request->id;
}

static void peer_write(const struct sockaddr *address, char *ret, size_t size)
{
    const void *ip = NULL;

    if (address && address->sa_family == AF_INET)
        ip = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (address && address->sa_family == AF_INET6)
        ip = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (!ip || !inet_ntop(address->sa_family, ip, ret, (socklen_t)size))
        snprintf(ret, size, "unix");
}

const char *http_peer(const struct http_request *request)
{
    struct http_conn *conn = request->conn;

    if (!conn->peer[0]) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(conn->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        peer_write(info ? info->client_addr : NULL, conn->peer, sizeof conn->peer);
    }
    return conn->peer;
}

void http_set_state(struct http_request *request, void *state,
                    void (*on_closed)(struct http_request *request, void *state, bool whole))
{
    request->handler_state = state;
    request->on_closed = on_closed;
}

void *http_state(const struct http_request *request)
{
    return request->handler_state;
}

/* --- what is known at the head --- */

static const uint8_t *chance_take(struct http *http)
{
    if (http->chance_left == 0) {
        random_bytes(http->chance, sizeof http->chance);
        http->chance_left = sizeof http->chance;
    }
    http->chance_left -= ID_CHANCE;
    return http->chance + http->chance_left;
}

void http_request_learn(struct http_request *request)
{
    const char *id = http_header(request, "X-Request-Id");

    if (id && http_text_is_request_id(id))
        memcpy(request->id, id, strlen(id) + 1);
    else
        id_new_of("req", clock_wall_ms(), chance_take(request->http), request->id);
}

/* --- heads that must not pass --- */

struct head_check {
    int lengths;
    int codings;
    int hosts;
    bool chunked;
    bool bad_name;
};

/* RFC 9110, 5.6.2. */
static bool name_is_token(const char *name)
{
    const char *at = name;

    while (isalnum((unsigned char)*at) || (*at && strchr("-!#$%&'*+.^_`|~", *at)))
        at++;
    return at > name && *at == '\0';
}

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct head_check *check = ctx;

    (void)kind;
    check->bad_name |= !name_is_token(name);
    check->lengths += strcasecmp(name, "Content-Length") == 0;
    check->hosts += strcasecmp(name, "Host") == 0;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        check->codings++;
        check->chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* Two readings of where a body ends are how requests are smuggled past a proxy: RFC 9112, 6.3. */
int http_head_check(struct http_request *request)
{
    struct head_check check = { 0 };

    MHD_get_connection_values(request->conn->connection, MHD_HEADER_KIND, on_header, &check);
    if (request->path[0] != '/' || check.bad_name || check.lengths > 1 || check.codings > 1 ||
        check.hosts > 1 || (check.lengths && check.codings))
        return 400;
    return check.codings && !check.chunked ? 501 : 0;
}
