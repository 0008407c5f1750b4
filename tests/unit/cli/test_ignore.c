/* Ignore rules are git's: each row was checked against `git check-ignore`. */
#include "tests/unit/unit.h"

#include "cli/project/ignore.h"

#include <string.h>

struct glob_case {
    const char *pattern;
    const char *text;
    bool matches;
};

static const struct glob_case globs[] = {
    { "a", "a", true },
    { "a", "b", false },
    { "*", "abc", true },
    { "*.c", "x.c", true },
    { "*.c", "x/y.c", false },
    { "a*b*c", "aXXbYYc", true },
    { "?", "a", true },
    { "?", "/", false },
    { "[a-c]", "b", true },
    { "[!a-c]", "b", false },
    { "[]]", "]", true },
    { "[a", "[a", false },
    { "[[:digit:]]x", "7x", true },
    { "a**", "a/b", false },
    { "\\*", "*", true },
    { "\\*", "x", false },
    { "**/x", "x", true },
    { "**/x", "a/b/x", true },
    { "a/**", "a/b/c", true },
    { "a/**", "a", false },
    { "a/**/b", "a/b", true },
    { "a/**/b", "a/x/y/b", true },
    { "a/*/b", "a/x/y/b", false },
    { "a**b", "aXb", true },
    { "a**b", "a/b", false },
    { "**/a/**/b", "x/a/y/b", true },
    { "**/a/*.c", "x/a/b/a/y.c", true },
    { "", "", true },
};

static void globs_match_as_git_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
        if (ignore_glob(globs[i].pattern, globs[i].text) != globs[i].matches)
            fail_msg("%s against %s", globs[i].pattern, globs[i].text);
}

struct rule_case {
    const char *rules;
    const char *folder;
    const char *path;
    bool is_folder;
    bool out;
};

static const struct rule_case rules[] = {
    { "build", "", "build", true, true },
    { "build", "", "src/build", true, true },
    { "/build", "", "src/build", true, false },
    { "build/", "", "build", false, false },
    { "build/", "", "build", true, true },
    { "src/build", "", "a/src/build", true, false },
    { "*.log\n!keep.log", "", "keep.log", false, false },
    { "*.log\n!keep.log", "", "x.log", false, true },
    { "# comment\n\n*.o", "", "x.o", false, true },
    { "\\#x", "", "#x", false, true },
    { "x \n", "", "x", false, true },
    { "x\\ \n", "", "x ", false, true },
    { "*.o\r\n", "", "x.o", false, true },
    { "*.o", "sub", "x.o", false, false },
    { "*.o", "sub", "sub/a/x.o", false, true },
    { "/x", "sub", "sub/x", false, true },
    { "/x", "sub", "sub/a/x", false, false },
};

static void rules_decide_as_git_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct ignore *ignore = ignore_new();
        assert_int_equal(ignore_add(ignore, rules[i].folder, rules[i].rules, strlen(rules[i].rules),
                                    NULL),
                         0);
        if (ignore_matches(ignore, rules[i].path, rules[i].is_folder) != rules[i].out)
            fail_msg("%s below \"%s\" against %s", rules[i].rules, rules[i].folder, rules[i].path);
        ignore_free(ignore);
    }
}

/* .sosignore has the last word, in both directions, and says nothing of what it does not name. */
static void the_upper_layer_outranks_the_lower(void **state)
{
    (void)state;
    struct ignore *under = ignore_new(), *over = ignore_new();
    ignore_add_pattern(under, "", "*.lock", NULL);
    ignore_add_pattern(over, "", "!uv.lock", NULL);
    ignore_add_pattern(over, "", "data", NULL);
    assert_false(ignore_decide(under, over, "uv.lock", false));
    assert_true(ignore_decide(under, over, "x.lock", false));
    assert_true(ignore_decide(under, over, "data", true));
    assert_false(ignore_decide(under, over, "main.py", false));
    ignore_free(under);
    ignore_free(over);
}

/* Leaving a folder forgets its rules. */
static void reset_forgets_what_came_after_the_mark(void **state)
{
    (void)state;
    struct ignore *ignore = ignore_new();
    ignore_add_pattern(ignore, "", "a", NULL);
    size_t mark = ignore_mark(ignore);
    ignore_add_pattern(ignore, "", "b", NULL);
    ignore_reset(ignore, mark);
    assert_true(ignore_matches(ignore, "a", false));
    assert_false(ignore_matches(ignore, "b", false));
    ignore_free(ignore);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_as_git_does),
        cmocka_unit_test(rules_decide_as_git_does),
        cmocka_unit_test(the_upper_layer_outranks_the_lower),
        cmocka_unit_test(reset_forgets_what_came_after_the_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
