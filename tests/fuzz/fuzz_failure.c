/* /out/failure.json, which a build writes: whatever it holds, only a recipe's own reasons come out
 * and the text is printable. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/utf8.h"
#include "worker/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    assert(len < max && utf8_is_valid(text, len));
    uint32_t code;
    for (size_t at = 0; at < len; at += utf8_next(text + at, len - at, &code)) {
        (void)utf8_next(text + at, len - at, &code);
        assert(!utf8_is_unsafe(code));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verdict verdict = { 0 };
    if (verdict_parse_failure((const char *)data, size, &verdict, NULL) == 0) {
        assert(verdict.reason >= SOS_RESULT_REASON_CHECK &&
               verdict.reason <= SOS_RESULT_REASON_PACKAGE);
        assert(verdict.outcome == SOS_RESULT_OUTCOME_FAILURE);
        check_text(verdict.message, sizeof(verdict.message));
        check_text(verdict.hint, sizeof(verdict.hint));
    } else {
        assert(verdict.outcome == SOS_RESULT_OUTCOME_UNSPECIFIED);
    }
    char line[64];
    verdict_clean((const char *)data, size, line, sizeof(line));
    check_text(line, sizeof(line));
    return 0;
}
