/* config.h - one table says every setting of a program; where a value comes
 * from: flag > SOS_* environment > YAML file > built-in.
 *
 *     static const struct config_item items[] = {
 *         CONFIG_SETTING("listen", CONFIG_STRING, "127.0.0.1:8600", "address to serve on"), …
 *
 * Flag --store-url, environment SOS_STORE_URL and YAML key `store-url` (also
 * `store: { url: … }`) are the same setting. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sos/base/err.h"

enum config_type {
    CONFIG_STRING,
    CONFIG_INT,
    CONFIG_BOOL,
    CONFIG_DURATION, /* kept in milliseconds */
    CONFIG_BYTES,
    CONFIG_LIST /* a flag may be given several times, YAML holds a sequence; joined by \n */
};

struct config_item {
    const char *name; /* "store-url" */
    enum config_type type;
    const char *fallback; /* as text; NULL: empty */
    const char *help;
    char letter;    /* 'n' for -n VALUE or -nVALUE; 0: none */
    bool flag_only; /* neither environment nor file */
};

/* A row of such a table: a setting, and one that only a flag says. */
#define CONFIG_SETTING(n, t, f, h)                                                                 \
    {                                                                                              \
        .name = (n), .type = (t), .fallback = (f), .help = (h)                                     \
    }
#define CONFIG_FLAG(n, t, f, h)                                                                    \
    {                                                                                              \
        .name = (n), .type = (t), .fallback = (f), .help = (h), .flag_only = true                  \
    }

struct config;

/* Reads the flags, the environment and the file of --config (unless an item is called so; or
 * SOS_CONFIG, or `default_file` when it exists).  argv[0] is skipped; elements that are no flags,
 * and all behind "--", are left in order and told by config_args().  Flags: --name=value, --name
 * value, -n value, -nvalue; for a CONFIG_BOOL --name, --no-name, --name=false.  An empty
 * environment variable counts as not set; a list in it has one item a line.  An unknown flag or
 * key, or a value of the wrong type, is -ERR_INVALID naming it and where it stands, in the file
 * also where a flag overrides it. With --help (or -h, when no item has that letter) nothing behind
 * it is read and 0 is returned: ask config_wants_help() first.  Borrows `items` and `argv`; the
 * caller owns *ret. */
int config_load(const struct config_item *items, size_t count, int argc, char **argv,
                const char *default_file, struct config **ret, struct err *err);
void config_free(struct config *config);

const char *config_string(const struct config *config, const char *name); /* "" when empty */
int64_t config_int(const struct config *config, const char *name);        /* also ms and bytes */
bool config_bool(const struct config *config, const char *name);
/* "flag", "environment", "<file>:<line>" or "built-in". */
const char *config_origin(const struct config *config, const char *name);
/* NULL-terminated; borrowed. */
char **config_args(const struct config *config, size_t *ret_count);
bool config_wants_help(const struct config *config);
/* One line a setting: flag, meaning, built-in value. */
void config_help(const struct config_item *items, size_t count, FILE *out);
