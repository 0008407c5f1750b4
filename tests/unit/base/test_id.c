#include "sos/base/id.h"

#include "tests/unit/unit.h"

static void ids_sort_by_their_time(void **state)
{
    char before[ID_MAX], after[ID_MAX];
    (void)state;
    id_new("bld", 1795449731250, before);
    id_new("bld", 1795449731251, after);
    assert_true(strcmp(before, after) < 0);
    assert_int_equal(strlen(before), 4 + 26);
    assert_memory_equal(before, "bld_", 4);
}

static void the_time_is_where_the_ulid_specification_puts_it(void **state)
{
    char id[ID_MAX];
    (void)state;
    id_new("x", 1469918176385, id); /* the example of its README: 01ARYZ6S41 */
    assert_memory_equal(id, "x_01ARYZ6S41", 12);
    id_new("x", (1LL << 48) - 1, id);
    assert_memory_equal(id, "x_7ZZZZZZZZZ", 12);
}

static void an_id_is_never_given_twice(void **state)
{
    char ids[1000][ID_MAX];
    (void)state;
    for (int i = 0; i < 1000; i++)
        id_new("bld", 1, ids[i]);
    qsort(ids, 1000, ID_MAX, (int (*)(const void *, const void *))strcmp);
    for (int i = 1; i < 1000; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

static void only_whole_ids_are_valid(void **state)
{
    static const char *const bad[] = {
        "",
        "bld",
        "bld_",
        "bld_01ARYZ6S41TSV4RRFFQ69G5FA",
        "bld_01ARYZ6S41TSV4RRFFQ69G5FAVX",
        "bld_81ARYZ6S41TSV4RRFFQ69G5FAV",
        "bld_01aryz6s41tsv4rrffq69g5fav",
        "att_01ARYZ6S41TSV4RRFFQ69G5FAV",
        "bld_01ARYZ6S41TSV4RRFFQ69G5FAU",
        "bld-01ARYZ6S41TSV4RRFFQ69G5FAV",
        "bld_01ARYZ6S41TSV4RRFFQ69G5F/V",
    };
    char id[ID_MAX];
    (void)state;
    id_new("bld", 5, id);
    assert_true(id_is_valid("bld", id));
    assert_true(id_is_valid("bld", "bld_01ARYZ6S41TSV4RRFFQ69G5FAV"));
    for (size_t i = 0; i < countof(bad); i++)
        if (id_is_valid("bld", bad[i]))
            fail_msg("'%s' passed", bad[i]);
}

static void a_secret_tells_a_typing_error(void **state)
{
    char secret[SECRET_MAX], other[SECRET_MAX];
    (void)state;
    secret_new("sos", secret);
    secret_new("sos", other);
    assert_string_not_equal(secret, other);
    assert_int_equal(strlen(secret), 4 + 46);
    assert_true(secret_is_well_formed(secret));
    for (size_t i = 0; i < strlen(secret); i++) {
        char typo[SECRET_MAX];
        strcpy(typo, secret);
        typo[i] = typo[i] == 'a' ? 'b' : 'a';
        if (secret_is_well_formed(typo))
            fail_msg("a change of character %zu was not seen", i);
    }
    assert_false(secret_is_well_formed(""));
    assert_false(secret_is_well_formed("sos_"));
    secret[strlen(secret) - 1] = '\0';
    assert_false(secret_is_well_formed(secret));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_sort_by_their_time),
        cmocka_unit_test(the_time_is_where_the_ulid_specification_puts_it),
        cmocka_unit_test(an_id_is_never_given_twice),
        cmocka_unit_test(only_whole_ids_are_valid),
        cmocka_unit_test(a_secret_tells_a_typing_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
