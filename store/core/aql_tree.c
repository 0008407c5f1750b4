/* aql_tree.c - queries as trees: made, freed; patterns. */
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/utf8.h"
#include "store/core/aql.h"
#include "store/core/repo.h"

struct aql_query *aql_new(enum aql_domain domain)
{
    struct aql_query *query = xcalloc(1, sizeof *query);

    query->domain = domain;
    query->limit = -1;
    query->root = xcalloc(1, sizeof *query->root);
    query->root->kind = AQL_AND;
    for (int i = 0; i < AQL_FIELDS; i++) {
        const struct aql_field_rule *rule = aql_field_rule((enum aql_field)i);
        query->shown[i] = rule->domain == domain && rule->shown;
    }
    return query;
}

static void node_free(struct aql_node *node)
{
    while (node) {
        struct aql_node *next = node->next;
        node_free(node->children);
        free(node->key);
        free(node->text);
        free(node);
        node = next;
    }
}

void aql_free(struct aql_query *query)
{
    if (!query)
        return;
    node_free(query->root);
    for (size_t i = 0; i < query->keys_count; i++)
        free(query->keys[i]);
    free(query);
}

struct aql_node *aql_add(struct aql_node *parent, enum aql_kind kind)
{
    struct aql_node *node = xcalloc(1, sizeof *node);
    struct aql_node **end = &parent->children;

    while (*end)
        end = &(*end)->next;
    node->kind = kind;
    *end = node;
    return node;
}

struct aql_node *aql_add_text(struct aql_node *parent, enum aql_field field, enum aql_op op,
                              const char *text)
{
    struct aql_node *term = aql_add(parent, AQL_TERM);

    term->field = field;
    term->op = op;
    term->text = xstrdup(text);
    return term;
}

struct aql_node *aql_add_property(struct aql_node *parent, const char *key, enum aql_op op,
                                  const char *value)
{
    struct aql_node *term = aql_add_text(parent, AQL_AT_KEY, op, value);

    term->key = xstrdup(key);
    return term;
}

/* The term becomes an $or of terms, or an $and of those that deny. */
static void term_expand(struct aql_node *term, const char *members)
{
    char key[REPO_KEY_MAX + 1];
    enum aql_op op = term->op;

    free(term->text);
    term->text = NULL;
    term->kind = op == AQL_EQ ? AQL_OR : AQL_AND;
    while (repo_next_member(&members, key))
        aql_add_text(aql_add(term, AQL_AND), AQL_REPO, op, key);
}

static void node_expand(struct aql_node *node, const char *(*members)(void *ctx, const char *repo),
                        void *ctx)
{
    for (struct aql_node *child = node->children; child; child = child->next) {
        bool names = child->kind == AQL_TERM && child->field == AQL_REPO && child->text &&
                     (child->op == AQL_EQ || child->op == AQL_NE);
        const char *list = names ? members(ctx, child->text) : NULL;
        if (list)
            term_expand(child, list);
        else
            node_expand(child, members, ctx);
    }
}

void aql_expand_repos(struct aql_query *query, const char *(*members)(void *ctx, const char *repo),
                      void *ctx)
{
    node_expand(query->root, members, ctx);
}

/* Goes back to the last star only: each text is looked at once for each star. */
bool aql_match(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *behind = NULL;

    while (*text) {
        size_t size = utf8_next(text, strlen(text), NULL);
        if (*pattern == '*') {
            star = pattern++;
            behind = text;
        } else if (*pattern == '?') {
            pattern++;
            text += size ? size : 1;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++behind;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
