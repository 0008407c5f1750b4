#include "sos/base/digest.h"

#include <sys/stat.h>

#include "tests/unit/unit.h"

static void the_three_digests_are_those_of_the_standards(void **state)
{
    struct digests d;
    (void)state;
    struct hasher *hasher = hasher_new();
    hasher_add(hasher, "a", 1);
    hasher_add(hasher, "", 0);
    hasher_add(hasher, "bc", 2);
    hasher_end(hasher, &d);
    hasher_free(hasher);
    assert_string_equal(d.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(d.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_string_equal(d.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(d.size_bytes, 3);
}

static void one_hasher_digests_one_text_after_the_other(void **state)
{
    struct digests first;
    struct digests other;
    struct digests again;
    (void)state;
    struct hasher *hasher = hasher_new();
    hasher_again(hasher);
    hasher_add(hasher, "abc", 3);
    hasher_end(hasher, &first);
    hasher_again(hasher);
    hasher_end(hasher, &other);
    hasher_again(hasher);
    hasher_add(hasher, "abc", 3);
    hasher_end(hasher, &again);
    hasher_free(hasher);
    assert_string_equal(first.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(other.md5, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(other.size_bytes, 0);
    assert_string_equal(again.sha256, first.sha256);
    assert_string_equal(again.sha1, first.sha1);
    assert_string_equal(again.md5, first.md5);
    assert_int_equal(again.size_bytes, 3);
}

static void only_one_may_be_asked_for(void **state)
{
    struct digests d;
    char hex[SHA256_HEX];
    (void)state;
    struct hasher *hasher = hasher_new_sha256();
    hasher_end(hasher, &d);
    hasher_free(hasher);
    hasher_free(NULL);
    sha256_hex("", 0, hex);
    assert_string_equal(d.sha256, hex);
    assert_string_equal(d.sha1, "");
    assert_string_equal(d.md5, "");
}

static void a_digest_is_64_lower_case_hex_digits(void **state)
{
    char hex[SHA256_HEX + 1];
    (void)state;
    sha256_hex("x", 1, hex);
    assert_true(sha256_hex_is_valid(hex));
    hex[63] = 'A';
    assert_false(sha256_hex_is_valid(hex));
    hex[63] = '\0';
    assert_false(sha256_hex_is_valid(hex));
    strcpy(hex + 63, "00");
    assert_false(sha256_hex_is_valid(hex));
    assert_false(sha256_hex_is_valid(""));
}

static void a_file_is_digested_and_nothing_else_is(void **state)
{
    struct digests d;
    struct err err;
    auto_free char *path = xasprintf("%s/f", (char *)*state);
    auto_free char *fifo = xasprintf("%s/fifo", (char *)*state);
    auto_free char *absent = xasprintf("%s/absent", (char *)*state);
    assert_ok(fs_write_atomic(path, "abc", 3, 0600, &err), err);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ok(digest_file(path, &d, &err), err);
    assert_string_equal(d.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_fails(digest_file(fifo, &d, &err), ERR_INVALID);
    assert_fails(digest_file(*state, &d, &err), ERR_INVALID);
    assert_fails(digest_file(absent, &d, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_digests_are_those_of_the_standards),
        cmocka_unit_test(one_hasher_digests_one_text_after_the_other),
        cmocka_unit_test(only_one_may_be_asked_for),
        cmocka_unit_test(a_digest_is_64_lower_case_hex_digits),
        unit_test_in_folder(a_file_is_digested_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
