/* golang_zip.h - the sum of a Go module's zip (golang.org/x/mod/sumdb/dirhash, Hash1): SHA-256 of
 * the sorted lines "<sha256 of the file>  <its name>\n", as "h1:<base64>". */
#pragma once
#include "store/core/golang.h"

enum { GOLANG_ZIP_FILES_MAX = 200000, GOLANG_ZIP_BYTES_MAX = 1 << 30 };

/* Reads all of `fd`.  -ERR_INVALID: no zip, or one that cannot be a module's; -ERR_LIMIT: more
 * files or bytes than the above. */
int golang_zip_sum(int fd, char ret[GOLANG_SUM_MAX], struct err *err);
