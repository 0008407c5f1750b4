/* fuzz_store_golang.c - any bytes as a path of the module proxy, as a version and as a lookup.
 * What is a module's path is the same when it is escaped again; versions have one order. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/golang.h"
#include "store/core/sri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void escaped_it_is_the_same(const struct golang_path *path)
{
    char text[2 * ITEM_PATH_MAX + 8];

    if (path->folder[0] == '\0' || !golang_escape(path->module, text, sizeof text))
        return;
    strcat(text, "/@v");
    assert(strcmp(text, path->folder) == 0);
}

static void versions_have_one_order(const char *a, const char *b)
{
    if (!golang_version_is_canonical(a) || !golang_version_is_canonical(b))
        return;
    int order = golang_version_compare(a, b);
    int back = golang_version_compare(b, a);
    assert((order > 0) == (back < 0) && (order == 0) == (back == 0));
    assert(!golang_version_is_later(a, b) || !golang_version_is_later(b, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    char sum[GOLANG_SUM_MAX];
    struct golang_path path;
    struct sri sri;

    if (golang_path_parse(text, &path)) {
        escaped_it_is_the_same(&path);
        (void)golang_is_immutable(&path);
    }
    char *rest = strchr(text, '\n');
    if (rest) {
        *rest++ = '\0';
        versions_have_one_order(text, rest);
        (void)golang_matches(text, rest);
        (void)golang_lookup_sum(rest, strlen(rest), "x", text, sum);
    }
    (void)golang_version_is_pseudo(text);
    if (sri_parse(text, &sri))
        assert(sri.len <= SRI_DIGEST_MAX);
    return 0;
}
