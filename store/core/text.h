/* text.h - percent-encoding (RFC 3986), both ways, without memory of its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

/* Decode `len` bytes into `ret` (`room` bytes with the NUL; never more than len + 1 are used).
 * `plus` makes a plus sign a space, as in queries and matrix parameters; in a path it is a plus
 * sign.  -ERR_INVALID: a bad escape, a control byte or bad UTF-8; -ERR_LIMIT: no room. */
int text_decode(const char *raw, size_t len, bool plus, char *ret, size_t room, struct err *err);
/* Append a path percent-encoded; the slashes stay. */
void text_encode_path(struct buf *ret, const char *path);
/* Append text so that it can stand in HTML, in an attribute too. */
void text_escape_html(struct buf *ret, const char *text);
/* One parameter of a raw query, still encoded; the query is split at '&' only, since property
 * lists hold raw semicolons.  NULL: not there.  "k" alone gives an empty value. */
const char *text_query(const char *query, const char *name, size_t *ret_len);
