/* gateway_own.h - what gateway.c and relay.c share. */
#pragma once
#include "gateway/gateway.h"
#include "sos/serve/http.h"
#include "sos/serve/upstream.h"

struct gateway {
    uv_loop_t *loop;
    struct gateway_config config; /* its texts are borrowed */
    struct http *http;
    struct upstreams *upstreams;
    struct record record;
    char *credentials; /* NULL: none */
    char *header;
    int64_t requests;
    int64_t bytes;
};

/* In the form that each client shows: npm reads JSON, go and curl show text. */
void answer_error(struct http_request *request, enum rules_type type, int status, const char *text);
/* On record: `what` was asked for and not given (record_trouble()). */
void gateway_trouble(struct gateway *gateway, struct http_request *request, const char *what,
                     int status);
/* Give on what the store has there: from here on the request is the relay's. */
void relay_start(struct gateway *gateway, struct http_request *request,
                 const struct rules_target *target);
