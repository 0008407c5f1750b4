/* upstream_home.c - may a transfer go where it is sent?  The operator's own host and port: always.
 * Elsewhere a page or a redirect chose, and what counts is the address that a connection has: the
 * name may have led to another one before.
 *
 * A connection to another port than the URL's is to the operator's proxy; what that may reach is
 * its own affair, but for addresses that the URL itself names. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/serve/upstream_own.h"
#include "sos/base/auto.h"

struct place {
    char *host; /* owned, by curl_free() */
    int port;
};

static void place_done(struct place *place)
{
    curl_free(place->host);
}

static bool place_parse(const char *text, struct place *ret)
{
    CURLU *url = curl_url();
    char *port = NULL;

    *ret = (struct place){ 0 };
    bool ok = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &ret->host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok)
        ret->port = atoi(port);
    curl_free(port);
    curl_url_cleanup(url);
    return ok;
}

static bool refuse(struct upstream *upstream, const struct place *place, const char *why)
{
    snprintf(upstream->refusal, sizeof upstream->refusal, "it leads to %.80s:%d, %s",
             place->host ? place->host : "?", place->port, why);
    return false;
}

static bool address_check(struct upstream *upstream, const struct place *place,
                          const struct sockaddr *address, int port)
{
    struct sockaddr_storage named;

    if (port != place->port) { /* a proxy's */
        if (!reach_address(place->host, &named))
            return true;
        address = (const struct sockaddr *)&named;
    }
    return reach_allows(upstream->upstreams->config.reach, place->host, place->port, address) ||
           refuse(upstream, place, "which has no public address");
}

static bool is_allowed(struct upstream *upstream, const struct sockaddr *address, int port)
{
    struct place home;
    struct place place;
    const char *url = NULL;
    bool ok;

    curl_easy_getinfo(upstream->easy, CURLINFO_EFFECTIVE_URL, &url);
    bool known = place_parse(upstream->home, &home);
    if (!place_parse(url ? url : "", &place) || !known)
        ok = refuse(upstream, &place, "which is no address");
    else if (place.port == home.port && strcasecmp(place.host, home.host) == 0)
        ok = true;
    else
        ok = address_check(upstream, &place, address, port);
    place_done(&home);
    place_done(&place);
    return ok;
}

static int port_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    if (address->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    return -1;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    if (!is_allowed(ctx, &address->addr, port_of(&address->addr)))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Also for connections that others made and left. */
static int on_request(void *ctx, char *address, char *own_address, int port, int own_port)
{
    struct sockaddr_storage at;

    (void)own_address;
    (void)own_port;
    if (reach_address(address, &at) && is_allowed(ctx, (const struct sockaddr *)&at, port))
        return CURL_PREREQFUNC_OK;
    return CURL_PREREQFUNC_ABORT;
}

void upstream_stay_home(struct upstream *upstream)
{
    curl_easy_setopt(upstream->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(upstream->easy, CURLOPT_OPENSOCKETDATA, upstream);
    curl_easy_setopt(upstream->easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(upstream->easy, CURLOPT_PREREQDATA, upstream);
}
