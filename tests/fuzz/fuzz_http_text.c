/* fuzz_http_text.c - everything of a head that we parse ourselves: range, preference,
 * query, escapes, request id, path, authorization. */
#include <assert.h>
#include <string.h>

#include "common/serve/http_text.h"
#include "common/serve/route_match.h"
#include "sos/base/auto.h"
#include "sos/serve/auth.h"
#include "sos/v1_routes.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void check_range(const char *text, int64_t size)
{
    int64_t offset = -1;
    int64_t part = -1;

    if (http_text_range(text, size, &offset, &part) > 0)
        assert(offset >= 0 && part > 0 && offset <= size - part);
}

static void check_query(const char *text, size_t len)
{
    const char *value = NULL;
    size_t value_len = 0;

    if (http_text_query(text, "a", &value, &value_len))
        assert(value > text && value_len <= len - (size_t)(value - text));
}

static void check_decode(const char *text, size_t len)
{
    auto_free char *plain = xmalloc(len + 1);

    if (http_text_decode(text, len, plain))
        assert(strlen(plain) <= len && strlen(plain) * 3 >= len);
}

static void check_routes(const char *text)
{
    for (int op = 0; op < SOS_OP_COUNT; op++) {
        struct route_part parts[4];
        size_t count = 0;
        if (!route_matches(sos_routes[op].path, text, parts, countof(parts), &count))
            continue;
        for (size_t i = 0; i < count; i++)
            assert(parts[i].len > 0 && !memchr(parts[i].text, '/', parts[i].len));
    }
}

static void check_auth(const char *text)
{
    struct auth *auth = auth_new();
    struct auth_token token = { .id = "t" };

    sha256_hex("no such token is long enough", 28, token.sha256);
    auth_put(auth, &token);
    auth_check_header(auth, text, 0);
    auth_free(auth);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    auto_free char *text = xstrndup((const char *)data, len);
    size_t text_len = strlen(text);

    check_range(text, 0);
    check_range(text, 1000);
    check_range(text, INT64_MAX);
    int64_t wait_ms = http_text_wait_ms(text, 25000);
    assert(wait_ms >= 0 && wait_ms <= 25000);
    check_query(text, text_len);
    check_decode(text, text_len);
    if (http_text_is_request_id(text))
        assert(text_len <= 64);
    check_routes(text);
    check_auth(text);
    return 0;
}
