/* npm_intake.h - the body of `npm publish` on its way to the disk.
 *
 *   body --> scan --_attachments.*.tgz's data--> base64 --> blob + three digests and SHA-512
 *                \--all else--> the document, at most NPM_DOCUMENT_MAX in memory
 *
 * The tarball is never held: the body may be as large as an upload.  Everything blocks; one strand
 * at a time. */
#pragma once
#include <jansson.h>

#include "sos/base/blob.h"
#include "store/core/npm_doc.h"
#include "store/disk/pins.h"

enum { NPM_DOCUMENT_MAX = 16 << 20 };

struct npm_intake;

/* Borrows both.  `tarball_max` is of the decoded bytes. */
struct npm_intake *npm_intake_new(struct blobs *blobs, struct pins *pins, int64_t tarball_max);
/* -ERR_LIMIT, -ERR_INVALID (not base64, two tarballs), and what writing gives. */
int npm_intake_feed(struct npm_intake *intake, const char *data, size_t len, struct err *err);
/* All has come.  With a tarball: it is what its manifest promises (else -ERR_INVALID, reason
 * CHECKSUM), tarball and manifest are durable and pinned. */
int npm_intake_finish(struct npm_intake *intake, const char *name, struct err *err);
/* Whatever became of it: nothing stays half written; before npm_intake_free(). */
void npm_intake_end(struct npm_intake *intake);
void npm_intake_free(struct npm_intake *intake); /* NULL is fine */

/* After npm_intake_finish(): */
bool npm_intake_has_tarball(const struct npm_intake *intake);
const json_t *npm_intake_document(const struct npm_intake *intake); /* without its attachments */
const struct npm_publication *npm_intake_publication(const struct npm_intake *intake);
const struct digests *npm_intake_tarball(const struct npm_intake *intake);
const struct digests *npm_intake_manifest(const struct npm_intake *intake);
