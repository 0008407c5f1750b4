#include "store/disk/scrub.h"

#include <unistd.h>

#include "sos/base/blob.h"
#include "tests/unit/unit.h"

static void blob_put(const char *folder, const char *text)
{
    struct blobs *blobs;
    struct blob_writer *writer;
    struct err err = { 0 };

    assert_ok(blobs_open(folder, &blobs, &err), err);
    assert_ok(blob_begin(blobs, &writer, &err), err);
    assert_ok(blob_write(writer, text, strlen(text), &err), err);
    assert_ok(blob_commit(writer, NULL, NULL, &err), err);
    blobs_close(blobs);
}

/* A sync for each of 256 folders would be most of what a small store writes. */
static void its_place_is_kept_when_something_was_read_and_at_the_end(void **state)
{
    auto_free char *folder = xasprintf("%s/blobs", (char *)*state);
    auto_free char *place = xasprintf("%s/scrub", (char *)*state);
    int64_t bytes = 0;
    char wrong[SHA256_HEX];
    int times = 0;
    int rc = SCRUB_MORE;

    blob_put(folder, "x");
    struct scrub *scrub = scrub_new(folder, place);
    while (rc == SCRUB_MORE) {
        rc = scrub_step(scrub, 1000, &bytes, wrong, NULL);
        bool is_kept = unlink(place) == 0;
        assert_int_equal(is_kept, bytes > 0 || rc == SCRUB_END);
        times += is_kept;
    }
    assert_int_equal(rc, SCRUB_END);
    assert_int_equal(times, 2);
    scrub_free(scrub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(its_place_is_kept_when_something_was_read_and_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
