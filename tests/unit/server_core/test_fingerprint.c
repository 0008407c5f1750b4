#include "tests/unit/unit.h"

#include "server/core/fingerprint.h"

struct parts {
    char *source, *image, *recipe, *project, *version, *entry;
};

static void print_of(struct parts p, char ret[SHA256_HEX])
{
    struct sos_image_ref image = { .build_digest = p.image, .recipe_sha256 = p.recipe };
    struct sos_build msg = { .source = p.source,
                             .project = p.project,
                             .version = p.version,
                             .entry = p.entry,
                             .image = &image };
    build_fingerprint(&msg, ret);
}

static const char text[] = "abcdef";
#define PARTS                                                                                      \
    {                                                                                              \
        (char *)"a", (char *)"b", (char *)"c", (char *)"d", (char *)"e", (char *)"f"               \
    }

static void each_part_counts(void **state)
{
    (void)state;
    struct parts parts = PARTS;
    char first[SHA256_HEX], other[SHA256_HEX];
    print_of(parts, first);
    char **each[] = { &parts.source,  &parts.image,   &parts.recipe,
                      &parts.project, &parts.version, &parts.entry };
    for (size_t i = 0; i < countof(each); i++) {
        char *was = *each[i];
        *each[i] = (char *)"x";
        print_of(parts, other);
        assert_string_not_equal(first, other);
        *each[i] = was;
    }
    print_of(parts, other);
    assert_string_equal(first, other);
}

/* What differs between two people who build the same thing does not count. */
static void who_when_and_why_do_not_count(void **state)
{
    (void)state;
    struct sos_build one = {
        .source = (char *)text, .created_by = (char *)"a", .number = 1, .source_date_epoch = 1
    };
    struct sos_build two = { .source = (char *)text,
                             .created_by = (char *)"b",
                             .number = 2,
                             .source_date_epoch = 2,
                             .priority = SOS_PRIORITY_HIGH };
    char first[SHA256_HEX], other[SHA256_HEX];
    build_fingerprint(&one, first);
    build_fingerprint(&two, other);
    assert_string_equal(first, other);
}

/* A value that looks like the next field is still a value. */
static void no_value_passes_for_two(void **state)
{
    (void)state;
    struct parts one = PARTS, two = PARTS;
    one.project = (char *)"p\nversion 1:e";
    one.version = (char *)"";
    two.project = (char *)"p";
    two.version = (char *)"e";
    char first[SHA256_HEX], other[SHA256_HEX];
    print_of(one, first);
    print_of(two, other);
    assert_string_not_equal(first, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_counts),
        cmocka_unit_test(who_when_and_why_do_not_count),
        cmocka_unit_test(no_value_passes_for_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
