#include "store/disk/zip.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"

enum {
    LIST_MAX = 32 << 20,
    TAIL_MAX = 65536 + 22,
    END_RECORD = 22,    /* APPNOTE.TXT 4.3.16 */
    END64_LOCATOR = 20, /* 4.3.15, right before that … */
    END64_RECORD = 56,  /* … which says where this is, 4.3.14 */
};

static uint32_t number32(const unsigned char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return le32toh(number);
}

static uint64_t number64(const unsigned char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return le64toh(number);
}

/* libarchive reads entries from the list's offset on for as long as there are any, whatever size is
 * told: so the list must end where its records begin.  `end`: that place. */
static int list_check(uint64_t offset, uint64_t size, uint64_t end, struct err *err)
{
    if (size > LIST_MAX)
        return err_set(err, ERR_LIMIT, "the zip's list of files is larger than %d bytes", LIST_MAX);
    if (offset > end || end - offset != size)
        return err_set(err, ERR_INVALID, "the zip's list of files is not where it is told to be");
    return 0;
}

/* Of ZIP64, whose word counts where it is there: record, locator and the last record in a row. */
static int list64_check(int fd, const unsigned char *locator, uint64_t end, struct err *err)
{
    unsigned char record[END64_RECORD];

    if (end < END64_RECORD || number64(locator + 8) != end - END64_RECORD ||
        pread(fd, record, sizeof record, (off_t)(end - END64_RECORD)) != (ssize_t)sizeof record ||
        memcmp(record, "PK\6\6", 4) != 0)
        return err_set(err, ERR_INVALID, "the zip's records are not where they are told to be");
    return list_check(number64(record + 48), number64(record + 40), end - END64_RECORD, err);
}

/* `record` is the last one, `at` in the file, with `before` bytes in front of it. */
static int end_check(int fd, const unsigned char *record, size_t before, uint64_t at,
                     struct err *err)
{
    const unsigned char *locator = record - END64_LOCATOR;

    if (before >= END64_LOCATOR && memcmp(locator, "PK\6\7", 4) == 0)
        return list64_check(fd, locator, at - END64_LOCATOR, err);
    return list_check(number32(record + 16), number32(record + 12), at, err);
}

/* Told by the records at its end, behind which is a comment at most. */
int zip_list_check(int fd, struct err *err)
{
    struct stat st;
    auto_free unsigned char *tail = xmalloc(TAIL_MAX);

    if (fstat(fd, &st) < 0)
        return err_errno(err, "look at a zip");
    off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
    ssize_t len = pread(fd, tail, TAIL_MAX, from);
    for (ssize_t at = len - END_RECORD; at >= 0; at--)
        if (memcmp(tail + at, "PK\5\6", 4) == 0)
            return end_check(fd, tail + at, (size_t)at, (uint64_t)(from + at), err);
    return err_set(err, ERR_INVALID, "not a zip file");
}
