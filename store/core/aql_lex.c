#include "store/core/aql_lex.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/utf8.h"

enum { NEAR_MAX = 24, WHAT_MAX = 170 };

void aql_lex_init(struct aql_lexer *lexer, const char *text, size_t len)
{
    *lexer = (struct aql_lexer){ .text = text, .len = len };
    buf_init(&lexer->value, AQL_STRING_MAX);
}

void aql_lex_done(struct aql_lexer *lexer)
{
    buf_done(&lexer->value);
}

bool aql_lex_is(const struct aql_lexer *lexer, char mark)
{
    return lexer->token == AQL_TOKEN_MARK && lexer->mark == mark;
}

const char *aql_lex_value(const struct aql_lexer *lexer)
{
    return lexer->value.data ? lexer->value.data : "";
}

int aql_lex_fail(const struct aql_lexer *lexer, struct err *err, const char *fmt, ...)
{
    char what[WHAT_MAX];
    size_t rest = lexer->len - lexer->start;
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (rest == 0)
        return err_set(err, ERR_INVALID, "%s at the end, position %zu", what, lexer->start + 1);
    int near = (int)(rest < NEAR_MAX ? rest : NEAR_MAX);
    return err_set(err, ERR_INVALID, "%s at position %zu, near '%.*s'", what, lexer->start + 1,
                   near, lexer->text + lexer->start);
}

/* --- strings --- */

static int hex4(const struct aql_lexer *lexer, size_t at)
{
    int code = 0;

    if (at + 4 > lexer->len)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = lexer->text[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static int code_add(struct aql_lexer *lexer, uint32_t code, struct err *err)
{
    char bytes[5] = "";

    if (code < 0x80)
        snprintf(bytes, sizeof bytes, "%c", (char)code);
    else if (code < 0x800)
        snprintf(bytes, sizeof bytes, "%c%c", (char)(0xc0 | code >> 6),
                 (char)(0x80 | (code & 0x3f)));
    else if (code < 0x10000)
        snprintf(bytes, sizeof bytes, "%c%c%c", (char)(0xe0 | code >> 12),
                 (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f)));
    else
        snprintf(bytes, sizeof bytes, "%c%c%c%c", (char)(0xf0 | code >> 18),
                 (char)(0x80 | (code >> 12 & 0x3f)), (char)(0x80 | (code >> 6 & 0x3f)),
                 (char)(0x80 | (code & 0x3f)));
    if (code == 0 || buf_add_str(&lexer->value, bytes) < 0)
        return aql_lex_fail(lexer, err, code == 0 ? "a string holds a zero byte" : "long string");
    return 0;
}

/* Behind "\u"; *at goes on. */
static int unicode_add(struct aql_lexer *lexer, size_t *at, struct err *err)
{
    int code = hex4(lexer, *at);

    *at += 4;
    if (code >= 0xd800 && code < 0xdc00 && *at + 2 <= lexer->len &&
        memcmp(lexer->text + *at, "\\u", 2) == 0) {
        int low = hex4(lexer, *at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    if (code < 0 || (code >= 0xd800 && code < 0xe000))
        return aql_lex_fail(lexer, err, "a bad \\u escape in the string");
    return code_add(lexer, (uint32_t)code, err);
}

/* Behind the backslash; *at goes on. */
static int escape_add(struct aql_lexer *lexer, size_t *at, struct err *err)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char c = *at < lexer->len ? lexer->text[*at] : '\0';
    const char *found = c ? strchr(from, c) : NULL;

    (*at)++;
    if (c == 'u')
        return unicode_add(lexer, at, err);
    if (!found)
        return aql_lex_fail(lexer, err, "a bad escape in the string");
    return code_add(lexer, (uint32_t)to[found - from], err);
}

/* One character of a string as it is written; *at goes on. */
static int plain_add(struct aql_lexer *lexer, size_t *at, struct err *err)
{
    const char *text = lexer->text + *at;
    size_t size = utf8_next(text, lexer->len - *at, NULL);

    if (size == 0 || (unsigned char)*text < ' ')
        return aql_lex_fail(lexer, err, "a byte that no string may hold");
    if (buf_add(&lexer->value, text, size) < 0) {
        aql_lex_fail(lexer, err, "a string of more than %d bytes", AQL_STRING_MAX);
        return -ERR_INVALID;
    }
    *at += size;
    return 0;
}

static int string_read(struct aql_lexer *lexer, struct err *err)
{
    size_t at = lexer->at + 1;
    int rc = 0;

    lexer->token = AQL_TOKEN_STRING;
    while (rc == 0 && at < lexer->len && lexer->text[at] != '"') {
        if (lexer->text[at] == '\\') {
            at++;
            rc = escape_add(lexer, &at, err);
        } else {
            rc = plain_add(lexer, &at, err);
        }
    }
    if (rc == 0 && at >= lexer->len)
        return aql_lex_fail(lexer, err, "a string that does not end");
    lexer->at = at + 1;
    return rc;
}

/* --- all of them --- */

static size_t run_of(const struct aql_lexer *lexer, const char *chars)
{
    size_t at = lexer->at;

    while (at < lexer->len && lexer->text[at] && strchr(chars, lexer->text[at]))
        at++;
    return at - lexer->at;
}

static int run_read(struct aql_lexer *lexer, enum aql_token token, size_t len, struct err *err)
{
    lexer->token = token;
    if (buf_add(&lexer->value, lexer->text + lexer->at, len) < 0)
        return aql_lex_fail(lexer, err, "a word of more than %d bytes", AQL_STRING_MAX);
    lexer->at += len;
    return 0;
}

int aql_lex_next(struct aql_lexer *lexer, struct err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t len;

    lexer->at += run_of(lexer, " \t\r\n");
    lexer->start = lexer->at;
    buf_clear(&lexer->value);
    if (lexer->at == lexer->len) {
        lexer->token = AQL_TOKEN_END;
        return 0;
    }
    char c = lexer->text[lexer->at];
    if (c == '"')
        return string_read(lexer, err);
    if ((len = run_of(lexer, letters)) > 0)
        return run_read(lexer, AQL_TOKEN_WORD, len, err);
    if ((len = run_of(lexer, "-0123456789")) > 0)
        return run_read(lexer, AQL_TOKEN_NUMBER, len, err);
    if (!c || !strchr("{}[](),:.", c))
        return aql_lex_fail(lexer, err, "something that is no part of a query");
    lexer->token = AQL_TOKEN_MARK;
    lexer->mark = c;
    lexer->at++;
    return 0;
}
