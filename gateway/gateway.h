/* gateway.h - one build's door to the store, on the loop: asks for it what the rules let it, gives
 * on what comes, hashes and records it.
 *
 *   request --rules--> ASKING --head--> GIVING --whole, on record--> over
 *                |      ^  |              |  cut on either side: the other is cut too
 *                |      |  +-- no such file, an error: told
 *                |      |  +-- the store is away: RESTING, for a minute at most; then told
 *                |      +-----------------------+
 *                +-- refused: told and recorded
 *
 * Nothing of a file is given before it is on record that it was begun, and the last of it not
 * before its digest is.  Bytes are held back at the store while the build does not take them: one
 * piece of a connection's at a time is here.  The build's own headers do not pass, but for what it
 * accepts and has; nor does a part of a file, whose digest would say nothing: who asks for one gets
 * the whole. */
#pragma once
#include <uv.h>

#include "gateway/record.h"
#include "gateway/rules.h"
#include "sos/base/err.h"

struct gateway_config {
    const char *listen;    /* path of the socket to be made; anybody may connect who gets there */
    const char *base_url;  /* as the build sees it, for URLs in what the store answers */
    const char *store_url; /* "https://…/artifactory", no slash at the end */
    const char *token;     /* "": none */
    const char *ca_file;   /* NULL: the system's */
    const char *record;    /* path of the file to be made */
    struct rules rules;
    int64_t requests_max;
    int64_t bytes_max; /* of all that comes from the store */
    int connections_max;
};

struct gateway;

/* Borrows the texts of `config`; the caller owns *ret. */
int gateway_start(uv_loop_t *loop, const struct gateway_config *config, struct gateway **ret,
                  struct err *err);
/* Asynchronous: cuts what is under way and is gone; the loop ends then. */
void gateway_stop(struct gateway *gateway);
