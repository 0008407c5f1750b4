/* maven.h - Maven repositories: metadata is made here, whatever clients and upstreams send.
 *
 *   GET  maven-metadata.xml, of a local    --> computed from the index
 *                            of a virtual  --> computed or fetched of each member, merged
 *                            of a remote   --> fetched, kept for the TTL
 *   GET  maven-metadata.xml.sha1, .md5, .sha256, .sha512 --> the digest of the same
 *   PUT  maven-metadata.xml --> its plugins are kept, the rest we know better --> 202
 *
 *   maven.c          local ones, and PUT
 *   maven_virtual.c  merging
 *   maven_remote.c   what a remote's paths are, and what is promised of them
 *
 * Sources: Maven's repository metadata reference; store-wire 1.3 and 1.10 of the design notes for
 * the answers of a PUT. */
#pragma once
#include "store/core/maven_metadata.h"
#include "store/web/remote/remote.h"

struct maven {
    enum maven_document document; /* that is asked for … */
    struct item_path asked;       /* … at this path … */
    struct item_path folder;      /* … about this folder; of a virtual: of the member in turn */
    struct maven_metadata metadata;
    struct remote_want want; /* of a remote: to be asked for again once its promise is known */
    int failed;              /* a member's error, when there was one … */
    struct err failed_err;   /* … and its text */
};

/* GET of any file of a remote one. */
void maven_remote_get(struct call *call, const struct repository *repository);

/* --- what its files share --- */
/* Made with the first call, and filled with the path that is asked for. */
struct maven *maven_of(struct call *call);
/* On a pool thread: maven_of(call)->metadata as the answer for get_found(). */
int maven_document_make(struct call *call, struct err *err);
/* Gives the text of the digest that was asked for; `digests` are those of the text. */
char *maven_digest(enum maven_document document, const char *text, size_t len,
                   const struct digests *digests);
void maven_virtual_get(struct call *call);
/* The want of a folder's maven-metadata.xml.  -ERR_LIMIT. */
int maven_metadata_want(struct call *call, const struct repository *repository,
                        const struct item_path *folder, struct remote_want *ret, struct err *err);
