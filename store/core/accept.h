/* accept.h - which of the media types we can answer with a client likes best (RFC 9110, 12.5.1). */
#pragma once
#include <stddef.h>

/* `header` is the value of Accept; NULL and "": anything.  The index of the offer with the highest
 * q, the first of several; -1 when all are refused.  A type that is named counts before
 * "type/" followed by "*", that before "*" alone.  Parameters other than q are not looked at. */
int accept_choose(const char *header, const char *const *offers, size_t count);
