/* Digests as npm writes them. */
#include "tests/unit/unit.h"

#include "store/core/sri.h"

#define SHA1 "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="
#define SHA512                                                                                     \
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/"                                                    \
    "SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="

static void the_strongest_of_several_counts(void **state)
{
    struct sri sri;
    char text[SRI_TEXT_MAX];

    (void)state;
    assert_true(sri_parse(SHA1 " " SHA512 "?opt \n" SHA1, &sri));
    assert_string_equal(sri.algorithm, "sha512");
    sri_write(&sri, text);
    assert_string_equal(text, SHA512);
    assert_true(sri_parse(SHA1, &sri));
    assert_int_equal(sri.len, 20);
    sri_write(&sri, text);
    assert_string_equal(text, SHA1);
}

static void what_is_not_whole_is_none(void **state)
{
    static const char *const bad[] = { "",
                                       "sha1",
                                       "sha1-",
                                       "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk",
                                       "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBw==",
                                       "sha1-2jmj7l5rSw0yVb/vlWAYkK/YB=k=",
                                       "sha1-2jmj7l5rSw0yVb/vlWAYkK/Y*wk=",
                                       "md5-1B2M2Y8AsgTpgAmY7PhCfg==" };
    struct sri sri;

    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(sri_parse(bad[i], &sri));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_of_several_counts),
        cmocka_unit_test(what_is_not_whole_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
