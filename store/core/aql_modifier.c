/* aql_modifier.c - the parser of what follows: which fields, in what order, how many. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/aql_own.h"

/* The first field of the rows that is named puts the default ones away. */
static void show(struct aql_parser *parser, enum aql_field field)
{
    enum aql_scope scope = aql_field_rule(field)->scope;

    if (!parser->included && (scope == AQL_OF_ITEM || scope == AQL_OF_BUILD)) {
        for (int i = 0; i < AQL_FIELDS; i++)
            if (aql_field_rule((enum aql_field)i)->scope == scope)
                parser->query->shown[i] = false;
        parser->included = true;
    }
    parser->query->shown[field] = true;
}

static void show_all_of(struct aql_parser *parser, enum aql_scope scope)
{
    for (int i = 0; i < AQL_FIELDS; i++)
        if (aql_field_rule((enum aql_field)i)->scope == scope)
            show(parser, (enum aql_field)i);
}

static int include_key(struct aql_parser *parser, const char *key)
{
    struct aql_query *query = parser->query;

    if (strcmp(key, "*") == 0) {
        query->properties = true;
        return 0;
    }
    if (query->keys_count == AQL_KEYS_MAX)
        return AQL_FAIL(parser, "more than %d properties to show", AQL_KEYS_MAX);
    query->keys[query->keys_count++] = xstrdup(key);
    return 0;
}

static bool can_show(enum aql_field field)
{
    enum aql_scope scope = aql_field_rule(field)->scope;
    return scope == AQL_OF_ITEM || scope == AQL_OF_STAT || scope == AQL_OF_BUILD;
}

static int include_one(struct aql_parser *parser)
{
    const char *name = aql_value(parser);
    bool items = parser->query->domain == AQL_ITEMS;
    enum aql_field field;

    if (items && name[0] == '@' && name[1])
        return include_key(parser, name + 1);
    if (strcmp(name, "*") == 0)
        show_all_of(parser, items ? AQL_OF_ITEM : AQL_OF_BUILD);
    else if (items && (strcmp(name, "property") == 0 || strncmp(name, "property.", 9) == 0))
        parser->query->properties = true;
    else if (items && (strcmp(name, "stat") == 0 || strcmp(name, "stat.*") == 0))
        show_all_of(parser, AQL_OF_STAT);
    else if (aql_field_find(parser->query->domain, name, &field) && can_show(field))
        show(parser, field);
    else
        return AQL_FAIL(parser, "'%.60s' is nothing that can be included", name);
    return 0;
}

/* "a", "b" up to `end`, each given to `each` while it is read. */
static int strings_parse(struct aql_parser *parser, char end, int (*each)(struct aql_parser *))
{
    int rc = 0;

    for (bool more = true; rc == 0 && more;) {
        if (parser->lexer.token != AQL_TOKEN_STRING)
            return AQL_FAIL(parser, "a field's name in quotes is missing");
        rc = each(parser);
        if (rc == 0)
            rc = aql_next(parser);
        more = aql_is(parser, ',');
        if (rc == 0 && more)
            rc = aql_next(parser);
    }
    return rc < 0 ? rc : aql_take(parser, end);
}

static int include_parse(struct aql_parser *parser)
{
    return strings_parse(parser, ')', include_one);
}

static int sort_one(struct aql_parser *parser)
{
    struct aql_query *query = parser->query;
    enum aql_field field;

    if (!aql_field_find(query->domain, aql_value(parser), &field) ||
        aql_field_rule(field)->scope != (query->domain == AQL_ITEMS ? AQL_OF_ITEM : AQL_OF_BUILD))
        return AQL_FAIL(parser, "'%.60s' is nothing to sort by", aql_value(parser));
    if (query->sort_count == AQL_SORT_MAX)
        return AQL_FAIL(parser, "more than %d fields to sort by", AQL_SORT_MAX);
    query->sort[query->sort_count++] = field;
    return 0;
}

/* {"$asc": ["a", "b"]} */
static int sort_parse(struct aql_parser *parser)
{
    if (parser->query->sort_count > 0)
        return AQL_FAIL(parser, "a second sort");
    int rc = aql_take(parser, '{');
    if (rc < 0)
        return rc;
    parser->query->descending = strcmp(aql_value(parser), "$desc") == 0;
    if (parser->lexer.token != AQL_TOKEN_STRING ||
        (!parser->query->descending && strcmp(aql_value(parser), "$asc") != 0))
        return AQL_FAIL(parser, "\"$asc\" or \"$desc\" is missing");
    rc = aql_next(parser);
    if (rc == 0)
        rc = aql_take(parser, ':');
    if (rc == 0)
        rc = aql_take(parser, '[');
    if (rc == 0)
        rc = strings_parse(parser, ']', sort_one);
    if (rc == 0)
        rc = aql_take(parser, '}');
    return rc < 0 ? rc : aql_take(parser, ')');
}

static int count_parse(struct aql_parser *parser, int64_t *ret)
{
    int64_t count = -1;

    if (parser->lexer.token != AQL_TOKEN_NUMBER ||
        aql_value_parse(AQL_NUMBER, aql_value(parser), &count, NULL) < 0 || count < 0)
        return AQL_FAIL(parser, "a count is missing");
    *ret = count;
    int rc = aql_next(parser);
    return rc < 0 ? rc : aql_take(parser, ')');
}

static int offset_parse(struct aql_parser *parser)
{
    return count_parse(parser, &parser->query->offset);
}

static int limit_parse(struct aql_parser *parser)
{
    return count_parse(parser, &parser->query->limit);
}

/* Rows are distinct whatever is said: each is one item or build. */
static int distinct_parse(struct aql_parser *parser)
{
    if (!aql_is_word(parser, "true") && !aql_is_word(parser, "false"))
        return AQL_FAIL(parser, "true or false is missing");
    int rc = aql_next(parser);
    return rc < 0 ? rc : aql_take(parser, ')');
}

/* What upstreams have and we do not is never searched. */
static int transitive_parse(struct aql_parser *parser)
{
    return aql_take(parser, ')');
}

int aql_modifier_parse(struct aql_parser *parser)
{
    static const struct {
        const char *name;
        int (*parse)(struct aql_parser *);
    } modifiers[] = {
        { "include", include_parse },   { "sort", sort_parse },
        { "offset", offset_parse },     { "limit", limit_parse },
        { "distinct", distinct_parse }, { "transitive", transitive_parse },
    };
    int rc = aql_next(parser);

    for (size_t i = 0; rc == 0 && i < countof(modifiers); i++)
        if (aql_is_word(parser, modifiers[i].name)) {
            rc = aql_next(parser);
            if (rc == 0)
                rc = aql_take(parser, '(');
            return rc < 0 ? rc : modifiers[i].parse(parser);
        }
    return rc < 0 ? rc
                  : AQL_FAIL(parser,
                             "include, sort, offset, limit, distinct or transitive is missing");
}
