/* zip.h - zip files that strangers made, before libarchive reads them. */
#pragma once
#include "sos/base/err.h"

/* Is the zip's list of files, which libarchive reads whole, small enough?  -ERR_LIMIT, or
 * -ERR_INVALID: no zip. */
int zip_list_check(int fd, struct err *err);
