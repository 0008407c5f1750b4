/* fuzz_downloads.c - any bytes as the record of a gateway: what comes out can be told, and comes
 * out again of its own text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sos/base/auto.h"
#include "worker/downloads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_plain(const char *text)
{
    for (; *text; text++)
        assert(*text > ' ' && *text < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct downloads all = { 0 };
    struct downloads again = { 0 };
    size_t files = 0;
    size_t len;
    downloads_parse(&all, (const char *)data, size);
    for (size_t i = 0; i < all.count; i++) {
        assert(download_path(&all.all[i]));
        is_plain(all.all[i].url);
        is_plain(all.all[i].repository);
        assert(all.all[i].size_bytes >= 0 &&
               (!all.all[i].sha256[0] || sha256_hex_is_valid(all.all[i].sha256)));
        files += !all.all[i].metadata;
    }
    auto_free char *text = downloads_text(&all, &len);
    downloads_parse(&again, text, len);
    assert(again.count == files);
    downloads_join(&again, &all);
    assert(again.count == files);
    downloads_done(&all);
    downloads_done(&again);
    return 0;
}
