/* What may be a project, a version, a file's name; total over single bytes. */
#include "server/core/names.h"
#include "tests/unit/unit.h"

static void every_byte_is_judged_at_both_places(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char alone[] = { (char)c, '\0' };
        char behind[] = { 'a', (char)c, '\0' };
        bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool upper = c >= 'A' && c <= 'Z';
        bool mark = c == '.' || c == '_' || c == '-';

        assert_int_equal(name_is_project(alone), lower);
        assert_int_equal(name_is_project(behind), lower || mark);
        assert_int_equal(name_is_version(alone), lower || upper);
        assert_int_equal(name_is_version(behind), lower || upper || mark || c == '+');
        assert_int_equal(name_is_file(behind), name_is_version(behind));
    }
}

static void names_have_a_length(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'a', sizeof name);
    for (size_t len = 0; len < sizeof name; len++) {
        name[len] = '\0';
        assert_int_equal(name_is_project(name), len >= 1 && len <= 64);
        assert_int_equal(name_is_version(name), len >= 1 && len <= 128);
        assert_int_equal(name_is_file(name), len >= 1 && len <= 200);
        name[len] = 'a';
    }
    assert_false(name_is_project(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_judged_at_both_places),
        cmocka_unit_test(names_have_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
