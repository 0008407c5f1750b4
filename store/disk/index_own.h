/* index_own.h - what the files of the index share. */
#pragma once
#include "store/disk/index.h"

/* An item's path as the table has it. */
struct split {
    char folder[ITEM_PATH_MAX + 1];
    const char *name; /* borrowed from the item_path */
};
void split_path(const struct item_path *at, struct split *ret);

/* The rows below a folder are those with path = `folder`, or >= `from` and < `to`. */
struct subtree {
    char folder[ITEM_PATH_MAX + 1];
    char from[ITEM_PATH_MAX + 2];
    char to[ITEM_PATH_MAX + 2];
};
void subtree_of(const struct item_path *folder, int depth, struct subtree *ret);

/* What item_read() takes of a row, and where it comes from. */
#define ITEM_COLUMNS                                                                               \
    "i.id, i.repo, i.path, i.name, i.sha256, b.sha1, b.md5, b.size_bytes, i.claimed,"              \
    " i.created_ms, i.created_by, i.modified_ms, i.modified_by, i.updated_ms"
#define ITEM_TABLES " FROM items i LEFT JOIN blobs b ON b.sha256=i.sha256"
enum { ITEM_COLUMNS_COUNT = 14 };
void item_read(sqlite3_stmt *st, struct item *ret);
