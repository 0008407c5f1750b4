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
/* "38s": how long ago a wall clock time was; "-" when 0. */
const char *text_age(int64_t wall_ms, char room[TEXT_MAX]);

/* Takes a stream apart: keeps text, tabs and newlines; of escape sequences keeps only SGR
 * (colours), and that only when `color`.  A carriage return that begins a line anew (a progress
 * bar's) is a newline.  Controls of C1 are dropped, in UTF-8 and as bare bytes.  State lives across
 * chunks. */
struct text_filter {
    int state;
    bool color;
    bool returned; /* the last byte was a carriage return */
    int expected;  /* bytes that the character begun still needs */
    char sequence[32];
    size_t sequence_len;
};
void text_filter(struct text_filter *filter, const char *data, size_t len, struct buf *ret);

/* One line of somebody else's words, made harmless: what is no character of a line becomes "?", a
 * newline a blank; without `utf8` all is ASCII.  Inits *ret (buf_done()); its data is never NULL.
 */
void text_shown(const char *text, bool utf8, struct buf *ret);
/* The first `width` columns of a line that passed text_filter(), colours ended at its end.  Inits
 * *ret; its data is never NULL. */
void text_cut(const char *text, size_t width, bool utf8, struct buf *ret);
/* Columns of the terminal behind `out`; 80 when it does not tell. */
size_t text_terminal_width(FILE *out);

/* A table with columns as wide as their widest cell.  On a terminal the last one wraps between
 * words, below itself. */
struct table;
struct table *table_new(size_t columns);
void table_row(struct table *table, const char *const cells[]); /* copies */
void table_print(struct table *table, FILE *out);               /* and frees it */
