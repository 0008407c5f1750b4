/* text.h - what a terminal is shown: numbers for people, and build output made
 * harmless.  A build's output is foreign bytes: escape sequences other than
 * colours never reach a terminal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sos/base/buf.h"

enum { TEXT_MAX = 32 };

/* "1.8 MB", "14 kB", "312 B" (powers of 1000). */
const char *text_bytes(int64_t bytes, char room[TEXT_MAX]);
/* "0.4s", "41s", "1m04s", "2h05m". */
const char *text_duration(int64_t ms, char room[TEXT_MAX]);
/* "38s ago" of a wall clock time; "-" when 0. */
const char *text_age(int64_t wall_ms, char room[TEXT_MAX]);

/* Takes a stream apart: keeps text, tabs and newlines; of escape sequences keeps only SGR
 * (colours), and that only when `color`.  State lives across chunks. */
struct text_filter {
    int state;
    bool color;
    char sequence[32];
    size_t sequence_len;
};
void text_filter(struct text_filter *filter, const char *data, size_t len, struct buf *ret);

/* A table with columns as wide as their widest cell. */
struct table;
struct table *table_new(size_t columns);
void table_row(struct table *table, const char *const cells[]); /* copies */
void table_print(struct table *table, FILE *out);               /* and frees it */
