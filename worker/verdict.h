/* verdict.h - how a step or a whole attempt ended, as plain bytes: it passes
 * between the processes of one slot. */
#pragma once
#include <stddef.h>

#include "sos/v1.h"

enum { VERDICT_MESSAGE_MAX = 400, VERDICT_HINT_MAX = 200 };

struct verdict {
    enum sos_result_outcome outcome; /* SUCCESS: go on */
    enum sos_result_reason reason;
    int exit_code;
    char message[VERDICT_MESSAGE_MAX];
    char hint[VERDICT_HINT_MAX];
};

/* Each returns -1, so that failing is one line.  A message is cut to its room and made of
 * printable UTF-8. */
int verdict_fail(struct verdict *ret, enum sos_result_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The farm's own failure: outcome ERROR, another attempt may do better. */
int verdict_error(struct verdict *ret, enum sos_result_reason reason, const struct err *err);

/* A program's text as one printable line: controls become spaces, bad UTF-8 '?'. */
void verdict_clean(const char *text, size_t len, char *ret, size_t ret_max);

/* What a recipe wrote to /out/failure.json: {"reason", "message", "hint"}, strings, nothing else
 * needed; the reason one of CHECK, DEPENDENCIES, COMPILE, TEST, PACKAGE.  Foreign bytes: at most
 * VERDICT_FILE_MAX, parsed strictly.  -ERR_INVALID, and *ret untouched, when it is anything else.
 */
enum { VERDICT_FILE_MAX = 65536 };
int verdict_parse_failure(const char *json, size_t len, struct verdict *ret, struct err *err);
