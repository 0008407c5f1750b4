#include "tests/unit/unit.h"

#include "store/core/props.h"

/* "k=v k=v2" for a table of expectations. */
static void props_are(const struct props *props, const char *want)
{
    char text[1024] = "";

    for (size_t i = 0; i < props->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", i ? " " : "",
                 props->list[i].key, props->list[i].value);
    assert_string_equal(text, want);
}

static void property_lists_are_split_after_decoding(void **state)
{
    static const char *const rows[][2] = {
        { "qa=ok%2Ca%5C%2Cb;rel=yes", "qa=ok qa=a,b rel=yes" },
        { "k=v1,v2|l=w", "k=v1 k=v2 l=w" },
        { "k=a\\;b\\|c\\=d", "k=a;b|c=d" },
        { "k=a+b%20c", "k=a b c" },
        { "k=a=b", "k=a=b" },
        { "k=", "k=" },
        { "k", "k=" },
        { "k=1;;l=2;", "k=1 l=2" },
        { "k=1,1", "k=1" },
        { "", "" },
        { "k=x\\", "k=x\\" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct props props;
        struct err err = { 0 };
        props_init(&props);
        assert_ok(props_parse_query(rows[i][0], strlen(rows[i][0]), &props, &err), err);
        props_are(&props, rows[i][1]);
        props_done(&props);
    }
}

static void keys_follow_artifactorys_rule(void **state)
{
    static const char *const good[] = { "a",   "build.name", "vcs.branch", "a-b_c", "sos.k\u00e9y",
                                        "a:b", "a'b",        "a\"b" };
    static const char *const bad[] = { "",        "1a",    ".a",  "a b", "a)b",    "a/b",
                                       "a=b",     "a,b",   "a;b", "a%b", "a\\b",   "a\u00b1",
                                       "a\u00a7", "a\xff", "a~",  "a+",  "\u00e9a" };
    char long_key[PROP_KEY_MAX + 2];

    (void)state;
    for (size_t i = 0; i < countof(good); i++)
        assert_true(prop_key_is_valid(good[i]));
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(prop_key_is_valid(bad[i]));
    memset(long_key, 'k', sizeof long_key);
    long_key[sizeof long_key - 1] = '\0';
    assert_false(prop_key_is_valid(long_key));
}

static void bad_lists_are_refused(void **state)
{
    static const char *const bad[] = { "1=x", "k=%zz", "k=%00", "a b=c", "=v", "k=%ff" };

    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct props props;
        props_init(&props);
        assert_fails(props_parse_query(bad[i], strlen(bad[i]), &props, NULL), ERR_INVALID);
        props_done(&props);
    }
}

static void there_is_a_cap_on_properties(void **state)
{
    struct props props;
    char key[20];

    (void)state;
    props_init(&props);
    for (int i = 0; i < PROPS_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(props_add(&props, key, "v", NULL), 0);
    }
    assert_fails(props_add(&props, "last", "v", NULL), ERR_LIMIT);
    assert_int_equal(props_add(&props, "k0", "v", NULL), 0);
    props_done(&props);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(property_lists_are_split_after_decoding),
        cmocka_unit_test(keys_follow_artifactorys_rule),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(there_is_a_cap_on_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
