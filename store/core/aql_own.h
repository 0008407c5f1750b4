/* aql_own.h - what the files of the parser share: the token that is read, and how to go on. */
#pragma once
#include "store/core/aql.h"
#include "store/core/aql_lex.h"

struct aql_parser {
    struct aql_lexer lexer;
    struct aql_query *query;
    int64_t now_ms;
    int depth;
    int terms;
    bool included; /* .include() named a field of the rows themselves */
    struct err *err;
};

/* All of these: 0, or -ERR_INVALID with what is wrong, and where. */
#define AQL_FAIL(parser, ...) aql_lex_fail(&(parser)->lexer, (parser)->err, __VA_ARGS__)
int aql_next(struct aql_parser *parser);
/* The mark must be there; the next token is read. */
int aql_take(struct aql_parser *parser, char mark);
/* "( … )" behind find, into the query's root. */
int aql_criteria_parse(struct aql_parser *parser);
/* ".name( … )", from its dot on. */
int aql_modifier_parse(struct aql_parser *parser);

/* Of the token that is read. */
bool aql_is(const struct aql_parser *parser, char mark);
bool aql_is_word(const struct aql_parser *parser, const char *word);
const char *aql_value(const struct aql_parser *parser);
