#include "tests/unit/unit.h"

#include "sos/serve/http.h"

static void an_address_and_its_port_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        const char *address;
        int port;
    } good[] = { { "127.0.0.1:8600", "127.0.0.1", 8600 },
                 { "[::1]:0", "::1", 0 },
                 { "0.0.0.0:65535", "0.0.0.0", 65535 },
                 { "/run/sos.sock", "/run/sos.sock", 0 } };

    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        char room[HTTP_ADDRESS_MAX];
        struct http_config config = { 0 };
        assert_int_equal(http_listen_parse(good[i].text, room, &config, NULL), 0);
        assert_string_equal(config.address, good[i].address);
        assert_int_equal(config.port, good[i].port);
    }
}

static void what_is_no_address_and_port_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       ":",
                                       ":80",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "[]:80",
                                       "127.0.0.1:http",
                                       "127.0.0.1:80x",
                                       "127.0.0.1:-1",
                                       "127.0.0.1:65536",
                                       "127.0.0.1:99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        char room[HTTP_ADDRESS_MAX];
        struct http_config config = { 0 };
        assert_int_equal(http_listen_parse(bad[i], room, &config, NULL), -ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_and_its_port_are_told_apart),
        cmocka_unit_test(what_is_no_address_and_port_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
