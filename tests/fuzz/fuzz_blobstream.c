/* fuzz_blobstream.c - any bytes as a stream of blobs, cut up by their own last
 * byte.  No temp file stays, and a stream that is whole is so however it is cut. */
#include <dirent.h>
#include <string.h>

#include "sos/base/blobstream.h"
#include "tests/fuzz/fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int wanted(void *ctx, const char *sha256, int64_t size)
{
    (void)ctx;
    assert(sha256_hex_is_valid(sha256) && size >= 0);
    return sha256[0] != 'f';
}

static int feed(struct blobs *blobs, const char *bytes, size_t len, size_t step)
{
    struct err err = { 0 };
    struct blobstream_reader *reader = blobstream_reader_new(blobs, wanted, NULL, 1000, 1 << 20);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < len; at += step)
        rc = blobstream_feed(reader, bytes + at, len - at < step ? len - at : step, &err);
    if (rc == 0)
        rc = blobstream_finish(reader, &err);
    blobstream_reader_free(reader);
    assert(rc == 0 || (rc == -(int)err.code && err.text[0]));
    return rc;
}

static int count_temps(void)
{
    auto_free char *path = xasprintf("%s/tmp", fuzz_folder);
    int count = -2;
    DIR *dir = opendir(path);
    assert(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct blobs *blobs;
    int rc = blobs ? 0 : blobs_open(fuzz_folder_get(), &blobs, NULL);
    assert(rc == 0);

    size_t len = 0;
    auto_free char *bytes = fuzz_frame(data, size, &len);
    size_t step = size > 0 && data[size - 1] > 0 ? data[size - 1] : 1;
    int whole = feed(blobs, bytes, len, len ? len : 1);
    int parts = feed(blobs, bytes, len, step);
    assert((whole == 0) == (parts == 0));
    assert(count_temps() == 0);
    return 0;
}
