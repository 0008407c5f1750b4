/* aql_lex.h - the words of an AQL query, one after the other, with their places.
 *
 * Strings are JSON's (RFC 8259): escapes decoded, valid UTF-8, no control bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "sos/base/buf.h"
#include "sos/base/err.h"

enum { AQL_STRING_MAX = 4096 };

enum aql_token {
    AQL_TOKEN_END,
    AQL_TOKEN_MARK,   /* one of { } [ ] ( ) , : . */
    AQL_TOKEN_STRING, /* decoded */
    AQL_TOKEN_NUMBER, /* as it is written */
    AQL_TOKEN_WORD,   /* letters: items, find, null … */
};

struct aql_lexer {
    const char *text; /* borrowed */
    size_t len;
    size_t at;            /* where the next token may begin */
    enum aql_token token; /* the one that is read now … */
    size_t start;         /* … and where it began */
    char mark;
    struct buf value; /* of a string, number or word */
};

void aql_lex_init(struct aql_lexer *lexer, const char *text, size_t len);
void aql_lex_done(struct aql_lexer *lexer);
/* Read the next token.  -ERR_INVALID: no token begins here, or a string is wrong or too
 * long. */
int aql_lex_next(struct aql_lexer *lexer, struct err *err);
/* Is the token that is read this mark? */
bool aql_lex_is(const struct aql_lexer *lexer, char mark);
/* The string, number or word that is read. */
const char *aql_lex_value(const struct aql_lexer *lexer);
/* -ERR_INVALID: "<what> at position 12, near '…'", for the token that is read. */
int aql_lex_fail(const struct aql_lexer *lexer, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
