/* fuzz_clock.c - any text as a time and as a duration.  A time that is taken is
 * the same when it was written and read again. */
#include <assert.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    int64_t ms = 0, again = 0;
    char written[CLOCK_TEXT_MAX];
    if (clock_parse(text, &ms, NULL) == 0) {
        clock_format(ms, written);
        int rc = clock_parse(written, &again, NULL);
        assert(rc == 0);
        /* An offset may lead out of the years that can be written. */
        assert(again == ms || ms < -62167219200000 || ms > 253402300799999);
    }
    if (clock_parse_duration(text, &ms, NULL) == 0)
        assert(ms >= 0 && ms <= 36500LL * 86400000);
    return 0;
}
