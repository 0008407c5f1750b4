/* npm_read.h - a read of the npm API in work: what npm_read.c, npm_remote.c and npm_stream.c
 * share. */
#pragma once
#include "store/core/sri.h"
#include "store/web/npm/npm.h"

enum {
    NPM_SOURCES_MAX = 16,
    NPM_UPSTREAM_DOCUMENT_MAX = 128 << 20, /* that is parsed; of any size when it is streamed */
};

struct npm_stream;
struct npm_strays;

/* One member's document. */
struct npm_source {
    json_t *doc; /* owned; NULL: not read yet, it is in … */
    int fd;      /* … owned; -1 */
    int64_t size_bytes;
    char sha256[SHA256_HEX];
};

struct npm_read {
    const struct repository *member; /* that is asked */
    struct npm_source sources[NPM_SOURCES_MAX];
    size_t count;
    int rc; /* a member could not be asked … */
    struct err err;
    struct npm_stream *stream; /* owned */
    struct npm_strays *strays; /* owned */
    struct npm_dist dist;      /* what the upstream promises of a tarball */
};

/* Ask the next member, or end. */
void npm_member_next(struct call *call);
/* The same, when this one could not be asked: call->task tells why. */
void npm_member_failed(struct call *call);
/* Ask read->member, a local one. */
void npm_local_ask(struct call *call);
/* Reader: has the package tarballs in read->member that are no versions yet?  Then, on the loop,
 * npm_strays_adopt() makes them versions and asks again; false: there were none. */
bool npm_strays_find(struct call *call);
bool npm_strays_adopt(struct call *call);
void npm_strays_free(struct npm_strays *strays);
/* Ask read->member, a remote. */
void npm_remote_ask(struct call *call);

/* Pool thread: read the source's document, its addresses below `package_url`.  -ERR_LIMIT, -ERR_IO.
 */
int npm_source_parse(struct npm_source *source, const char *package_url, struct err *err);

/* Answer with read->sources[0], as it comes from its file. */
void npm_stream_answer(struct call *call);
void npm_stream_free(struct npm_stream *stream);
