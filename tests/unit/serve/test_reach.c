#include "tests/unit/unit.h"

#include "sos/serve/reach.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage made;

    if (!reach_address(text, &made))
        fail_msg("%s is no address", text);
    return made;
}

static bool is_public(const char *text)
{
    struct sockaddr_storage made = address(text);
    return reach_is_public((struct sockaddr *)&made);
}

static void what_is_not_of_the_whole_internet_is_not_public(void **state)
{
    (void)state;
    static const char *const inner[] = {
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "198.19.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001::1",
        "[::1]",
    };
    static const char *const outer[] = {
        "1.1.1.1",        "9.255.255.255",    "11.0.0.0",       "100.63.255.255",
        "100.128.0.0",    "172.15.0.1",       "172.32.0.1",     "192.167.255.255",
        "193.0.0.1",      "223.255.255.255",  "2600::1",        "2001:4860:4860::8888",
        "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::", "[2600::1]",
    };

    for (size_t i = 0; i < countof(inner); i++)
        if (is_public(inner[i]))
            fail_msg("%s is taken for public", inner[i]);
    for (size_t i = 0; i < countof(outer); i++)
        if (!is_public(outer[i]))
            fail_msg("%s is not taken for public", outer[i]);
}

static bool allows(const char *list, const char *host, int port, const char *at)
{
    struct sockaddr_storage made = address(at);
    struct reach *reach = NULL;
    struct err err = { 0 };

    assert_ok(reach_parse(list, &reach, &err), err);
    bool allowed = reach_allows(reach, host, port, (struct sockaddr *)&made);
    reach_free(reach);
    return allowed;
}

static void a_list_names_hosts_and_networks(void **state)
{
    (void)state;

    assert_true(allows("", "files.example", 443, "1.1.1.1"));
    assert_false(allows("", "files.example", 443, "10.0.0.1"));
    assert_true(allows("10.0.0.0/8", "files.example", 443, "10.200.0.1"));
    assert_false(allows("10.0.0.0/8", "files.example", 443, "192.168.0.1"));
    assert_true(allows("a.example, files.example", "FILES.example", 443, "10.0.0.1"));
    assert_false(allows("files.example", "other.example", 443, "10.0.0.1"));
    assert_true(allows("files.example:443", "files.example", 443, "10.0.0.1"));
    assert_false(allows("files.example:443", "files.example", 80, "10.0.0.1"));
    assert_true(allows("10.1.2.3", "files.example", 80, "10.1.2.3"));
    assert_false(allows("10.1.2.3", "files.example", 80, "10.1.2.4"));
    assert_true(allows("10.0.0.0/8", "files.example", 80, "::ffff:10.0.0.1"));
    assert_true(allows("fd00::/8\n192.168.0.0/17", "files.example", 80, "fd12::1"));
    assert_true(allows("fd00::/8\n192.168.0.0/17", "files.example", 80, "192.168.127.1"));
    assert_false(allows("fd00::/8\n192.168.0.0/17", "files.example", 80, "192.168.128.1"));
}

static void a_list_of_anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/-1", "::1/129",
                                         "host:0",      "host:65536", "host:",       ":80",
                                         "http://host", "me@host",    "host/x",      "[::1]:80" };

    for (size_t i = 0; i < countof(wrong); i++) {
        struct reach *reach = NULL;
        struct err err = { 0 };
        if (reach_parse(wrong[i], &reach, &err) != -ERR_INVALID)
            fail_msg("'%s' was taken", wrong[i]);
        assert_null(reach);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_of_the_whole_internet_is_not_public),
        cmocka_unit_test(a_list_names_hosts_and_networks),
        cmocka_unit_test(a_list_of_anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
