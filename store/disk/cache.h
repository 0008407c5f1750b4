/* cache.h - what is known of an item's upstream beside its bytes.  Blocks, as the index. */
#pragma once
#include "store/disk/index.h"

enum { CACHE_ETAG_MAX = 256, CACHE_DATE_MAX = 64 };

struct cached {
    char etag[CACHE_ETAG_MAX]; /* "": none */
    char modified[CACHE_DATE_MAX];
    int64_t checked_ms; /* 0: never asked */
};

/* The item and what is known of it.  -ERR_NOT_FOUND, also for a folder. */
int cache_find(struct db *reader, const struct item_path *at, struct item *ret,
               struct cached *ret_cached, struct err *err);
/* As index_deploy(), with what is known of it.  A cached file where a folder above it must be gives
 * way: an upstream may answer a folder's path with a page, and that must not hide what is in it. */
int cache_deploy(struct db *writer, const struct deployment *deployment,
                 const struct cached *cached, struct item *ret, struct freed *freed,
                 struct err *err);
/* -ERR_NOT_FOUND: the item went meanwhile. */
int cache_put(struct db *writer, int64_t item, const struct cached *cached, struct err *err);
