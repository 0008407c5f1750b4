/* record.h - what passed through a gateway, one line each, for the worker to read:
 *
 *   file NPM-REPOSITORY 1234 <sha256> /artifactory/api/npm/…/x-1.0.tgz
 *   metadata NPM-REPOSITORY 999 <sha256> /artifactory/api/npm/…/x
 *   refused 405 POST /artifactory/…          what was asked for and not given
 *   failed 502 GET /artifactory/…            the store could not
 *
 * A line is in the file before the last byte of what it tells is out: whoever has a whole file is
 * told of, whenever the gateway dies. */
#pragma once
#include <stdint.h>

#include "gateway/rules.h"
#include "sos/base/digest.h"
#include "sos/base/err.h"

enum { RECORD_REFUSED_MAX = 1000 /* lines of what was not given; the rest is only counted */ };

struct record {
    int fd;
    int troubles; /* refused and failed */
};

int record_open(const char *path, struct record *ret, struct err *err);
void record_close(struct record *record);
int record_download(struct record *record, const struct rules_target *target,
                    const struct digests *digests, struct err *err);
/* `what` is "refused" or "failed". */
int record_trouble(struct record *record, const char *what, int status, const char *method,
                   const char *path, struct err *err);
