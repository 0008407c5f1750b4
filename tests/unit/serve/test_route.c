#include "tests/unit/unit.h"

#include "common/serve/route_match.h"
#include "sos/v1_routes.h"

/* The parts as "a|b", or NULL. */
static const char *match(const char *pattern, const char *path)
{
    static char text[256];
    struct route_part parts[4];
    size_t count = 0;

    if (!route_matches(pattern, path, parts, countof(parts), &count))
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", i ? "|" : "",
                 (int)parts[i].len, parts[i].text);
    return text;
}

static void a_variable_is_one_element_that_is_not_empty(void **state)
{
    (void)state;

    assert_string_equal(match("/v1/builds/{build}", "/v1/builds/bld_1"), "bld_1");
    assert_null(match("/v1/builds/{build}", "/v1/builds/"));
    assert_null(match("/v1/builds/{build}", "/v1/builds"));
    assert_null(match("/v1/builds/{build}", "/v1/builds/a/b"));
    assert_null(match("/v1/builds/{build}", "/v1/builds/a/"));
    assert_string_equal(match("/v1/builds/{build}", "/v1/builds/a%2Fb"), "a%2Fb");
    assert_string_equal(match("/a/{x}/v/{y}/f/{z}", "/a/1/v/2.0:3/f/4"), "1|2.0:3|4");
    assert_null(match("/a/{x}/log", "/a/1/logs"));
}

static void a_verb_ends_its_element(void **state)
{
    (void)state;

    assert_string_equal(match("/v1/builds/{build}:cancel", "/v1/builds/b:cancel"), "b");
    assert_string_equal(match("/v1/builds/{build}:cancel", "/v1/builds/b:x:cancel"), "b:x");
    assert_null(match("/v1/builds/{build}:cancel", "/v1/builds/b"));
    assert_null(match("/v1/builds/{build}:cancel", "/v1/builds/:cancel"));
    assert_null(match("/v1/builds/{build}:cancel", "/v1/builds/b:cancel/"));
}

static void more_variables_than_room_is_no_match(void **state)
{
    (void)state;

    assert_null(match("/{a}/{b}/{c}/{d}/{e}", "/1/2/3/4/5"));
    assert_string_equal(match("/{a}/{b}/{c}/{d}", "/1/2/3/4"), "1|2|3|4");
}

static void no_operation_has_more_variables_than_a_match_holds(void **state)
{
    (void)state;

    for (int op = 0; op < SOS_OP_COUNT; op++) {
        int count = 0;
        for (const char *at = sos_routes[op].path; *at; at++)
            count += *at == '{';
        assert_in_range(count, 0, 4);
        assert_int_equal(sos_routes[op].path[0], '/');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_one_element_that_is_not_empty),
        cmocka_unit_test(a_verb_ends_its_element),
        cmocka_unit_test(more_variables_than_room_is_no_match),
        cmocka_unit_test(no_operation_has_more_variables_than_a_match_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
