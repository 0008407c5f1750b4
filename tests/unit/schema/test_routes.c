/* The generated route table. */
#include "sos/v1_routes.h"

#include "sos/v1_openapi.h"
#include "tests/unit/unit.h"

static void every_route_is_whole(void **state)
{
    (void)state;
    for (int op = 0; op < SOS_OP_COUNT; op++) {
        const struct sos_route *route = &sos_routes[op];

        assert_non_null(route->name);
        assert_non_null(route->method);
        assert_int_equal(route->path[0], '/');
        assert_in_range(route->status, 200, 204);
        assert_non_null(route->query);
        if (route->request)
            assert_string_equal(route->request_media, "application/json");
        if (route->status == 204)
            assert_null(route->answer_media);
    }
}

static void no_two_routes_have_one_method_and_path(void **state)
{
    (void)state;
    for (int a = 0; a < SOS_OP_COUNT; a++)
        for (int b = 0; b < a; b++)
            assert_false(strcmp(sos_routes[a].method, sos_routes[b].method) == 0 &&
                         strcmp(sos_routes[a].path, sos_routes[b].path) == 0);
}

static void a_route_tells_what_the_rule_says(void **state)
{
    (void)state;
    const struct sos_route *create = &sos_routes[SOS_OP_CREATE_BUILD];
    assert_string_equal(create->method, "POST");
    assert_string_equal(create->path, "/v1/builds");
    assert_int_equal(create->status, 201);
    assert_int_equal(create->role, SOS_ROLE_SUBMITTER);
    assert_ptr_equal(create->request, &sos_create_build_request_type);
    assert_ptr_equal(create->answer, &sos_build_type);

    const struct sos_route *append = &sos_routes[SOS_OP_APPEND_LOG];
    assert_null(append->request);
    assert_string_equal(append->request_media, "text/plain");
    assert_string_equal(append->query[0], "offset");
    assert_string_equal(append->query[1], "fence");
    assert_null(append->query[2]);
}

static void the_document_is_embedded_whole(void **state)
{
    (void)state;
    assert_int_equal(strlen(sos_openapi), sos_openapi_len);
    assert_int_equal(sos_openapi[0], '{');
    assert_string_equal(sos_openapi + sos_openapi_len - 2, "}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_whole),
        cmocka_unit_test(no_two_routes_have_one_method_and_path),
        cmocka_unit_test(a_route_tells_what_the_rule_says),
        cmocka_unit_test(the_document_is_embedded_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
