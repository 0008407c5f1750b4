#include "tests/unit/unit.h"

#include "server/core/rank.h"

enum { KEYS = 300, STEPS = 3000, SEEDS = 20 };

/* Against an array of what is in: size, order and places agree after every step. */
static void a_rank_agrees_with_an_array(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        srand(seed);
        struct rank rank;
        rank_init(&rank);
        struct rank_node nodes[KEYS];
        bool in[KEYS] = { false };
        for (int step = 0; step < STEPS; step++) {
            int k = rand() % KEYS;
            if (in[k])
                rank_remove(&rank, &nodes[k]);
            else
                rank_add(&rank, &nodes[k], (struct rank_key){ k / 100 - 1, k % 100 });
            in[k] = !in[k];

            int probe = rand() % KEYS;
            size_t before = 0, size = 0;
            for (int i = 0; i < KEYS; i++) {
                before += in[i] && i < probe;
                size += in[i];
            }
            struct rank_key key = { probe / 100 - 1, probe % 100 };
            assert_int_equal(rank_size(&rank), size);
            assert_int_equal(rank_before(&rank, key), before);
            if (in[probe])
                assert_ptr_equal(rank_at(&rank, before), &nodes[probe]);
            assert_null(rank_at(&rank, size));
        }
    }
}

static size_t depth(const struct rank_node *node)
{
    if (!node)
        return 0;
    size_t left = depth(node->left), right = depth(node->right);
    return 1 + (left > right ? left : right);
}

/* Keys come in order, which is what would make a plain tree a list. */
static void a_hundred_thousand_keys_in_order_stay_shallow(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct rank_node *nodes = xcalloc(COUNT, sizeof *nodes);
    struct rank rank;
    rank_init(&rank);
    for (int64_t i = 0; i < COUNT; i++)
        rank_add(&rank, &nodes[i], (struct rank_key){ -2, i });
    assert_true(depth(rank.root) < 64);
    assert_ptr_equal(rank_at(&rank, 77777), &nodes[77777]);
    free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_agrees_with_an_array),
        cmocka_unit_test(a_hundred_thousand_keys_in_order_stay_shallow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
