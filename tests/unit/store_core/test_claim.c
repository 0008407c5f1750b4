#include "tests/unit/unit.h"

#include "store/core/claim.h"

#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA1_ABC   "a9993e364706816aba3e25717850c26c9cd0d89d"
#define MD5_ABC    "900150983cd24fb0d6963f7d28e17f72"

static const struct digests abc = { SHA256_ABC, SHA1_ABC, MD5_ABC, 3 };

static void the_length_tells_the_kind(void **state)
{
    struct claim claim = { 0 };

    (void)state;
    assert_int_equal(claim_add_by_length(&claim, SHA256_ABC, NULL), 0);
    assert_int_equal(claim_bits(&claim), CLAIM_SHA256);
    assert_int_equal(claim_add_by_length(&claim, SHA1_ABC, NULL), 0);
    assert_int_equal(claim_add_by_length(&claim, MD5_ABC, NULL), 0);
    assert_int_equal(claim_bits(&claim), CLAIM_SHA256 | CLAIM_SHA1 | CLAIM_MD5);
    assert_int_equal(claim_check(&claim, &abc, NULL), 0);
    assert_int_equal(claim_add_by_length(&claim, "abc", NULL), 0);
}

static void upper_case_is_the_same_checksum(void **state)
{
    struct claim claim = { 0 };

    (void)state;
    assert_int_equal(claim_add(&claim, CLAIM_MD5, "900150983CD24FB0D6963F7D28E17F72", NULL), 0);
    assert_int_equal(claim_add(&claim, CLAIM_MD5, MD5_ABC, NULL), 0);
    assert_int_equal(claim_check(&claim, &abc, NULL), 0);
}

static void other_bytes_are_a_conflict_that_names_both(void **state)
{
    struct claim claim = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(claim_add(&claim, CLAIM_MD5, "00000000000000000000000000000000", NULL), 0);
    assert_fails(claim_check(&claim, &abc, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "md5"));
    assert_non_null(strstr(err.text, "00000000000000000000000000000000"));
    assert_non_null(strstr(err.text, MD5_ABC));
    assert_non_null(strstr(err.text, "3 bytes"));
}

static void what_is_no_checksum_is_refused(void **state)
{
    struct claim claim = { 0 };

    (void)state;
    assert_fails(claim_add(&claim, CLAIM_SHA1, MD5_ABC, NULL), ERR_INVALID);
    assert_fails(claim_add(&claim, CLAIM_MD5, "zz0150983cd24fb0d6963f7d28e17f72", NULL),
                 ERR_INVALID);
    assert_true(claim_is_empty(&claim));
    assert_int_equal(claim_add(&claim, CLAIM_SHA1, SHA1_ABC, NULL), 0);
    assert_fails(claim_add_by_length(&claim, "0000000000000000000000000000000000000000", NULL),
                 ERR_INVALID);
}

static void the_same_bytes_are_never_refused(void **state)
{
    (void)state;
    assert_int_equal(deploy_decide(NULL, "a", true), DEPLOY_CREATE);
    assert_int_equal(deploy_decide(NULL, "a", false), DEPLOY_CREATE);
    assert_int_equal(deploy_decide("a", "a", true), DEPLOY_SAME);
    assert_int_equal(deploy_decide("a", "a", false), DEPLOY_SAME);
    assert_int_equal(deploy_decide("b", "a", false), DEPLOY_REPLACE);
    assert_int_equal(deploy_decide("b", "a", true), DEPLOY_REFUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_tells_the_kind),
        cmocka_unit_test(upper_case_is_the_same_checksum),
        cmocka_unit_test(other_bytes_are_a_conflict_that_names_both),
        cmocka_unit_test(what_is_no_checksum_is_refused),
        cmocka_unit_test(the_same_bytes_are_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
