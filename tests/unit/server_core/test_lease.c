#include "made.h"

#include "server/core/lease.h"

static const struct lease_rules rules = { .ttl_ms = 60000, .renew_ms = 15000 };

static void a_lease_ends_a_ttl_after_its_last_renewal(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    assert_false(lease_is_over(build, INT64_MAX));
    made_apply(build, BUILD_LEASE);
    lease_extend(build, &rules, 1000);
    assert_false(lease_is_over(build, 60999));
    assert_true(lease_is_over(build, 61000));
    lease_extend(build, &rules, 50000);
    assert_false(lease_is_over(build, 109999));
    assert_true(lease_is_over(build, 110000));
    made_apply(build, BUILD_LOST_RETRY);
    assert_false(lease_is_over(build, INT64_MAX));
    assert_int_equal(build->lease_until_mono_ms, 0);
    build_free(build);
}

/* The worker that was taken for dead comes back: never believed, whoever has the build now. */
static void a_zombie_is_told_that_its_lease_is_stale(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    struct err err = { 0 };
    assert_fails(lease_check(build, 0, 0, &err), ERR_CONFLICT);
    made_apply(build, BUILD_LEASE);
    assert_ok(lease_check(build, 1, 1, &err), err);
    made_apply(build, BUILD_LOST_RETRY);
    assert_fails(lease_check(build, 1, 1, &err), ERR_CONFLICT);
    assert_string_equal(err.reason, "STALE_LEASE");
    made_apply(build, BUILD_LEASE);
    assert_fails(lease_check(build, 1, 1, &err), ERR_CONFLICT);
    assert_fails(lease_check(build, 2, 1, &err), ERR_CONFLICT);
    assert_fails(lease_check(build, 1, 2, &err), ERR_CONFLICT);
    assert_ok(lease_check(build, 2, 2, &err), err);
    made_apply(build, BUILD_FINISH_OK);
    assert_fails(lease_check(build, 2, 2, &err), ERR_CONFLICT);
    build_free(build);
}

static void registering_again_orphans_only_earlier_sessions(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    assert_false(lease_is_orphaned(build, "w", "new"));
    made_apply(build, BUILD_LEASE); /* worker "w", session "s" */
    assert_true(lease_is_orphaned(build, "w", "new"));
    assert_false(lease_is_orphaned(build, "w", "s"));
    assert_false(lease_is_orphaned(build, "other", "new"));
    made_apply(build, BUILD_CANCEL);
    assert_true(lease_is_orphaned(build, "w", "new"));
    made_apply(build, BUILD_LOST);
    assert_false(lease_is_orphaned(build, "w", "new"));
    build_free(build);
}

static void an_attempt_id_comes_back_as_it_went(void **state)
{
    (void)state;
    struct build *build = made(7, "D");
    build->msg.attempt = 12;
    char id[ATTEMPT_ID_MAX], parsed[ID_MAX];
    int32_t attempt = 0;
    struct err err = { 0 };
    attempt_id_format(build, id);
    assert_ok(attempt_id_parse(id, parsed, &attempt, &err), err);
    assert_string_equal(parsed, build->msg.id);
    assert_int_equal(attempt, 12);
    build_free(build);
}

static void what_is_no_attempt_id_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ".",
        ".1",
        "bld_00000000000000000000000001",
        "bld_00000000000000000000000001.",
        "bld_00000000000000000000000001.0",
        "bld_00000000000000000000000001.01",
        "bld_00000000000000000000000001.-1",
        "bld_00000000000000000000000001.1x",
        "bld_00000000000000000000000001.123",
        "bld_0000000000000000000000000.1",
        "../../../../etc/passwd.1",
        "tok_00000000000000000000000001.1",
        "bld_000000000000000000000000010000000000000000000000000000000000.1",
    };
    for (size_t i = 0; i < countof(wrong); i++) {
        char build[ID_MAX];
        int32_t attempt;
        assert_fails(attempt_id_parse(wrong[i], build, &attempt, NULL), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_ends_a_ttl_after_its_last_renewal),
        cmocka_unit_test(a_zombie_is_told_that_its_lease_is_stale),
        cmocka_unit_test(registering_again_orphans_only_earlier_sessions),
        cmocka_unit_test(an_attempt_id_comes_back_as_it_went),
        cmocka_unit_test(what_is_no_attempt_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
