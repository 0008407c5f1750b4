/* journal_file.h - one file of the journal: a head, then records that check themselves.
 *
 *   head    "SOSJRNL1" | kind u32 | schema u32 | number u64 | 0 u64
 *   record  len u32 | kind u32 | sum 16 bytes | payload of len bytes
 *
 * Numbers are little-endian.  A record's sum is the first half of the SHA-256 of the file's number,
 * the record's place in it, len, kind and payload: bytes that lay there before, or come from
 * another file, are no record.  Everything here blocks. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

enum journal_kind { JOURNAL_LOG = 1, JOURNAL_SNAPSHOT = 2 };
enum record_kind {
    RECORD_CHANGES = 1, /* a patchset of SQLite's session extension */
    RECORD_END = 2,     /* the last of a snapshot; no payload */
};
enum { JOURNAL_HEAD_BYTES = 32, RECORD_HEAD_BYTES = 24 };
enum { RECORD_BYTES_MAX = 1 << 30 };

struct journal_file {
    int fd;
    enum journal_kind kind;
    int schema; /* of the tables it tells of: the number of their last migration */
    int64_t number;
    int64_t offset; /* where the next record is read or written */
    bool written;   /* since the last sync */
};

/* "<dir>/00000007.log" or ".snapshot"; free it. */
char *journal_file_path(const char *dir, enum journal_kind kind, int64_t number);
/* The number in such a name; 0: it is none of this kind. */
int64_t journal_file_number(const char *name, enum journal_kind kind);

/* Make `path` with its head.  -ERR_CONFLICT: it is there. */
int journal_file_make(const char *path, enum journal_kind kind, int schema, int64_t number,
                      struct journal_file *ret, struct err *err);
/* Open to read, and to write when `writing`; stands at the first record.  -ERR_INVALID: that is no
 * head of ours. */
int journal_file_open(const char *path, bool writing, struct journal_file *ret, struct err *err);
void journal_file_close(struct journal_file *file);

/* Append at `offset`, which moves; not yet durable.  -ERR_FULL, -ERR_IO, -ERR_LIMIT. */
int journal_file_append(struct journal_file *file, enum record_kind kind, const void *payload,
                        size_t len, struct err *err);
int journal_file_sync(struct journal_file *file, struct err *err);
/* Forget what lies behind `offset`, durably. */
int journal_file_cut(struct journal_file *file, int64_t offset, struct err *err);

enum record_found {
    RECORD_NONE,    /* the file ends here */
    RECORD_GOOD,    /* `offset` moved behind it */
    RECORD_DAMAGED, /* no whole record is here, but one follows; `offset` moved there */
    RECORD_TORN,    /* no whole record is here or behind */
};
/* Read the record at `offset` into `payload`.  Returns one of the above, or < 0. */
int journal_file_next(struct journal_file *file, struct buf *payload, enum record_kind *ret_kind,
                      struct err *err);
