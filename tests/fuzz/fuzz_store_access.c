/* A scope is whatever the client asks for: what is refused allows nothing by that word, what is
 * taken allows no more somewhere than anywhere. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/access.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    auto_free char *scope = xstrndup((const char *)data, len);
    struct err err = { 0 };

    if (scope_check(scope, &err) < 0)
        assert(err.text[0]);
    for (int access = 1; access <= ACCESS_ADMIN; access <<= 1) {
        bool anywhere = scope_allows(scope, access, NULL, NULL);
        bool in_repo = scope_allows(scope, access, "r", NULL);
        bool there = scope_allows(scope, access, "r", "a/b");
        assert(anywhere || !in_repo);
        assert(in_repo || !there);
        assert(!there || scope_allows(scope, access, "r", "a/b/c"));
    }
    assert(scope_is_part(scope, scope));
    return 0;
}
