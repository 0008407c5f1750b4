#include "server/core/rank.h"

#include <assert.h>

/* splitmix64: the place in the heap. */
static uint64_t key_hash(struct rank_key key)
{
    uint64_t x = (uint64_t)key.high * 0x9e3779b97f4a7c15u + (uint64_t)key.low;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static int key_compare(struct rank_key a, struct rank_key b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

static size_t node_size(const struct rank_node *node)
{
    return node ? node->size : 0;
}

static void node_count(struct rank_node *node)
{
    node->size = 1 + node_size(node->left) + node_size(node->right);
}

/* Part a tree into what comes before `key` and the rest. */
static void node_split(struct rank_node *node, struct rank_key key, struct rank_node **ret_left,
                       struct rank_node **ret_right)
{
    if (!node) {
        *ret_left = *ret_right = NULL;
        return;
    }
    if (key_compare(node->key, key) < 0) {
        node_split(node->right, key, &node->right, ret_right);
        *ret_left = node;
    } else {
        node_split(node->left, key, ret_left, &node->left);
        *ret_right = node;
    }
    node_count(node);
}

/* The reverse; all of `left` comes before all of `right`. */
static struct rank_node *node_join(struct rank_node *left, struct rank_node *right)
{
    if (!left || !right)
        return left ? left : right;
    if (left->heap > right->heap) {
        left->right = node_join(left->right, right);
        node_count(left);
        return left;
    }
    right->left = node_join(left, right->left);
    node_count(right);
    return right;
}

void rank_init(struct rank *rank)
{
    rank->root = NULL;
}

size_t rank_size(const struct rank *rank)
{
    return node_size(rank->root);
}

void rank_add(struct rank *rank, struct rank_node *node, struct rank_key key)
{
    *node = (struct rank_node){ .key = key, .size = 1, .heap = key_hash(key) };

    struct rank_node **at = &rank->root;
    while (*at && (*at)->heap >= node->heap) {
        int order = key_compare(key, (*at)->key);
        assert(order != 0);
        (*at)->size++;
        at = order < 0 ? &(*at)->left : &(*at)->right;
    }
    node_split(*at, key, &node->left, &node->right);
    node_count(node);
    *at = node;
}

void rank_remove(struct rank *rank, struct rank_node *node)
{
    struct rank_node **at = &rank->root;
    while (*at != node) {
        assert(*at);
        (*at)->size--;
        at = key_compare(node->key, (*at)->key) < 0 ? &(*at)->left : &(*at)->right;
    }
    *at = node_join(node->left, node->right);
    node->left = node->right = NULL;
}

size_t rank_before(const struct rank *rank, struct rank_key key)
{
    size_t before = 0;
    const struct rank_node *node = rank->root;
    while (node) {
        if (key_compare(node->key, key) < 0) {
            before += node_size(node->left) + 1;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return before;
}

struct rank_node *rank_at(const struct rank *rank, size_t index)
{
    struct rank_node *node = rank->root;
    while (node) {
        size_t left = node_size(node->left);
        if (index == left)
            return node;
        if (index < left) {
            node = node->left;
        } else {
            index -= left + 1;
            node = node->right;
        }
    }
    return NULL;
}
