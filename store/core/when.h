/* when.h - points in time as this API writes them: ISO 8601 with milliseconds
 * always, and HTTP dates (RFC 9110, IMF-fixdate). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { WHEN_TEXT_MAX = 40 };

void when_iso(int64_t wall_ms, char ret[WHEN_TEXT_MAX]);  /* 2026-02-02T02:40:00.000Z */
void when_http(int64_t wall_ms, char ret[WHEN_TEXT_MAX]); /* Mon, 02 Feb 2026 02:40:00 GMT */
/* An IMF-fixdate; false: it is none. */
bool when_http_parse(const char *text, int64_t *ret_wall_ms);
/* ISO 8601: 2026-02-02, 2026-02-02T02:40[:00[.250]], with Z, +01:00, +0100 or nothing (UTC) behind
 * the time; finer than a millisecond is cut.  false: it is none. */
bool when_iso_parse(const char *text, int64_t *ret_wall_ms);
