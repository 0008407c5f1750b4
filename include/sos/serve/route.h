/* route.h - from method and path to an operation of schema/sos/v1/service.proto. */
#pragma once
#include <stddef.h>

#include "sos/serve/http.h"
#include "sos/v1_routes.h"

enum { ROUTE_PARAMS_MAX = 4 };

struct route_match {
    enum sos_op op;
    const char *params[ROUTE_PARAMS_MAX]; /* decoded, in the template's order */
};

/* 0 and the match; -ERR_NOT_FOUND: no such path; -ERR_INVALID: the path exists, the method does
 * not (answer 405, `ret_allow` holds the Allow header's text), or a bad escape in it. */
int route_find(struct http_request *request, struct route_match *ret, char ret_allow[64],
               struct err *err);
