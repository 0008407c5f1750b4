/* route.c - from method and path to an operation.
 *
 * A template without a variable wins over one with, and one with a verb
 * (":cancel") over one without: the longer fixed text is the better match. */
#include "sos/serve/route.h"

#include <stdio.h>
#include <string.h>

#include "common/serve/route_match.h"

/* The value of a variable ends where the rest of its element begins. */
static bool part_take(const char **pattern, const char **path, struct route_part *ret)
{
    const char *rest = strchr(*pattern, '}') + 1;
    size_t rest_len = strcspn(rest, "/");
    size_t element_len = strcspn(*path, "/");

    if (element_len <= rest_len || memcmp(*path + element_len - rest_len, rest, rest_len) != 0)
        return false;
    *ret = (struct route_part){ *path, element_len - rest_len };
    *pattern = rest;
    *path += ret->len;
    return true;
}

bool route_matches(const char *pattern, const char *path, struct route_part *ret, size_t max,
                   size_t *ret_count)
{
    size_t count = 0;

    while (*pattern) {
        if (*pattern == '{') {
            if (count == max || !part_take(&pattern, &path, &ret[count]))
                return false;
            count++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    *ret_count = count;
    return *path == '\0';
}

static size_t fixed_len(const char *pattern)
{
    size_t len = 0;
    bool inside = false;

    for (; *pattern; pattern++) {
        inside = inside || *pattern == '{';
        len += !inside;
        inside = inside && *pattern != '}';
    }
    return len;
}

static void allow_add(char allow[64], const char *method)
{
    size_t len = strlen(allow);
    snprintf(allow + len, 64 - len, "%s%s", len ? ", " : "", method);
    if (strcmp(method, "GET") == 0)
        allow_add(allow, "HEAD");
}

/* A HEAD is a GET whose body is not sent. */
static bool method_fits(const char *method, const struct sos_route *route)
{
    return strcmp(method, route->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

struct found {
    const struct sos_route *route; /* method and path fit */
    size_t best;                   /* fixed text of the best path so far, any method */
    struct route_part parts[ROUTE_PARAMS_MAX];
    size_t count;
};

static void route_try(const struct sos_route *route, struct http_request *request,
                      struct found *found, char allow[64])
{
    struct route_part parts[ROUTE_PARAMS_MAX];
    size_t count;
    size_t fixed = fixed_len(route->path);

    if (fixed < found->best ||
        !route_matches(route->path, http_path(request), parts, ROUTE_PARAMS_MAX, &count))
        return;
    if (fixed > found->best) {
        *found = (struct found){ .best = fixed };
        allow[0] = '\0';
    }
    allow_add(allow, route->method);
    if (!method_fits(http_method(request), route))
        return;
    found->route = route;
    found->count = count;
    memcpy(found->parts, parts, count * sizeof *parts);
}

static int params_decode(struct http_request *request, const struct found *found,
                         struct route_match *ret, struct err *err)
{
    for (size_t i = 0; i < found->count; i++) {
        ret->params[i] = http_decode(request, found->parts[i].text, found->parts[i].len);
        if (!ret->params[i])
            return err_set(err, ERR_INVALID, "a percent sign in the path is no escape");
    }
    return 0;
}

int route_find(struct http_request *request, struct route_match *ret, char ret_allow[64],
               struct err *err)
{
    struct found found = { 0 };

    ret_allow[0] = '\0';
    for (int op = 0; op < SOS_OP_COUNT; op++)
        route_try(&sos_routes[op], request, &found, ret_allow);
    if (!found.best)
        return err_set(err, ERR_NOT_FOUND, "there is nothing at %s", http_path(request));
    if (!found.route)
        return err_set(err, ERR_INVALID, "%s does not take %s", http_path(request),
                       http_method(request));
    *ret = (struct route_match){ .op = (enum sos_op)(found.route - sos_routes) };
    ret_allow[0] = '\0';
    return params_decode(request, &found, ret, err);
}
