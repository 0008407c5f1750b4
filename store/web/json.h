/* json.h - the store's answers as JSON: items and lists of them.  Pool threads. */
#pragma once
#include <jansson.h>

#include "store/disk/index.h"

/* Everything about a file or folder but its children; gives. */
json_t *item_json(const struct item *item, const char *base);
/* "{base}/repo/path", or below {base}/api/storage; gives, free(). */
char *item_url(const struct item_path *at, const char *base, const char *below);
void json_set_when(json_t *object, const char *key, int64_t wall_ms);
/* A name as some answers write it, "Maven" or "LOCAL", for "maven" and "local"; gives. */
json_t *json_capital(const char *name);
json_t *json_upper(const char *name);
/* {"k": ["v1", "v2"]} */
json_t *props_json(const struct props *props);
/* Takes the value, gives its text: pretty-printed, as Artifactory does. */
char *json_take_text(json_t *value);
