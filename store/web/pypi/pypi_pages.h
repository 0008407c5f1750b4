/* pypi_pages.h - pages of upstreams as they were told to clients last, so that the next who asks
 * costs no reading and writing of megabytes; packed (zstd), to a tenth. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/digest.h"

enum { PYPI_PAGES_BYTES_MAX = 8 << 20, PYPI_ETAG = SHA256_HEX + 2 };

struct pypi_packed {
    char *data; /* owned */
    size_t len;
    size_t text_len;
    char etag[PYPI_ETAG];
};

/* Any thread.  `ret->etag` is the caller's to set. */
void pypi_pack(const char *text, struct pypi_packed *ret);
/* Gives. */
char *pypi_unpack(const struct pypi_packed *packed);

/* --- on the loop --- */

struct pypi_pages;

struct pypi_pages *pypi_pages_new(void);
void pypi_pages_free(struct pypi_pages *pages);
/* A copy of the page made of the bytes `source` for this key; false: it is not here.  The one that
 * was asked for the longest ago goes first. */
bool pypi_pages_find(struct pypi_pages *pages, const char *key, const char *source,
                     struct pypi_packed *ret);
/* Takes packed->data.  What is larger than half of all is not kept. */
void pypi_pages_keep(struct pypi_pages *pages, const char *key, const char *source,
                     struct pypi_packed *packed);
