/* fuzz_store_aql.c - any bytes as a query: refused with a text, or a tree within the caps whose
 * terms are whole. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "store/core/aql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_members(void *ctx, const char *repo)
{
    (void)ctx;
    return repo[0] == 'v' ? "a+b" : NULL;
}

static int check_node(const struct aql_node *node, int depth)
{
    int terms = 0;

    assert(depth <= 3 * AQL_DEPTH_MAX);
    if (node->kind == AQL_TERM) {
        bool text = aql_field_rule(node->field)->type == AQL_TEXT;
        assert(!node->children && node->op < AQL_OPS);
        assert(node->null || (node->text != NULL) == text);
        assert(!node->null || node->op == AQL_EQ || node->op == AQL_NE);
        assert((node->key != NULL) == (node->field == AQL_AT_KEY));
        return 1;
    }
    for (const struct aql_node *child = node->children; child; child = child->next)
        terms += check_node(child, depth + 1);
    return terms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aql_query *query = NULL;
    struct err err = { 0 };
    int rc = aql_parse((const char *)data, size, 1770000000000, &query, &err);

    assert(rc == 0 || (rc == -ERR_INVALID && err.text[0]));
    if (rc < 0)
        return 0;
    assert(check_node(query->root, 0) <= AQL_TERMS_MAX);
    assert(query->sort_count <= AQL_SORT_MAX && query->keys_count <= AQL_KEYS_MAX);
    assert(query->limit >= -1 && query->offset >= 0);
    aql_expand_repos(query, no_members, NULL);
    check_node(query->root, 0);
    if (size > 0) {
        char pattern[33] = "";
        memcpy(pattern, data, size < 32 ? size : 32);
        aql_match(pattern, "org/acme/app");
    }
    aql_free(query);
    return 0;
}
