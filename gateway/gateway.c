/* gateway.c - what is let through and what not, and the life of it all. */
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/gateway_own.h"
#include "sos/base/auto.h"
#include "sos/base/log.h"

enum { ANSWER_MS = 15 * 60 * 1000 /* the store may have to fetch it first */ };

/* --- what is not given --- */

void answer_error(struct http_request *request, enum rules_type type, int status, const char *text)
{
    if (type != RULES_NPM) {
        auto_free char *line = xasprintf("sos-gateway: %s\n", text);
        http_answer_text(request, status, line);
        return;
    }
    json_t *json = json_pack("{s:s%}", "error", text, strlen(text));
    char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    http_answer(request, status, "application/json", body ? body : "{}", body ? strlen(body) : 2);
    free(body);
}

static enum rules_type type_of_path(const char *path)
{
    static const char npm[] = RULES_BASE "/api/npm/";
    return strncmp(path, npm, sizeof npm - 1) == 0 ? RULES_NPM : RULES_MAVEN;
}

void gateway_trouble(struct gateway *gateway, struct http_request *request, const char *what,
                     int status)
{
    struct err err = { 0 };
    if (record_trouble(&gateway->record, what, status, http_method(request), http_path(request),
                       &err) < 0)
        log_error("gateway", "not recorded", "error=\"%s\"", err.text);
}

static void refuse(struct gateway *gateway, struct http_request *request, int status,
                   const struct err *err)
{
    auto_free char *text = xasprintf("%s%s%s", err->text, err->hint[0] ? "; " : "", err->hint);
    gateway_trouble(gateway, request, "refused", status);
    if (status == 405)
        http_set_header(request, "Allow", "GET, HEAD");
    answer_error(request, type_of_path(http_path(request)), status, text);
}

static void refuse_status(struct gateway *gateway, struct http_request *request, int status,
                          const char *text)
{
    struct err err = { 0 };
    err_set(&err, ERR_DENIED, "%s", text);
    refuse(gateway, request, status, &err);
}

/* --- requests --- */

static void on_request(void *ctx, struct http_request *request)
{
    struct gateway *gateway = ctx;
    const char *method = http_method(request);
    struct rules_target target;
    struct err err = { 0 };
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        refuse_status(gateway, request, 405, "a build may only read: GET and HEAD");
    else if (rules_check(&gateway->config.rules, http_path(request), &target, &err) < 0)
        refuse(gateway, request, 403, &err);
    else if (gateway->record.broken)
        refuse_status(gateway, request, 429, "no more goes on the build's record");
    else if (++gateway->requests > gateway->config.requests_max)
        refuse_status(gateway, request, 429, "a build may not ask for so many files");
    else if (gateway->bytes >= gateway->config.bytes_max)
        refuse_status(gateway, request, 429, "a build may not download so many bytes");
    else
        relay_start(gateway, request, &target);
}

/* --- life --- */

static struct gateway *gateway_new(uv_loop_t *loop, const struct gateway_config *config)
{
    struct gateway *gateway = xcalloc(1, sizeof *gateway);
    const struct upstreams_config upstreams = { .ca_file = config->ca_file,
                                                .idle_ms = ANSWER_MS / 3,
                                                .per_host_max = config->connections_max };
    gateway->loop = loop;
    gateway->config = *config;
    gateway->record.fd = -1;
    gateway->upstreams = upstreams_new(loop, &upstreams);
    gateway->credentials = config->token[0] ? xasprintf("bearer %s", config->token) : NULL;
    gateway->header = xasprintf("X-JFrog-Override-Base-Url: %s", config->base_url);
    return gateway;
}

static void on_upstreams_closed(void *ctx)
{
    struct gateway *gateway = ctx;
    record_close(&gateway->record);
    free(gateway->credentials);
    free(gateway->header);
    free(gateway);
}

static void on_http_stopped(void *ctx)
{
    struct gateway *gateway = ctx;
    upstreams_close(gateway->upstreams, on_upstreams_closed, gateway);
}

int gateway_start(uv_loop_t *loop, const struct gateway_config *config, struct gateway **ret,
                  struct err *err)
{
    struct gateway *gateway = gateway_new(loop, config);
    struct http_config http = { .address = config->listen,
                                .connections_max = config->connections_max,
                                .answer_ms = ANSWER_MS };
    int rc = record_open(config->record, &gateway->record, err);
    if (rc == 0)
        rc = http_start(loop, &http, on_request, gateway, &gateway->http, err);
    if (rc == 0 && chmod(config->listen, 0666) < 0)
        rc = err_errno(err, "mode of %s", config->listen);
    if (rc == 0)
        *ret = gateway;
    else
        upstreams_close(gateway->upstreams, on_upstreams_closed, gateway);
    return rc;
}

void gateway_stop(struct gateway *gateway)
{
    http_stop(gateway->http, on_http_stopped, gateway);
}
