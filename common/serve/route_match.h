/* route_match.h - one path against one template: pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct route_part {
    const char *text; /* still encoded */
    size_t len;
};

/* "/v1/builds/{build}:cancel": each {…} takes one path element (less the verb), never an empty one
 * and never across a slash.  `ret` has room for `max` parts; false: no match. */
bool route_matches(const char *pattern, const char *path, struct route_part *ret, size_t max,
                   size_t *ret_count);
