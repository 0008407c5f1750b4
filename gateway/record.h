/* record.h - what passed through a gateway, one line each, for the worker to read:
 *
 *   file NPM-REPOSITORY 1234 <sha256> /artifactory/api/npm/…/x-1.0.tgz
 *   metadata NPM-REPOSITORY 999 <sha256> /artifactory/api/npm/…/x
 *   file NPM-REPOSITORY - - /artifactory/api/npm/…/x-1.0.tgz      begun; its end has its own line
 *   refused 405 POST /artifactory/…          what was asked for and not given
 *   failed 502 GET /artifactory/…            the store could not
 *
 * A line is in the file before the first byte of what it tells is out, and another before the last
 * of what does not come in one piece: whoever has a part of a file is told of, whenever the gateway
 * or its client ends. */
#pragma once
#include <stdbool.h>

#include "gateway/rules.h"
#include "sos/base/digest.h"
#include "sos/base/err.h"

enum { RECORD_REFUSED_MAX = 1000 /* lines of what was not given; the rest is only counted */ };

struct record {
    int fd;
    int troubles; /* refused and failed */
    bool broken;  /* a line may be there in part: nothing can come behind it */
};

int record_open(const char *path, struct record *ret, struct err *err);
void record_close(struct record *record);
/* `digests` of all of it; NULL: it begins. */
int record_download(struct record *record, const struct rules_target *target,
                    const struct digests *digests, struct err *err);
/* `what` is "refused" or "failed".  Of a broken record that is no error: it says already that it is
 * not whole. */
int record_trouble(struct record *record, const char *what, int status, const char *method,
                   const char *path, struct err *err);
