/* config_yaml.h - the settings of a YAML file, one by one (libyaml).
 *
 * Nested maps become one name, joined by '-'; a sequence gives its items one
 * after the other.  At most 1 MiB, 8 maps deep, no aliases, no second document. */
#pragma once
#include <stddef.h>

#include "sos/base/err.h"

struct yaml_setting {
    const char *name; /* "store-url"; borrowed for the call */
    const char *value;
    int item; /* from 1 in a sequence, 0 for a value of its own */
    int line; /* from 1 */
};

/* Returns 0 or a negative code, which ends the reading. */
typedef int (*yaml_setting_fn)(void *ctx, const struct yaml_setting *setting, struct err *err);

/* -ERR_INVALID with "FILE:LINE: …" (`file` is only a name here); what `each` says gets the same
 * place put before it. */
int config_yaml_read(const char *file, const char *text, size_t len, yaml_setting_fn each,
                     void *ctx, struct err *err);
