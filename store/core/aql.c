/* aql.c - the parser: one function for each rule of the grammar. */
#include "store/core/aql.h"

#include <string.h>

#include "sos/base/auto.h"
#include "store/core/aql_lex.h"

struct parser {
    struct aql_lexer lexer;
    struct aql_query *query;
    int64_t now_ms;
    int depth;
    int terms;
    bool included; /* .include() named a field of the rows themselves */
    struct err *err;
};

#define FAIL(parser, ...) aql_lex_fail(&(parser)->lexer, (parser)->err, __VA_ARGS__)

static int next(struct parser *parser)
{
    return aql_lex_next(&parser->lexer, parser->err);
}

static bool is(const struct parser *parser, char mark)
{
    return aql_lex_is(&parser->lexer, mark);
}

static const char *value(const struct parser *parser)
{
    return aql_lex_value(&parser->lexer);
}

/* The mark must be there; the next token is read. */
static int take(struct parser *parser, char mark)
{
    return is(parser, mark) ? next(parser) : FAIL(parser, "'%c' is missing", mark);
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->lexer.token == AQL_TOKEN_WORD && strcmp(value(parser), word) == 0;
}

/* --- criteria --- */

static const struct {
    const char *name;
    enum aql_op op;
    bool relative;
} ops[] = {
    { "$eq", AQL_EQ, false },    { "$ne", AQL_NE, false },       { "$equals", AQL_EQ, false },
    { "$gt", AQL_GT, false },    { "$gte", AQL_GTE, false },     { "$lt", AQL_LT, false },
    { "$lte", AQL_LTE, false },  { "$match", AQL_MATCH, false }, { "$nmatch", AQL_NMATCH, false },
    { "$before", AQL_LT, true }, { "$last", AQL_GT, true },
};

/* A value that is no text, from the token that is read. */
static int number_take(struct parser *parser, struct aql_node *term, bool relative)
{
    enum aql_type type = aql_field_rule(term->field)->type;
    struct err why = { 0 };

    if (type == AQL_TYPE && term->op != AQL_EQ && term->op != AQL_NE)
        return FAIL(parser, "a type is compared with $eq and $ne only");
    if (term->op == AQL_MATCH || term->op == AQL_NMATCH)
        return FAIL(parser, "'%s' is no text, it has no pattern",
                    aql_field_rule(term->field)->name);
    int rc = relative ? aql_ago_parse(value(parser), parser->now_ms, &term->number, &why)
                      : aql_value_parse(type, value(parser), &term->number, &why);
    return rc < 0 ? FAIL(parser, "%s,", why.text) : 0;
}

/* A scalar: "text", 12 or null. */
static int value_take(struct parser *parser, struct aql_node *term, bool relative)
{
    enum aql_type type = aql_field_rule(term->field)->type;
    enum aql_token token = parser->lexer.token;
    int rc = 0;

    if (relative && type != AQL_TIME)
        return FAIL(parser, "$before and $last are for dates only");
    if (is_word(parser, "null")) {
        if (term->op != AQL_EQ && term->op != AQL_NE)
            return FAIL(parser, "null is compared with $eq and $ne only");
        term->null = true;
    } else if (token != AQL_TOKEN_STRING && token != AQL_TOKEN_NUMBER) {
        return FAIL(parser, "a value is missing");
    } else if (type == AQL_TEXT) {
        term->text = xstrdup(value(parser));
    } else {
        rc = number_take(parser, term, relative);
    }
    return rc < 0 ? rc : next(parser);
}

static int too_many(struct parser *parser)
{
    return FAIL(parser, "more than %d criteria", AQL_TERMS_MAX);
}

/* A term below `parent`, of the field that was named. */
static int term_add(struct parser *parser, struct aql_node *parent, const struct aql_node *named,
                    struct aql_node **ret)
{
    if (++parser->terms > AQL_TERMS_MAX)
        return too_many(parser);
    *ret = aql_add(parent, AQL_TERM);
    (*ret)->field = named->field;
    (*ret)->key = xstrdup(named->key);
    if (named->field == AQL_ITEM_TYPE)
        parser->query->typed = true;
    return 0;
}

/* "$op": value */
static int operation_parse(struct parser *parser, struct aql_node *parent,
                           const struct aql_node *named)
{
    struct aql_node *term;

    for (size_t i = 0; i < countof(ops); i++) {
        if (parser->lexer.token != AQL_TOKEN_STRING || strcmp(value(parser), ops[i].name) != 0)
            continue;
        int rc = term_add(parser, parent, named, &term);
        if (rc < 0)
            return rc;
        term->op = ops[i].op;
        rc = next(parser);
        if (rc == 0)
            rc = take(parser, ':');
        return rc < 0 ? rc : value_take(parser, term, ops[i].relative);
    }
    return FAIL(parser, "an operator ($eq, $match, …) is missing");
}

/* { "$op": value, … } or a value alone. */
static int comparison_parse(struct parser *parser, struct aql_node *parent,
                            const struct aql_node *named)
{
    struct aql_node *term;
    int rc;

    if (!is(parser, '{')) {
        rc = term_add(parser, parent, named, &term);
        return rc < 0 ? rc : value_take(parser, term, false);
    }
    do {
        rc = next(parser);
        if (rc == 0)
            rc = operation_parse(parser, parent, named);
    } while (rc == 0 && is(parser, ','));
    return rc < 0 ? rc : take(parser, '}');
}

static int object_parse(struct parser *parser, struct aql_node *parent);

/* [ {…}, … ]; each object is one child. */
static int array_parse(struct parser *parser, struct aql_node *parent)
{
    int rc;

    if (!is(parser, '['))
        return FAIL(parser, "'[' is missing");
    do {
        rc = ++parser->terms > AQL_TERMS_MAX ? too_many(parser) : next(parser);
        if (rc == 0)
            rc = object_parse(parser, aql_add(parent, AQL_AND));
    } while (rc == 0 && is(parser, ','));
    return rc < 0 ? rc : take(parser, ']');
}

static bool is_about_properties(const struct aql_node *node)
{
    if (node->kind == AQL_TERM)
        return aql_field_rule(node->field)->scope == AQL_OF_PROPERTY;
    for (const struct aql_node *child = node->children; child; child = child->next)
        if (!is_about_properties(child))
            return false;
    return true;
}

/* The key is read, and is "$or" or the like. */
static int compound_parse(struct parser *parser, struct aql_node *parent)
{
    static const struct {
        const char *name;
        enum aql_kind kind;
    } kinds[] = { { "$and", AQL_AND }, { "$or", AQL_OR }, { "$msp", AQL_MSP } };

    for (size_t i = 0; i < countof(kinds); i++) {
        if (strcmp(value(parser), kinds[i].name) != 0)
            continue;
        struct aql_node *node = aql_add(parent, kinds[i].kind);
        size_t start = parser->lexer.start;
        int rc = next(parser);
        if (rc == 0)
            rc = take(parser, ':');
        if (rc == 0)
            rc = array_parse(parser, node);
        if (rc < 0 || node->kind != AQL_MSP || is_about_properties(node))
            return rc;
        parser->lexer.start = start;
        return FAIL(parser, "$msp takes criteria on properties only");
    }
    return FAIL(parser, "'%.40s' is neither $and nor $or nor $msp", value(parser));
}

/* The key is read: what it names, in `ret`; the caller frees ret->key. */
static int name_parse(struct parser *parser, struct aql_node *ret)
{
    const char *name = value(parser);

    if (parser->query->domain == AQL_ITEMS && name[0] == '@' && name[1]) {
        ret->field = AQL_AT_KEY;
        ret->key = xstrdup(name + 1);
        return 0;
    }
    if (aql_field_find(parser->query->domain, name, &ret->field))
        return 0;
    return FAIL(parser, "'%.60s' is no field of this domain", name);
}

static int pair_parse(struct parser *parser, struct aql_node *parent)
{
    struct aql_node named = { .kind = AQL_TERM };

    if (parser->lexer.token != AQL_TOKEN_STRING)
        return FAIL(parser, "a field's name in quotes is missing");
    if (value(parser)[0] == '$')
        return compound_parse(parser, parent);
    int rc = name_parse(parser, &named);
    if (rc == 0)
        rc = next(parser);
    if (rc == 0)
        rc = take(parser, ':');
    if (rc == 0)
        rc = comparison_parse(parser, parent, &named);
    free(named.key);
    return rc;
}

/* { pair, … }, all below `parent` */
static int object_parse(struct parser *parser, struct aql_node *parent)
{
    if (!is(parser, '{'))
        return FAIL(parser, "'{' is missing");
    if (++parser->depth > AQL_DEPTH_MAX)
        return FAIL(parser, "more than %d objects inside of each other", AQL_DEPTH_MAX);
    int rc = next(parser);
    if (rc == 0 && !is(parser, '}'))
        rc = pair_parse(parser, parent);
    while (rc == 0 && is(parser, ',')) {
        rc = next(parser);
        if (rc == 0)
            rc = pair_parse(parser, parent);
    }
    parser->depth--;
    return rc < 0 ? rc : take(parser, '}');
}

static int criteria_parse(struct parser *parser)
{
    int rc = take(parser, '(');

    if (rc < 0 || is(parser, ')'))
        return rc < 0 ? rc : next(parser);
    rc = object_parse(parser, parser->query->root);
    while (rc == 0 && is(parser, ',')) {
        rc = next(parser);
        if (rc == 0)
            rc = object_parse(parser, parser->query->root);
    }
    return rc < 0 ? rc : take(parser, ')');
}

/* --- modifiers --- */

/* The first field of the rows that is named puts the default ones away. */
static void show(struct parser *parser, enum aql_field field)
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

static void show_all_of(struct parser *parser, enum aql_scope scope)
{
    for (int i = 0; i < AQL_FIELDS; i++)
        if (aql_field_rule((enum aql_field)i)->scope == scope)
            show(parser, (enum aql_field)i);
}

static int include_key(struct parser *parser, const char *key)
{
    struct aql_query *query = parser->query;

    if (strcmp(key, "*") == 0) {
        query->properties = true;
        return 0;
    }
    if (query->keys_count == AQL_KEYS_MAX)
        return FAIL(parser, "more than %d properties to show", AQL_KEYS_MAX);
    query->keys[query->keys_count++] = xstrdup(key);
    return 0;
}

static bool can_show(enum aql_field field)
{
    enum aql_scope scope = aql_field_rule(field)->scope;
    return scope == AQL_OF_ITEM || scope == AQL_OF_STAT || scope == AQL_OF_BUILD;
}

static int include_one(struct parser *parser)
{
    const char *name = value(parser);
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
        return FAIL(parser, "'%.60s' is nothing that can be included", name);
    return 0;
}

/* "a", "b" up to `end`, each given to `each` while it is read. */
static int strings_parse(struct parser *parser, char end, int (*each)(struct parser *))
{
    int rc = 0;

    for (bool more = true; rc == 0 && more;) {
        if (parser->lexer.token != AQL_TOKEN_STRING)
            return FAIL(parser, "a field's name in quotes is missing");
        rc = each(parser);
        if (rc == 0)
            rc = next(parser);
        more = is(parser, ',');
        if (rc == 0 && more)
            rc = next(parser);
    }
    return rc < 0 ? rc : take(parser, end);
}

static int include_parse(struct parser *parser)
{
    return strings_parse(parser, ')', include_one);
}

static int sort_one(struct parser *parser)
{
    struct aql_query *query = parser->query;
    enum aql_field field;

    if (!aql_field_find(query->domain, value(parser), &field) ||
        aql_field_rule(field)->scope != (query->domain == AQL_ITEMS ? AQL_OF_ITEM : AQL_OF_BUILD))
        return FAIL(parser, "'%.60s' is nothing to sort by", value(parser));
    if (query->sort_count == AQL_SORT_MAX)
        return FAIL(parser, "more than %d fields to sort by", AQL_SORT_MAX);
    query->sort[query->sort_count++] = field;
    return 0;
}

/* {"$asc": ["a", "b"]} */
static int sort_parse(struct parser *parser)
{
    if (parser->query->sort_count > 0)
        return FAIL(parser, "a second sort");
    int rc = take(parser, '{');
    if (rc < 0)
        return rc;
    parser->query->descending = strcmp(value(parser), "$desc") == 0;
    if (parser->lexer.token != AQL_TOKEN_STRING ||
        (!parser->query->descending && strcmp(value(parser), "$asc") != 0))
        return FAIL(parser, "\"$asc\" or \"$desc\" is missing");
    rc = next(parser);
    if (rc == 0)
        rc = take(parser, ':');
    if (rc == 0)
        rc = take(parser, '[');
    if (rc == 0)
        rc = strings_parse(parser, ']', sort_one);
    if (rc == 0)
        rc = take(parser, '}');
    return rc < 0 ? rc : take(parser, ')');
}

static int count_parse(struct parser *parser, int64_t *ret)
{
    int64_t count = -1;

    if (parser->lexer.token != AQL_TOKEN_NUMBER ||
        aql_value_parse(AQL_NUMBER, value(parser), &count, NULL) < 0 || count < 0)
        return FAIL(parser, "a count is missing");
    *ret = count;
    int rc = next(parser);
    return rc < 0 ? rc : take(parser, ')');
}

static int offset_parse(struct parser *parser)
{
    return count_parse(parser, &parser->query->offset);
}

static int limit_parse(struct parser *parser)
{
    return count_parse(parser, &parser->query->limit);
}

/* Rows are distinct whatever is said: each is one item or build. */
static int distinct_parse(struct parser *parser)
{
    if (!is_word(parser, "true") && !is_word(parser, "false"))
        return FAIL(parser, "true or false is missing");
    int rc = next(parser);
    return rc < 0 ? rc : take(parser, ')');
}

/* What upstreams have and we do not is never searched. */
static int transitive_parse(struct parser *parser)
{
    return take(parser, ')');
}

static int modifier_parse(struct parser *parser)
{
    static const struct {
        const char *name;
        int (*parse)(struct parser *);
    } modifiers[] = {
        { "include", include_parse },   { "sort", sort_parse },
        { "offset", offset_parse },     { "limit", limit_parse },
        { "distinct", distinct_parse }, { "transitive", transitive_parse },
    };
    int rc = next(parser);

    for (size_t i = 0; rc == 0 && i < countof(modifiers); i++)
        if (is_word(parser, modifiers[i].name)) {
            rc = next(parser);
            if (rc == 0)
                rc = take(parser, '(');
            return rc < 0 ? rc : modifiers[i].parse(parser);
        }
    return rc < 0 ? rc
                  : FAIL(parser, "include, sort, offset, limit, distinct or transitive is missing");
}

/* --- the whole --- */

static int head_parse(struct parser *parser)
{
    int rc = next(parser);

    if (rc < 0)
        return rc;
    if (is_word(parser, "items"))
        parser->query = aql_new(AQL_ITEMS);
    else if (is_word(parser, "builds"))
        parser->query = aql_new(AQL_BUILDS);
    else
        return FAIL(parser, "a query begins with items.find( or builds.find(, which is missing");
    rc = next(parser);
    if (rc == 0)
        rc = take(parser, '.');
    if (rc == 0 && !is_word(parser, "find"))
        return FAIL(parser, "'find' is missing");
    return rc < 0 ? rc : next(parser);
}

int aql_parse(const char *text, size_t len, int64_t now_ms, struct aql_query **ret, struct err *err)
{
    struct parser parser = { .now_ms = now_ms, .err = err };

    aql_lex_init(&parser.lexer, text, len);
    int rc = head_parse(&parser);
    if (rc == 0)
        rc = criteria_parse(&parser);
    while (rc == 0 && is(&parser, '.'))
        rc = modifier_parse(&parser);
    if (rc == 0 && parser.lexer.token != AQL_TOKEN_END)
        rc = FAIL(&parser, "the query ends here, but something is");
    aql_lex_done(&parser.lexer);
    if (rc == 0)
        *ret = parser.query;
    else
        aql_free(parser.query);
    return rc;
}
