/* upstream_settings.c - what libcurl is told of a transfer and of each try. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/serve/upstream_own.h"
#include "sos/base/auto.h"

enum {
    REDIRECTS_MAX = 5,
    CHUNK = 128 << 10,
};

static void line_add(struct upstream *upstream, const char *line)
{
    struct curl_slist *more = NULL;

    if (!strpbrk(line, "\r\n"))
        more = curl_slist_append(upstream->headers, line);
    if (more)
        upstream->headers = more;
}

static void header_add(struct upstream *upstream, const char *name, const char *value)
{
    auto_free char *line = xasprintf("%s: %s", name, value);
    line_add(upstream, line);
}

void upstream_headers(struct upstream *upstream)
{
    curl_slist_free_all(take_ptr(upstream->headers));
    if (upstream->accept)
        header_add(upstream, "Accept", upstream->accept);
    if (upstream->header)
        line_add(upstream, upstream->header);
    if (!upstream->coded)
        header_add(upstream, "Accept-Encoding", "identity");
    if (upstream->has_told && upstream->got > 0) {
        char range[40];
        snprintf(range, sizeof range, "bytes=%" PRId64 "-", upstream->got);
        header_add(upstream, "Range", range);
        header_add(upstream, "If-Range", upstream_validator(&upstream->told));
    } else if (upstream->etag && upstream->etag[0]) {
        header_add(upstream, "If-None-Match", upstream->etag);
    } else if (upstream->modified && upstream->modified[0]) {
        header_add(upstream, "If-Modified-Since", upstream->modified);
    }
    curl_easy_setopt(upstream->easy, CURLOPT_HTTPHEADER, upstream->headers);
}

static void credentials_set(struct upstream *upstream)
{
    const char *text = upstream->credentials;

    if (text && strncmp(text, "bearer ", 7) == 0) {
        curl_easy_setopt(upstream->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(upstream->easy, CURLOPT_XOAUTH2_BEARER, text + 7);
    } else if (text && strncmp(text, "basic ", 6) == 0) {
        curl_easy_setopt(upstream->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(upstream->easy, CURLOPT_USERPWD, text + 6);
    }
}

static void transport_set(struct upstream *upstream)
{
    const struct upstreams_config *config = &upstream->upstreams->config;
    CURL *easy = upstream->easy;
    const char *bundle = getenv("SSL_CERT_FILE"); /* as OpenSSL and everyone on it has it */
    const char *first = upstream->home ? upstream->home : upstream->url;
    bool tls = strncasecmp(first, "https:", 6) == 0;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls && upstream->home ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    /* One transfer a connection: a paused one must not stop its neighbours. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sos/" SOS_VERSION);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((config->idle_ms + 999) / 1000));
    curl_easy_setopt(easy, CURLOPT_NOPROXY, upstream->upstreams->no_proxy);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CHUNK);
    if (config->ca_file && config->ca_file[0])
        bundle = config->ca_file; /* the system's are found by CURLOPT_CAPATH, which stays */
    if (bundle && bundle[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
}

void upstream_settings(struct upstream *upstream)
{
    CURL *easy = upstream->easy;

    transport_set(upstream);
    if (upstream->home)
        upstream_stay_home(upstream);
    credentials_set(upstream);
    curl_easy_setopt(easy, CURLOPT_URL, upstream->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, upstream);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, upstream->curl_fault);
    if (upstream->is_head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (upstream->coded)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
}
