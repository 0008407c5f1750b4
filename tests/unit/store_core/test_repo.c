#include "tests/unit/unit.h"

#include "store/core/repo.h"

static void a_repository_is_what_its_words_say(void **state)
{
    struct repository repo;
    struct err err = { 0 };

    (void)state;
    assert_ok(repo_parse("sos-release-local immutable", &repo, &err), err);
    assert_string_equal(repo.key, "sos-release-local");
    assert_true(repo.immutable && repo.type == REPO_GENERIC && repo.class == REPO_LOCAL);
    assert_ok(repo_parse(" npm  npm virtual members=a+b deploy=a ", &repo, &err), err);
    assert_string_equal(repo.key, "npm");
    assert_true(repo.type == REPO_NPM && repo.class == REPO_VIRTUAL);
    assert_string_equal(repo.members, "a+b");
    assert_string_equal(repo.deploy, "a");
    assert_ok(repo_parse("r go remote url=https://host.example:8443/go/", &repo, &err), err);
    assert_string_equal(repo.url, "https://host.example:8443/go");
    assert_ok(repo_parse("p pypi virtual members=a+b mix=one+two-2", &repo, &err), err);
    assert_true(repo_mixes(&repo, "one") && repo_mixes(&repo, "two-2"));
    assert_false(repo_mixes(&repo, "two") || repo_mixes(&repo, "three"));
    assert_ok(repo_parse("p pypi virtual members=a mix=*", &repo, &err), err);
    assert_true(repo_mixes(&repo, "one"));
    assert_ok(repo_parse("p pypi virtual members=a", &repo, &err), err);
    assert_false(repo_mixes(&repo, "one"));
    assert_ok(repo_parse("m maven snapshots", &repo, &err), err);
    assert_true(repo.no_releases && !repo.no_snapshots);
}

static void what_is_no_repository_is_refused_and_named(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        { "", "no key" },
        { "api", "'api' is not understood" },
        { "a:immutable", "'a:immutable' is not understood" },
        { "a maven nmp", "'nmp' is not understood" },
        { "a url=https://x", "only a remote one has a url" },
        { "a remote immutable", "only a local one" },
        { "a remote url=ftp://x", "not understood" },
        { "a remote url=https://", "not understood" },
        { "a remote url=https://x/?q", "not understood" },
        { "a virtual", "needs members" },
        { "a virtual members=", "not understood" },
        { "a virtual members=b+", "not understood" },
        { "a virtual members=b++c", "not understood" },
        { "a members=b", "only a virtual one" },
        { "a maven releases snapshots", "neither" },
        { "a virtual members=b mix=c", "only a virtual one of" },
        { "a pypi virtual members=b mix=", "not understood" },
        { "a pypi virtual members=b mix=C", "normal form" },
        { "a pypi virtual members=b mix=c++d", "not understood" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct repository repo;
        struct err err = { 0 };
        assert_int_equal(repo_parse(rows[i].text, &repo, &err), -ERR_INVALID);
        if (!strstr(err.text, rows[i].said))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

static void members_come_in_order(void **state)
{
    const char *at = "one+two+three";
    char key[REPO_KEY_MAX + 1];

    (void)state;
    assert_true(repo_next_member(&at, key));
    assert_string_equal(key, "one");
    assert_true(repo_next_member(&at, key) && repo_next_member(&at, key));
    assert_string_equal(key, "three");
    assert_false(repo_next_member(&at, key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repository_is_what_its_words_say),
        cmocka_unit_test(what_is_no_repository_is_refused_and_named),
        cmocka_unit_test(members_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
