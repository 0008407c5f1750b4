/* multipart.h - a form with files (multipart/form-data) taken apart as it comes: nothing of a
 * part's bytes is kept here but what could be the begin of the line that ends it.
 *
 *   PREAMBLE --line--> HEADERS --empty line--> BODY --line--> HEADERS | EPILOGUE
 *
 * Sources: RFC 7578 (form-data), RFC 2046 section 5.1 (multipart). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/err.h"

enum {
    MULTIPART_PARTS_MAX = 4096,
    MULTIPART_HEADERS_MAX = 8192, /* bytes of those of one part */
    MULTIPART_NAME_MAX = 255,
};

struct multipart_part {
    char name[MULTIPART_NAME_MAX + 1];
    char filename[MULTIPART_NAME_MAX + 1];
    bool is_file; /* it has a filename */
};

/* Each returns 0, or a negative code that ends it all.  `begin` is called once for each part, then
 * `data` any number of times, then `end`. */
struct multipart_events {
    int (*begin)(void *ctx, const struct multipart_part *part, struct err *err);
    int (*data)(void *ctx, const char *data, size_t len, struct err *err);
    int (*end)(void *ctx, struct err *err);
};

struct multipart;

/* `type` is the value of Content-Type (NULL: none).  `events` and `ctx` are borrowed.
 * -ERR_INVALID: it is no multipart/form-data, or has no usable boundary. */
int multipart_new(const char *type, const struct multipart_events *events, void *ctx,
                  struct multipart **ret, struct err *err);
void multipart_free(struct multipart *multipart);
/* The next bytes of the body.  -ERR_INVALID, -ERR_LIMIT, or what an event returned; nothing more
 * may be added then. */
int multipart_add(struct multipart *multipart, const char *data, size_t len, struct err *err);
/* The body is over.  -ERR_INVALID: the form is not. */
int multipart_end(const struct multipart *multipart, struct err *err);
