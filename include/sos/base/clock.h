/* clock.h - the two clocks, and RFC 3339.  Leases and time-outs are measured
 * with the monotonic one, never with the wall clock. */
#pragma once
#include <stdint.h>

#include "sos/base/err.h"

enum { CLOCK_TEXT_MAX = 32 };

int64_t clock_wall_ms(void); /* since 1970, UTC */
int64_t clock_mono_ms(void);
/* "2026-11-23T16:02:11.250Z"; milliseconds only when not zero. */
void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_MAX]);
/* The reverse, offsets accepted; finer than a millisecond is cut. */
int clock_parse(const char *text, int64_t *ret_wall_ms, struct err *err);
/* "1h2m3s", "90s", "1.5s", "30" (seconds) for flags and configuration. */
int clock_parse_duration(const char *text, int64_t *ret_ms, struct err *err);
