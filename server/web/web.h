/* web.h - the HTTP face of the farm: every route of schema/sos/v1/service.proto, no other. */
#pragma once
#include "server/farm/farm.h"
#include "sos/serve/http.h"

struct web;

/* The farm must outlive it. */
int web_start(uv_loop_t *loop, const struct http_config *config, struct farm *farm,
              struct web **ret, struct err *err);
const char *web_url(const struct web *web); /* where it serves */
/* Asynchronous: answers what waits, then `stopped`.  Calls into the farm may still come back: stop
 * the farm next, and free the web when that is done. */
void web_stop(struct web *web, void (*stopped)(void *ctx), void *ctx);
void web_free(struct web *web);
