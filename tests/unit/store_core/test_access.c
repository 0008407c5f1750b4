#include "tests/unit/unit.h"

#include "store/core/access.h"

static void a_scope_allows_what_its_words_say_and_nothing_else(void **state)
{
    static const struct {
        const char *scope;
        int access;
        const char *repo;
        const char *path;
        bool allowed;
    } rows[] = {
        { SCOPE_ADMIN, ACCESS_ADMIN | ACCESS_DELETE, "r", "a", true },
        { SCOPE_USER, ACCESS_READ | ACCESS_PUSH | ACCESS_ANNOTATE, "r", "a", true },
        { SCOPE_USER, ACCESS_DELETE, "r", "a", false },
        { SCOPE_READERS, ACCESS_READ, "r", "a", true },
        { SCOPE_READERS, ACCESS_PUSH, NULL, NULL, false },
        { "artifact:r:r", ACCESS_READ, "r", "any/thing", true },
        { "artifact:r:r", ACCESS_READ, "r2", "any/thing", false },
        { "artifact:r:r", ACCESS_PUSH, "r", "any/thing", false },
        { "artifact:r/a:r,w", ACCESS_READ | ACCESS_PUSH, "r", "a/b/c", true },
        { "artifact:r/a:r,w", ACCESS_PUSH, "r", "a", true },
        { "artifact:r/a:r,w", ACCESS_PUSH, "r", "ab", false },
        { "artifact:r/a:r,w", ACCESS_PUSH, "r", "", false },
        { "artifact:r/a/:r", ACCESS_READ, "r", "a/b", true },
        { "artifact:r/a*:r", ACCESS_READ, "r", "ab/c", true },
        { "artifact:r/a/**:r", ACCESS_READ, "r", "a/b", true },
        { "artifact:r/a/**:r", ACCESS_READ, "r", "ab", false },
        { "artifact:r/**:r", ACCESS_READ, "r", "", true },
        { "artifact:*/a:r", ACCESS_READ, "x", "a/b", true },
        { "artifact:*:r", ACCESS_READ, "x", "a/b", true },
        { "artifact:r/a%20b:d", ACCESS_DELETE, "r", "a b", true },
        { "artifact:r/a:b:m", ACCESS_MANAGE, "r", "a:b", true },
        { "artifact:r/a:r artifact:r/a/b:w", ACCESS_READ | ACCESS_PUSH, "r", "a/b/c", true },
        { "artifact:r/a:r artifact:r/a/b:w", ACCESS_READ | ACCESS_PUSH, "r", "a/c", false },
        { "artifact:r/a:r", ACCESS_READ, "r", NULL, true },
        { "artifact:r/a:r", ACCESS_READ, NULL, NULL, true },
        { "artifact:r/a:r", ACCESS_READ, "q", NULL, false },
        { "artifact:r/a:r,w,n,d,m", ACCESS_ADMIN, NULL, NULL, false },
        { "", ACCESS_READ, NULL, NULL, false },
        { "nonsense", ACCESS_READ, NULL, NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (scope_allows(rows[i].scope, rows[i].access, rows[i].repo, rows[i].path) !=
            rows[i].allowed)
            fail_msg("row %zu: %s", i, rows[i].scope);
}

static void a_word_that_is_no_scope_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "applied-permissions/groups:writers",
        "artifact:",
        "artifact:r",
        "artifact:r:",
        "artifact:r:x",
        "artifact:r:r,",
        "artifact:r:rw",
        "artifact:r/a*b:r",
        "artifact:r/%zz:r",
        "artifact:api:r",
        "artifact::r",
        SCOPE_READERS " artifact",
    };

    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct err err = { 0 };
        if (scope_check(bad[i], &err) != -ERR_INVALID || !err.text[0])
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void a_scope_has_a_largest_size(void **state)
{
    char text[SCOPE_MAX + 1];
    struct err err = { 0 };

    (void)state;
    text[0] = '\0';
    for (size_t i = 0; i <= SCOPE_WORDS_MAX; i++)
        strcat(text, "artifact:r:r ");
    assert_int_equal(scope_check(text, &err), -ERR_LIMIT);
    memset(text, ' ', SCOPE_MAX);
    text[SCOPE_MAX] = '\0';
    assert_int_equal(scope_check(text, &err), -ERR_LIMIT);
}

static void a_part_has_no_word_the_whole_has_not(void **state)
{
    (void)state;
    assert_true(scope_is_part("artifact:a:r", "artifact:b:r  artifact:a:r"));
    assert_true(scope_is_part("artifact:b:r artifact:a:r", "artifact:a:r artifact:b:r"));
    assert_false(scope_is_part("artifact:a:r artifact:c:r", "artifact:a:r"));
    assert_false(scope_is_part("artifact:a:r", "artifact:a:r,w"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_allows_what_its_words_say_and_nothing_else),
        cmocka_unit_test(a_word_that_is_no_scope_is_refused),
        cmocka_unit_test(a_scope_has_a_largest_size),
        cmocka_unit_test(a_part_has_no_word_the_whole_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
