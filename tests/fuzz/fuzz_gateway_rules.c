/* fuzz_gateway_rules.c - any bytes as a path that a build asks for.  What is let through lies below
 * a repository by a second, simple reading, however often it is decoded. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/serve/http_text.h"
#include "gateway/rules.h"
#include "sos/base/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void stays_below(const char *path, const char *repository)
{
    auto_free char *slashed = xasprintf("%s/", path);
    auto_free char *name = xasprintf("/%s/", repository);
    assert(strncmp(path, RULES_BASE "/", sizeof RULES_BASE) == 0);
    assert(strstr(path, name) && !strstr(slashed, "/../") && !strstr(slashed, "/./"));
    for (const char *at = path; *at; at++)
        assert(*at > ' ' && *at < 0x7f && *at != ';' && *at != '?' && *at != '\\');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rules rules = { .repositories = { "g", "n", "p", "m" } };
    auto_free char *path = xstrndup((const char *)data, size);
    struct rules_target target;
    struct err err = { 0 };
    if (rules_check(&rules, path, &target, &err) < 0) {
        assert(err.code == ERR_DENIED);
        return 0;
    }
    assert(!strchr(target.url, '%'));
    stays_below(target.url, target.repository);
    assert(strlen(target.path) > 0 && strlen(path) < 3 * (size_t)RULES_PATH_MAX);
    for (int i = 0; i < 3; i++) {
        auto_free char *plain = xmalloc(strlen(path) + 1);
        assert(http_text_decode(path, strlen(path), plain));
        stays_below(plain, target.repository);
        free(path);
        path = take_ptr(plain);
    }
    return 0;
}
