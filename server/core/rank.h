/* rank.h - an ordered set that also counts: the n-th item and the place of an item, each in
 * O(log n).  Intrusive: nodes are embedded in their owners and nothing is allocated.
 *
 * A treap whose heap order is a hash of the key, so that its shape is that of a random tree and
 * yet the same for the same keys. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower `high` comes first, then lower `low`; a key is in a set once. */
struct rank_key {
    int64_t high;
    int64_t low;
};

struct rank_node {
    struct rank_key key;
    struct rank_node *left;
    struct rank_node *right;
    size_t size; /* of the subtree */
    uint64_t heap;
};

struct rank {
    struct rank_node *root;
};

void rank_init(struct rank *rank);
size_t rank_size(const struct rank *rank);
/* Put `node` under `key`, which must not be there. */
void rank_add(struct rank *rank, struct rank_node *node, struct rank_key key);
/* Take out what is there under the key of `node`. */
void rank_remove(struct rank *rank, struct rank_node *node);
/* How many keys come before `key`, whether it is there or not. */
size_t rank_before(const struct rank *rank, struct rank_key key);
/* The `index`-th from 0; NULL past the end. */
struct rank_node *rank_at(const struct rank *rank, size_t index);
