/* aql.c - the parser: its steps from token to token, and a query as a whole.
 *
 *     items.find( criteria ).modifier( … ).modifier( … )
 *                 aql_criteria.c   aql_modifier.c */
#include "store/core/aql.h"

#include <string.h>

#include "store/core/aql_own.h"

int aql_next(struct aql_parser *parser)
{
    return aql_lex_next(&parser->lexer, parser->err);
}

bool aql_is(const struct aql_parser *parser, char mark)
{
    return aql_lex_is(&parser->lexer, mark);
}

const char *aql_value(const struct aql_parser *parser)
{
    return aql_lex_value(&parser->lexer);
}

int aql_take(struct aql_parser *parser, char mark)
{
    return aql_is(parser, mark) ? aql_next(parser) : AQL_FAIL(parser, "'%c' is missing", mark);
}

bool aql_is_word(const struct aql_parser *parser, const char *word)
{
    return parser->lexer.token == AQL_TOKEN_WORD && strcmp(aql_value(parser), word) == 0;
}

static int head_parse(struct aql_parser *parser)
{
    int rc = aql_next(parser);

    if (rc < 0)
        return rc;
    if (aql_is_word(parser, "items"))
        parser->query = aql_new(AQL_ITEMS);
    else if (aql_is_word(parser, "builds"))
        parser->query = aql_new(AQL_BUILDS);
    else
        return AQL_FAIL(parser,
                        "a query begins with items.find( or builds.find(, which is missing");
    rc = aql_next(parser);
    if (rc == 0)
        rc = aql_take(parser, '.');
    if (rc == 0 && !aql_is_word(parser, "find"))
        return AQL_FAIL(parser, "'find' is missing");
    return rc < 0 ? rc : aql_next(parser);
}

int aql_parse(const char *text, size_t len, int64_t now_ms, struct aql_query **ret, struct err *err)
{
    struct aql_parser parser = { .now_ms = now_ms, .err = err };

    aql_lex_init(&parser.lexer, text, len);
    int rc = head_parse(&parser);
    if (rc == 0)
        rc = aql_criteria_parse(&parser);
    while (rc == 0 && aql_is(&parser, '.'))
        rc = aql_modifier_parse(&parser);
    if (rc == 0 && parser.lexer.token != AQL_TOKEN_END)
        rc = AQL_FAIL(&parser, "the query ends here, but something is");
    aql_lex_done(&parser.lexer);
    if (rc == 0)
        *ret = parser.query;
    else
        aql_free(parser.query);
    return rc;
}
