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

/* Told by the record at its end (APPNOTE.TXT 4.3.16), behind which is a comment at most. */
int zip_list_check(int fd, struct err *err)
{
    struct stat st;
    auto_free unsigned char *tail = xmalloc(TAIL_MAX);

    if (fstat(fd, &st) < 0)
        return err_errno(err, "look at a zip");
    off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
    ssize_t len = pread(fd, tail, TAIL_MAX, from);
    for (ssize_t at = len - TAIL_RECORD; at >= 0; at--) {
        uint32_t size;
        if (memcmp(tail + at, "PK\5\6", 4) != 0)
            continue;
        memcpy(&size, tail + at + 12, sizeof size);
        return le32toh(size) <= LIST_MAX
                   ? 0
                   : err_set(err, ERR_LIMIT, "the zip's list of files is larger than %d bytes",
                             LIST_MAX);
    }
    return err_set(err, ERR_INVALID, "not a zip file");
}
