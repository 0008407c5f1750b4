#include "tests/unit/unit.h"

#include "sos/serve/auth.h"
#include "sos/v1.h"

enum { NOW = 1000 };

static struct auth *auth_with(const char *id, const char *secret, int64_t expire_ms)
{
    struct auth *auth = auth_new();
    struct auth_token token = { .role = SOS_ROLE_SUBMITTER, .expire_wall_ms = expire_ms };

    snprintf(token.id, sizeof token.id, "%s", id);
    snprintf(token.subject, sizeof token.subject, "ci");
    sha256_hex(secret, strlen(secret), token.sha256);
    auth_put(auth, &token);
    return auth;
}

static void a_token_is_known_in_both_schemes(void **state)
{
    (void)state;
    struct auth *auth = auth_with("tok_1", "s3cret", 0);

    assert_string_equal(auth_check_header(auth, "Bearer s3cret", NOW)->id, "tok_1");
    assert_string_equal(auth_check_header(auth, "bearer  s3cret", NOW)->id, "tok_1");
    /* "anybody:s3cret" and ":s3cret" */
    assert_non_null(auth_check_header(auth, "Basic YW55Ym9keTpzM2NyZXQ=", NOW));
    assert_non_null(auth_check_header(auth, "basic OnMzY3JldA==", NOW));
    auth_free(auth);
}

static void what_is_not_quite_a_token_is_nobody(void **state)
{
    (void)state;
    struct auth *auth = auth_with("tok_1", "s3cret", 0);
    char long_header[2000];

    memset(long_header, 'a', sizeof long_header - 1);
    long_header[sizeof long_header - 1] = '\0';
    assert_null(auth_check_header(auth, NULL, NOW));
    assert_null(auth_check_header(auth, "", NOW));
    assert_null(auth_check_header(auth, "s3cret", NOW));
    assert_null(auth_check_header(auth, "Bearer", NOW));
    assert_null(auth_check_header(auth, "Bearer ", NOW));
    assert_null(auth_check_header(auth, "Bearer s3cre", NOW));
    assert_null(auth_check_header(auth, "Bearer s3crets", NOW));
    assert_null(auth_check_header(auth, "Digest s3cret", NOW));
    assert_null(auth_check_header(auth, "Basic s3cret", NOW));
    assert_null(auth_check_header(auth, "Basic ====", NOW));
    assert_null(auth_check_header(auth, "Basic czNjcmV0", NOW)); /* "s3cret", no colon */
    assert_null(auth_check_header(auth, "Basic ", NOW));
    assert_null(auth_check_header(auth, long_header, NOW));
    memcpy(long_header, "Basic ", 6);
    assert_null(auth_check_header(auth, long_header, NOW));
    auth_free(auth);
}

static void a_token_ends_when_it_expires_or_is_removed(void **state)
{
    (void)state;
    struct auth *auth = auth_with("tok_1", "s3cret", NOW);

    assert_null(auth_check_header(auth, "Bearer s3cret", NOW));
    assert_non_null(auth_check_header(auth, "Bearer s3cret", NOW - 1));
    assert_true(auth_remove(auth, "tok_1"));
    assert_false(auth_remove(auth, "tok_1"));
    assert_null(auth_check_header(auth, "Bearer s3cret", NOW - 1));
    auth_free(auth);
}

static void a_token_of_the_same_id_replaces(void **state)
{
    (void)state;
    struct auth *auth = auth_with("tok_1", "old", 0);
    struct auth_token token = *auth_check_header(auth, "Bearer old", NOW);

    sha256_hex("new", 3, token.sha256);
    auth_put(auth, &token);
    assert_null(auth_check_header(auth, "Bearer old", NOW));
    assert_non_null(auth_check_header(auth, "Bearer new", NOW));
    auth_free(auth);
}

/* Rows are the caller's role, columns what is needed; both from UNSPECIFIED to WORKER. */
static void the_role_table_is_total(void **state)
{
    (void)state;
    static const char *const allowed[] = { "100000", "110000", "111000",
                                           "111100", "111110", "110001" };

    for (int role = 0; role < 6; role++)
        for (int least = 0; least < 6; least++)
            assert_int_equal(auth_role_allows(role, least), allowed[role][least] == '1');
    assert_int_equal(SOS_ROLE_WORKER, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_known_in_both_schemes),
        cmocka_unit_test(what_is_not_quite_a_token_is_nobody),
        cmocka_unit_test(a_token_ends_when_it_expires_or_is_removed),
        cmocka_unit_test(a_token_of_the_same_id_replaces),
        cmocka_unit_test(the_role_table_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
