/* settings.h - what the operator said, read once by main and shared by every slot. */
#pragma once
#include <stdint.h>

struct settings {
    const char *name;          /* of this worker, unique in the farm */
    const char *server_url;    /* without a slash at the end */
    char *token;               /* NULL: none */
    const char *state;         /* absolute: <state>/worker of the contract */
    const char *images;        /* the folder images/make filled */
    const char *runtime;       /* "runc" or "crun", once probed */
    char runtime_version[64];  /* "runc 1.1.5" */
    const char *init;          /* the sos-init to put into sandboxes */
    const char *ca_bundle;     /* "" for none */
    char **fetch_env;          /* "NAME=value" for fetch, NULL-terminated */
    int64_t cache_total_bytes; /* of all kept caches */
    int slots;
    char prefix[24];  /* "sos-<hash of state>-": of our control groups */
    char session[80]; /* of the registration */
};
