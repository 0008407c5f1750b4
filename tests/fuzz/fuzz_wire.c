/* fuzz_wire.c - any bytes as any message: the first byte chooses the type and
 * the mode, the rest is the JSON.  What was read and written is read again and
 * written the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/wire_table.h"
#include "sos/v1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wire_type *type_pick(uint8_t choice)
{
    size_t count = 0;

    while (sos_types[count])
        count++;
    return sos_types[choice % count];
}

static void read_again(const struct wire_type *type, const char *text, size_t len, void *message)
{
    int rc = wire_parse(type, text, len, WIRE_STRICT, message, NULL, NULL);
    assert(rc == 0);
    auto_free char *again = wire_text(type, message, NULL);
    assert(strcmp(text, again) == 0);
    wire_done(type, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct wire_type *type = type_pick(data[0] & 0x7f);
    enum wire_mode mode = data[0] & 0x80 ? WIRE_LENIENT : WIRE_STRICT;
    auto_free void *message = xmalloc(type->size);
    auto_free void *copy = xmalloc(type->size);
    struct wire_fault fault;

    if (wire_parse(type, (const char *)data + 1, size - 1, mode, message, &fault, NULL) < 0) {
        assert(strlen(fault.pointer) < sizeof(fault.pointer) && fault.message[0] != '\0');
        return 0;
    }
    wire_copy(type, copy, message);
    wire_done(type, message);
    size_t len = 0;
    auto_free char *text = wire_text(type, copy, &len);
    wire_done(type, copy);
    read_again(type, text, len, message);
    return 0;
}
