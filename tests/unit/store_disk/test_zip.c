#include "tests/unit/unit.h"

#include <endian.h>
#include <unistd.h>

#include "store/disk/zip.h"

enum { LARGE = 40 << 20, ABSENT = -1 };

/* The end of a zip of `size` bytes: what its records say of the list of files. */
struct ending {
    int64_t size;
    uint32_t list_size;
    uint32_t list_at;
    int64_t list_at64; /* ABSENT: no ZIP64 */
    int64_t list_size64;
};

static void put(unsigned char *at, uint64_t number, size_t len)
{
    uint64_t little = htole64(number);
    memcpy(at, &little, len);
}

static int check(const char *folder, const struct ending *ending)
{
    unsigned char records[56 + 20 + 22] = { 0 };
    unsigned char *end = records + 76;
    auto_free char *path = xasprintf("%s/zip", folder);
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t from = (off_t)(ending->size - (int64_t)sizeof records);
    struct err err = { 0 };

    memcpy(end, "PK\5\6", 4);
    put(end + 12, ending->list_size, 4);
    put(end + 16, ending->list_at, 4);
    if (ending->list_at64 != ABSENT) {
        memcpy(records, "PK\6\6", 4);
        put(records + 40, (uint64_t)ending->list_size64, 8);
        put(records + 48, (uint64_t)ending->list_at64, 8);
        memcpy(records + 56, "PK\6\7", 4);
        put(records + 56 + 8, (uint64_t)from, 8);
    }
    assert_true(fd >= 0 && ftruncate(fd, (off_t)ending->size) == 0);
    assert_int_equal(pwrite(fd, records, sizeof records, from), sizeof records);
    return zip_list_check(fd, &err);
}

static void a_list_of_files_has_a_bound_however_it_is_told(void **state)
{
    static const struct {
        struct ending ending;
        int rc;
    } cases[] = {
        { { 1000, 978, 0, ABSENT, 0 }, 0 },
        { { LARGE, 1000, LARGE - 1022, ABSENT, 0 }, 0 },
        { { LARGE, LARGE - 922, 900, ABSENT, 0 }, -ERR_LIMIT },
        { { LARGE, 10, 0, ABSENT, 0 }, -ERR_INVALID },
        { { LARGE, 10, LARGE - 100, ABSENT, 0 }, -ERR_INVALID },
        { { 1000, UINT32_MAX, UINT32_MAX, 100, 802 }, 0 },
        { { LARGE, UINT32_MAX, UINT32_MAX, LARGE - 1098, 1000 }, 0 },
        { { LARGE, 1000, LARGE - 1098, LARGE - 1098, 1000 }, 0 },
        { { LARGE, UINT32_MAX, UINT32_MAX, 0, LARGE - 98 }, -ERR_LIMIT },
        { { LARGE, UINT32_MAX, UINT32_MAX, 0, 10 }, -ERR_INVALID },
        { { LARGE, 76, LARGE - 98, 0, LARGE - 98 }, -ERR_LIMIT }, /* the records as the list */
        { { LARGE, 76, LARGE - 98, 0, 10 }, -ERR_INVALID },
        { { LARGE, 10, LARGE - 100, INT64_MAX, 10 }, -ERR_INVALID },
    };

    for (size_t i = 0; i < countof(cases); i++)
        if (check(*state, &cases[i].ending) != cases[i].rc)
            fail_msg("case %zu", i);
}

static void what_has_no_end_is_no_zip(void **state)
{
    auto_free char *path = xasprintf("%s/text", (const char *)*state);
    struct err err = { 0 };
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_fails(zip_list_check(fd, &err), ERR_INVALID);
    assert_int_equal(write(fd, "a text of a few words, no more", 30), 30);
    assert_fails(zip_list_check(fd, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_list_of_files_has_a_bound_however_it_is_told),
        unit_test_in_folder(what_has_no_end_is_no_zip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
