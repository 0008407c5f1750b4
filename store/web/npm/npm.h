/* npm.h - a call of the npm API in work; what its files share.
 *
 *   npm.c          which call it is, who may; tags and removals
 *   npm_registry.c ping, login, search and others that are about no package
 *   npm_publish.c  PUT of a document: a publication, deprecations, what unpublish leaves
 *   npm_read.c     documents, manifests and tarballs, whatever the repository's class
 *   npm_remote.c   the same of a remote one
 *   npm_stream.c   a document kept from an upstream, its addresses replaced as it is sent */
#pragma once
#include <jansson.h>

#include "store/core/npm.h"
#include "store/disk/npm.h"
#include "store/web/call.h"

enum { NPM_ETAG_MAX = 48, NPM_URL_MAX = 2048 };

#define NPM_ABBREVIATED_TYPE "application/vnd.npm.install-v1+json"

struct npm_publish;
struct npm_read;

struct npm_call {
    struct npm_path path;
    const struct repository *repository; /* that was asked */
    const struct repository *target;     /* the local one that takes changes; NULL: none does */
    char package_url[NPM_URL_MAX];       /* "BASE/api/npm/REPO/@scope/name" */
    char *none_match;                    /* If-None-Match; owned; NULL */
    bool abbreviated;
    char etag[NPM_ETAG_MAX];
    char rev[NPM_REV_MAX + 1];
    int64_t offset; /* of a search */
    int64_t count;
    char text[NPM_NAME_MAX + 1];
    struct npm_publish *publish; /* owned by npm_publish.c */
    struct npm_read *read;       /* owned by npm_read.c */
};

static inline struct npm_call *npm_of(const struct call *call)
{
    return call->own;
}

/* JSON as npm reads it, from call->text, which is taken; with `etag` set it may become
 * 304. */
void npm_answer_text(struct call *call, int status);
/* {"ok": true …}: a change was made. */
void npm_answer_done(struct call *call, int status);
/* By call->task; what was missing is named. */
void npm_fail(struct call *call);
/* Does the client have what has this ETag? */
bool npm_is_known(const struct npm_call *npm, const char *etag);
/* The compact text of a value, which is taken, into call->text. */
void npm_take_json(struct call *call, json_t *value);

void npm_ping_call(struct call *call);
void npm_whoami_call(struct call *call);
void npm_web_login_call(struct call *call);
void npm_login_call(struct call *call);
void npm_advisories_call(struct call *call);
void npm_search_call(struct call *call);
void npm_put_call(struct call *call);
void npm_publish_free(struct call *call);
void npm_read_call(struct call *call);
void npm_read_free(struct call *call);
