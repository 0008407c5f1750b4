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
    TAIL_RECORD = 22,
};

static uint32_t le32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

/* The list must end where the record at `at` (in the file) begins: libarchive reads entries from
 * its offset on for as long as there are any, whatever size is told.  (Files of more than 4 GiB or
 * 65534 entries have something between: they are not taken.) */
static int record_check(const unsigned char *record, int64_t at, struct err *err)
{
    static const unsigned char one_disk[4];

    if (le32(record + 12) > LIST_MAX)
        return err_set(err, ERR_LIMIT, "the zip's list of files is larger than %d bytes", LIST_MAX);
    if ((int64_t)le32(record + 16) + le32(record + 12) != at ||
        memcmp(record + 4, one_disk, sizeof one_disk) != 0 ||
        memcmp(record + 8, record + 10, 2) != 0)
        return err_set(err, ERR_INVALID, "the zip's list of files is not where it is told to be");
    return 0;
}

/* Told by the record at its end (APPNOTE.TXT 4.3.16), behind which is a comment at most. */
int zip_list_check(int fd, struct err *err)
{
    struct stat st;
    auto_free unsigned char *tail = xmalloc(TAIL_MAX);

    if (fstat(fd, &st) < 0)
        return err_errno(err, "look at a zip");
    off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
    ssize_t len = pread(fd, tail, TAIL_MAX, from);
    for (ssize_t at = len - TAIL_RECORD; at >= 0; at--)
        if (memcmp(tail + at, "PK\5\6", 4) == 0)
            return record_check(tail + at, from + at, err);
    return err_set(err, ERR_INVALID, "not a zip file");
}
