/* settings.h - what the operator said, read once by main and shared by every slot. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/config.h"
#include "sos/base/err.h"

enum { SETTINGS_SLOTS_MAX = 256 };

/* In the order of the store's keys in settings. */
enum { SETTINGS_GO, SETTINGS_NPM, SETTINGS_PYPI, SETTINGS_MAVEN, SETTINGS_REPOSITORIES };

struct settings {
    const char *name;         /* of this worker, unique in the farm */
    const char *server_url;   /* without a slash at the end */
    char *token;              /* NULL: none */
    const char *state;        /* absolute: <state>/worker of the contract */
    const char *images;       /* the folder images/make filled */
    const char *runtime;      /* "runc" or "crun", once probed */
    char runtime_version[64]; /* "runc 1.1.5" */
    const char *init;         /* the sos-init to put into sandboxes */
    const char *ca_bundle;    /* "" for none */
    char **fetch_env;         /* "NAME=value" for fetch, NULL-terminated */
    bool gateway;             /* fetch reaches the store's repositories only; else the host's net */
    const char *gateway_program;
    const char *store_url;                           /* "http://127.0.0.1:8601/artifactory" */
    char *store_token_file;                          /* NULL without gateway */
    const char *store_ca;                            /* "" for none */
    const char *repositories[SETTINGS_REPOSITORIES]; /* keys; "" for none */
    int64_t cache_total_bytes;                       /* of all kept caches */
    int slots;
    char prefix[24];  /* "sos-<hash of state>-": of our control groups */
    char session[80]; /* of the registration */
};

extern const struct config_item settings_items[];
extern const size_t settings_items_count;

/* Check and complete what was loaded, and make the state's folders.  Borrows `config`; what it
 * allocates lives as long as the program.  The runtime and the session are not yet known. */
int settings_read(const struct config *config, struct settings *ret, struct err *err);
/* The token for the store, as its file has it now (gives; free()); NULL: it cannot be read.  Only
 * with `gateway`. */
char *settings_store_token(const struct settings *settings, struct err *err);
