/* fuzz_attempt_id.c - any bytes as the id of an attempt in a worker's request.  What is accepted
 * is exactly what would be written for it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "server/core/lease.h"
#include "sos/base/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *id = xstrndup((const char *)data, size);
    char parsed[ID_MAX];
    int32_t attempt;

    if (attempt_id_parse(id, parsed, &attempt, NULL) != 0)
        return 0;
    struct build build = { .msg = { .id = parsed, .attempt = attempt } };
    char again[ATTEMPT_ID_MAX];
    attempt_id_format(&build, again);
    assert(strcmp(again, id) == 0 && attempt > 0);
    return 0;
}
