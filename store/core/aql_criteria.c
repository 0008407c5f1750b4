/* aql_criteria.c - the parser of what must hold: one function for each rule of the grammar. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/aql_own.h"

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
static int number_take(struct aql_parser *parser, struct aql_node *term, bool relative)
{
    enum aql_type type = aql_field_rule(term->field)->type;
    struct err why = { 0 };

    if (type == AQL_TYPE && term->op != AQL_EQ && term->op != AQL_NE)
        return AQL_FAIL(parser, "a type is compared with $eq and $ne only");
    if (term->op == AQL_MATCH || term->op == AQL_NMATCH)
        return AQL_FAIL(parser, "'%s' is no text, it has no pattern",
                        aql_field_rule(term->field)->name);
    int rc = relative ? aql_ago_parse(aql_value(parser), parser->now_ms, &term->number, &why)
                      : aql_value_parse(type, aql_value(parser), &term->number, &why);
    return rc < 0 ? AQL_FAIL(parser, "%s,", why.text) : 0;
}

/* A scalar: "text", 12 or null. */
static int value_take(struct aql_parser *parser, struct aql_node *term, bool relative)
{
    enum aql_type type = aql_field_rule(term->field)->type;
    enum aql_token token = parser->lexer.token;
    int rc = 0;

    if (relative && type != AQL_TIME)
        return AQL_FAIL(parser, "$before and $last are for dates only");
    if (aql_is_word(parser, "null")) {
        if (term->op != AQL_EQ && term->op != AQL_NE)
            return AQL_FAIL(parser, "null is compared with $eq and $ne only");
        term->null = true;
    } else if (token != AQL_TOKEN_STRING && token != AQL_TOKEN_NUMBER) {
        return AQL_FAIL(parser, "a value is missing");
    } else if (type == AQL_TEXT) {
        term->text = xstrdup(aql_value(parser));
    } else {
        rc = number_take(parser, term, relative);
    }
    return rc < 0 ? rc : aql_next(parser);
}

static int too_many(struct aql_parser *parser)
{
    return AQL_FAIL(parser, "more than %d criteria", AQL_TERMS_MAX);
}

/* A term below `parent`, of the field that was named. */
static int term_add(struct aql_parser *parser, struct aql_node *parent,
                    const struct aql_node *named, struct aql_node **ret)
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
static int operation_parse(struct aql_parser *parser, struct aql_node *parent,
                           const struct aql_node *named)
{
    struct aql_node *term;

    for (size_t i = 0; i < countof(ops); i++) {
        if (parser->lexer.token != AQL_TOKEN_STRING || strcmp(aql_value(parser), ops[i].name) != 0)
            continue;
        int rc = term_add(parser, parent, named, &term);
        if (rc < 0)
            return rc;
        term->op = ops[i].op;
        rc = aql_next(parser);
        if (rc == 0)
            rc = aql_take(parser, ':');
        return rc < 0 ? rc : value_take(parser, term, ops[i].relative);
    }
    return AQL_FAIL(parser, "an operator ($eq, $match, …) is missing");
}

/* { "$op": value, … } or a value alone. */
static int comparison_parse(struct aql_parser *parser, struct aql_node *parent,
                            const struct aql_node *named)
{
    struct aql_node *term;
    int rc;

    if (!aql_is(parser, '{')) {
        rc = term_add(parser, parent, named, &term);
        return rc < 0 ? rc : value_take(parser, term, false);
    }
    do {
        rc = aql_next(parser);
        if (rc == 0)
            rc = operation_parse(parser, parent, named);
    } while (rc == 0 && aql_is(parser, ','));
    return rc < 0 ? rc : aql_take(parser, '}');
}

static int object_parse(struct aql_parser *parser, struct aql_node *parent);

/* [ {…}, … ]; each object is one child. */
static int array_parse(struct aql_parser *parser, struct aql_node *parent)
{
    int rc;

    if (!aql_is(parser, '['))
        return AQL_FAIL(parser, "'[' is missing");
    do {
        rc = ++parser->terms > AQL_TERMS_MAX ? too_many(parser) : aql_next(parser);
        if (rc == 0)
            rc = object_parse(parser, aql_add(parent, AQL_AND));
    } while (rc == 0 && aql_is(parser, ','));
    return rc < 0 ? rc : aql_take(parser, ']');
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
static int compound_parse(struct aql_parser *parser, struct aql_node *parent)
{
    static const struct {
        const char *name;
        enum aql_kind kind;
    } kinds[] = { { "$and", AQL_AND }, { "$or", AQL_OR }, { "$msp", AQL_MSP } };

    for (size_t i = 0; i < countof(kinds); i++) {
        if (strcmp(aql_value(parser), kinds[i].name) != 0)
            continue;
        struct aql_node *node = aql_add(parent, kinds[i].kind);
        size_t start = parser->lexer.start;
        int rc = aql_next(parser);
        if (rc == 0)
            rc = aql_take(parser, ':');
        if (rc == 0)
            rc = array_parse(parser, node);
        if (rc < 0 || node->kind != AQL_MSP || is_about_properties(node))
            return rc;
        parser->lexer.start = start;
        return AQL_FAIL(parser, "$msp takes criteria on properties only");
    }
    return AQL_FAIL(parser, "'%.40s' is neither $and nor $or nor $msp", aql_value(parser));
}

/* The key is read: what it names, in `ret`; the caller frees ret->key. */
static int name_parse(struct aql_parser *parser, struct aql_node *ret)
{
    const char *name = aql_value(parser);

    if (parser->query->domain == AQL_ITEMS && name[0] == '@' && name[1]) {
        ret->field = AQL_AT_KEY;
        ret->key = xstrdup(name + 1);
        return 0;
    }
    if (aql_field_find(parser->query->domain, name, &ret->field))
        return 0;
    return AQL_FAIL(parser, "'%.60s' is no field of this domain", name);
}

static int pair_parse(struct aql_parser *parser, struct aql_node *parent)
{
    struct aql_node named = { .kind = AQL_TERM };

    if (parser->lexer.token != AQL_TOKEN_STRING)
        return AQL_FAIL(parser, "a field's name in quotes is missing");
    if (aql_value(parser)[0] == '$')
        return compound_parse(parser, parent);
    int rc = name_parse(parser, &named);
    if (rc == 0)
        rc = aql_next(parser);
    if (rc == 0)
        rc = aql_take(parser, ':');
    if (rc == 0)
        rc = comparison_parse(parser, parent, &named);
    free(named.key);
    return rc;
}

/* { pair, … }, all below `parent` */
static int object_parse(struct aql_parser *parser, struct aql_node *parent)
{
    if (!aql_is(parser, '{'))
        return AQL_FAIL(parser, "'{' is missing");
    if (++parser->depth > AQL_DEPTH_MAX)
        return AQL_FAIL(parser, "more than %d objects inside of each other", AQL_DEPTH_MAX);
    int rc = aql_next(parser);
    if (rc == 0 && !aql_is(parser, '}'))
        rc = pair_parse(parser, parent);
    while (rc == 0 && aql_is(parser, ',')) {
        rc = aql_next(parser);
        if (rc == 0)
            rc = pair_parse(parser, parent);
    }
    parser->depth--;
    return rc < 0 ? rc : aql_take(parser, '}');
}

int aql_criteria_parse(struct aql_parser *parser)
{
    int rc = aql_take(parser, '(');

    if (rc < 0 || aql_is(parser, ')'))
        return rc < 0 ? rc : aql_next(parser);
    rc = object_parse(parser, parser->query->root);
    while (rc == 0 && aql_is(parser, ',')) {
        rc = aql_next(parser);
        if (rc == 0)
            rc = object_parse(parser, parser->query->root);
    }
    return rc < 0 ? rc : aql_take(parser, ')');
}
