/* A journal as a bad disk may give it: whatever is in the file, reading ends, and what it takes for
 * records lies inside it. */
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "store/disk/journal_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct journal_file *file, int64_t size)
{
    struct buf payload;
    enum record_kind kind;
    int found;

    buf_init(&payload, RECORD_BYTES_MAX);
    do {
        int64_t before = file->offset;
        found = journal_file_next(file, &payload, &kind, NULL);
        assert(file->offset <= size);
        if (found == RECORD_GOOD || found == RECORD_DAMAGED)
            assert(file->offset > before);
    } while (found == RECORD_GOOD || found == RECORD_DAMAGED);
    assert(found == RECORD_NONE || found == RECORD_TORN);
    buf_done(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_file file = { .fd = -1 };
    auto_close int fd = memfd_create("journal", MFD_CLOEXEC);
    auto_free char *path = xasprintf("/proc/self/fd/%d", fd);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    if (journal_file_open(path, false, &file, NULL) == 0)
        read_all(&file, (int64_t)size);
    journal_file_close(&file);
    return 0;
}
