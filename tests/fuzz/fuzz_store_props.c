/* fuzz_store_props.c - any bytes as ?properties=, matrix parameters, query and
 * date.  A list that was read is written out with every special character escaped
 * and read again: the same pairs. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "store/core/claim.h"
#include "store/core/props.h"
#include "store/core/text.h"
#include "store/core/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_escaped(struct buf *ret, const char *text)
{
    for (; *text; text++) {
        if (strchr(";|,=\\", *text))
            buf_add_str(ret, "%5C");
        buf_printf(ret, "%%%02X", (unsigned char)*text);
    }
}

static void list_comes_back(const struct props *props)
{
    struct buf raw;
    struct props again;

    buf_init(&raw, 8 << 20);
    props_init(&again);
    for (size_t i = 0; i < props->count; i++) {
        write_escaped(&raw, props->list[i].key);
        buf_add_str(&raw, "=");
        write_escaped(&raw, props->list[i].value);
        buf_add_str(&raw, ";");
    }
    int rc = props_parse_query(raw.data ? raw.data : "", raw.len, &again, NULL);
    if (rc != -ERR_LIMIT) {
        assert(rc == 0 && again.count == props->count);
        for (size_t i = 0; i < props->count; i++)
            assert(strcmp(props->list[i].key, again.list[i].key) == 0 &&
                   strcmp(props->list[i].value, again.list[i].value) == 0);
    }
    props_done(&again);
    buf_done(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    size_t len = strlen(text);
    struct claim claim = { 0 };
    struct props props;
    int64_t at;
    size_t value_len;

    props_init(&props);
    if (props_parse_query(text, len, &props, NULL) == 0)
        list_comes_back(&props);
    props_parse_matrix(text, len, &props, NULL);
    props_parse_keys(text, len, &props, NULL);
    props_done(&props);

    const char *value = text_query(text, "properties", &value_len);
    assert(!value || (value >= text && value + value_len <= text + len));
    claim_add(&claim, CLAIM_SHA256, text, NULL);
    claim_add_by_length(&claim, text, NULL);
    when_http_parse(text, &at);
    return 0;
}
