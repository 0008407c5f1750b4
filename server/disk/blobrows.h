/* blobrows.h - the rows of blobs, shared by sources and uploads. */
#pragma once
#include <stdint.h>

#include "sos/serve/db.h"

/* The row of a blob that is needed from now on. */
int blobrow_need(struct db *db, const char *sha256, int64_t *ret_number, struct err *err);
