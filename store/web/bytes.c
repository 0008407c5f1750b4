#include "store/web/bytes.h"

#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"

static int lost(const char *sha256, const char *reason, struct err *err)
{
    err_set(err, ERR_IO,
            "The bytes of this file are damaged and were put aside. Deploy the file again;"
            " its sha256 is %s",
            sha256);
    err_reason(err, reason);
    return -ERR_IO;
}

static bool bytes_are_right(int fd, const struct digests *digests)
{
    char room[BYTES_HASHED_MAX];
    char sha256[SHA256_HEX];
    size_t size = (size_t)digests->size_bytes;

    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, room + done, size - done, (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    sha256_hex(room, size, sha256);
    return strcmp(sha256, digests->sha256) == 0;
}

int bytes_open(struct store *store, const struct digests *digests, int *ret_fd, struct err *err)
{
    auto_close int fd = -1;
    int64_t size;

    int rc = blobs_read(store->blobs, digests->sha256, &fd, &size, err);
    if (rc == -ERR_NOT_FOUND)
        return lost(digests->sha256, "BYTES_LOST", err);
    if (rc < 0)
        return rc;
    if (size != digests->size_bytes ||
        (size <= BYTES_HASHED_MAX && !bytes_are_right(fd, digests))) {
        rc = pins_quarantine_blob(store->pins, store->blobs_dir, store->quarantine_dir,
                                  digests->sha256, err);
        return rc < 0 ? rc : lost(digests->sha256, "BYTES_WRONG", err);
    }
    *ret_fd = take_fd(fd);
    return 0;
}

bool bytes_are_lost(const struct err *err)
{
    return err->reason &&
           (strcmp(err->reason, "BYTES_WRONG") == 0 || strcmp(err->reason, "BYTES_LOST") == 0);
}

bool bytes_failed(struct store *store, const struct err *err)
{
    if (!bytes_are_lost(err))
        return false;
    bool wrong = strcmp(err->reason, "BYTES_WRONG") == 0;
    if (wrong)
        metric_add(store->counts.quarantined, 1);
    log_error("store", wrong ? "bytes are wrong, put aside" : "bytes are not there", "error=\"%s\"",
              err->text);
    return true;
}
