#include "store/disk/journal_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"

enum { SUM_BYTES = 16, NAME_DIGITS = 8, SEEK_BYTES = 64 << 10 };

static const char magic[8] = { 'S', 'O', 'S', 'J', 'R', 'N', 'L', '1' };

struct head {
    char magic[8];
    uint32_t kind;
    uint32_t schema;
    uint64_t number;
    uint64_t none;
};
_Static_assert(sizeof(struct head) == JOURNAL_HEAD_BYTES, "the head has no gaps");

struct record {
    uint32_t len;
    uint32_t kind;
    char sum[SUM_BYTES];
};
_Static_assert(sizeof(struct record) == RECORD_HEAD_BYTES, "a record's head has no gaps");

/* --- names --- */

static const char *suffix_of(enum journal_kind kind)
{
    return kind == JOURNAL_LOG ? ".log" : ".snapshot";
}

char *journal_file_path(const char *dir, enum journal_kind kind, int64_t number)
{
    return xasprintf("%s/%0*lld%s", dir, NAME_DIGITS, (long long)number, suffix_of(kind));
}

int64_t journal_file_number(const char *name, enum journal_kind kind)
{
    size_t digits = strspn(name, "0123456789");

    if (digits < NAME_DIGITS || digits > 18 || strcmp(name + digits, suffix_of(kind)) != 0)
        return 0;
    return strtoll(name, NULL, 10);
}

/* --- opening --- */

int journal_file_make(const char *path, enum journal_kind kind, int schema, int64_t number,
                      struct journal_file *ret, struct err *err)
{
    const struct head head = { .magic = { 'S', 'O', 'S', 'J', 'R', 'N', 'L', '1' },
                               .kind = htole32((uint32_t)kind),
                               .schema = htole32((uint32_t)schema),
                               .number = htole64((uint64_t)number) };
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return err_set(err, ERR_CONFLICT, "%s is there already", path);
    if (fd < 0)
        return err_errno(err, "create %s", path);
    if (fs_write_all(fd, &head, sizeof head) < 0) {
        int rc = err_errno(err, "write %s", path);
        unlink(path);
        return rc;
    }
    *ret = (struct journal_file){ .kind = kind,
                                  .schema = schema,
                                  .number = number,
                                  .offset = JOURNAL_HEAD_BYTES,
                                  .written = true };
    ret->fd = take_fd(fd);
    return 0;
}

static int head_read(int fd, const char *path, struct journal_file *ret, struct err *err)
{
    struct head head;
    ssize_t got = pread(fd, &head, sizeof head, 0);

    if (got < 0)
        return err_errno(err, "read %s", path);
    if (got != sizeof head || memcmp(head.magic, magic, sizeof magic) != 0)
        return err_set(err, ERR_INVALID, "%s is no journal", path);
    *ret = (struct journal_file){ .kind = (enum journal_kind)le32toh(head.kind),
                                  .schema = (int)le32toh(head.schema),
                                  .number = (int64_t)le64toh(head.number),
                                  .offset = JOURNAL_HEAD_BYTES };
    return 0;
}

int journal_file_open(const char *path, bool writing, struct journal_file *ret, struct err *err)
{
    auto_close int fd = open(path, (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, "open %s", path);
    int rc = head_read(fd, path, ret, err);
    if (rc == 0)
        ret->fd = take_fd(fd);
    return rc;
}

void journal_file_close(struct journal_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

/* --- writing --- */

static void record_sum(const struct journal_file *file, const struct record *record,
                       const void *payload, char ret[SUM_BYTES])
{
    const uint64_t place[2] = { htole64((uint64_t)file->number), htole64((uint64_t)file->offset) };
    struct hasher *hasher = hasher_new_sha256();
    struct digests digests;

    hasher_add(hasher, place, sizeof place);
    hasher_add(hasher, &record->len, sizeof record->len);
    hasher_add(hasher, &record->kind, sizeof record->kind);
    hasher_add(hasher, payload, le32toh(record->len));
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    for (int i = 0; i < SUM_BYTES; i++) {
        char hex[3] = { digests.sha256[2 * i], digests.sha256[2 * i + 1], '\0' };
        ret[i] = (char)strtoul(hex, NULL, 16);
    }
}

static int write_at(const struct journal_file *file, const void *data, size_t len, int64_t offset,
                    struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t put =
            pwrite(file->fd, (const char *)data + done, len - done, offset + (int64_t)done);
        if (put < 0 && errno != EINTR)
            return err_errno(err, "write the journal");
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int journal_file_append(struct journal_file *file, enum record_kind kind, const void *payload,
                        size_t len, struct err *err)
{
    struct record record = { .len = htole32((uint32_t)len), .kind = htole32((uint32_t)kind) };

    if (len > RECORD_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "one commit changes more than the journal takes");
    record_sum(file, &record, payload, record.sum);
    int rc = write_at(file, &record, sizeof record, file->offset, err);
    if (rc == 0)
        rc = write_at(file, payload, len, file->offset + RECORD_HEAD_BYTES, err);
    if (rc == 0)
        file->offset += RECORD_HEAD_BYTES + (int64_t)len;
    file->written = true;
    return rc;
}

int journal_file_sync(struct journal_file *file, struct err *err)
{
    if (!file->written)
        return 0;
    if (fdatasync(file->fd) < 0)
        return err_errno(err, "sync the journal");
    file->written = false;
    return 0;
}

int journal_file_cut(struct journal_file *file, int64_t offset, struct err *err)
{
    if (ftruncate(file->fd, offset) < 0)
        return err_errno(err, "cut the journal");
    file->offset = offset;
    file->written = true;
    return journal_file_sync(file, err);
}

/* --- reading --- */

static int64_t bytes_left(const struct journal_file *file)
{
    struct stat st;

    return fstat(file->fd, &st) == 0 ? st.st_size - file->offset : 0;
}

static int read_at(const struct journal_file *file, void *room, size_t len, int64_t offset,
                   struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(file->fd, (char *)room + done, len - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "read the journal");
        if (got == 0)
            return err_set(err, ERR_IO, "the journal became shorter while it was read");
        done += (size_t)got;
    }
    return 0;
}

/* 1: a whole record is at `offset`, 0: none. */
static int record_read(struct journal_file *file, struct buf *payload, struct record *ret,
                       struct err *err)
{
    int64_t left = bytes_left(file);
    char sum[SUM_BYTES];

    buf_clear(payload);
    if (left < RECORD_HEAD_BYTES)
        return 0;
    int rc = read_at(file, ret, sizeof *ret, file->offset, err);
    if (rc < 0)
        return rc;
    int64_t len = le32toh(ret->len);
    if (len > RECORD_BYTES_MAX || len > left - RECORD_HEAD_BYTES)
        return 0;
    auto_free char *data = xmalloc((size_t)len + 1);
    rc = read_at(file, data, (size_t)len, file->offset + RECORD_HEAD_BYTES, err);
    if (rc < 0)
        return rc;
    record_sum(file, ret, data, sum);
    if (memcmp(sum, ret->sum, sizeof sum) != 0)
        return 0;
    return len > 0 && buf_add(payload, data, (size_t)len) < 0
               ? err_set(err, ERR_LIMIT, "a record of the journal is too large")
               : 1;
}

static bool may_be_record(const char *bytes)
{
    struct record record;

    memcpy(&record, bytes, offsetof(struct record, sum));
    uint32_t kind = le32toh(record.kind);
    return kind == RECORD_CHANGES || kind == RECORD_END;
}

/* To the next whole record behind `offset`, wherever it begins: what is damaged may be the length
 * that told it.  1: `offset` is there, 0: there is none. */
static int record_seek(struct journal_file *file, struct buf *payload, struct err *err)
{
    char window[SEEK_BYTES];
    struct record record;
    int64_t end = file->offset + bytes_left(file);
    int rc = 0;

    for (int64_t at = file->offset + 1; rc == 0 && end - at >= RECORD_HEAD_BYTES;) {
        size_t len = end - at < SEEK_BYTES ? (size_t)(end - at) : SEEK_BYTES;
        rc = read_at(file, window, len, at, err);
        for (size_t i = 0; rc == 0 && i + RECORD_HEAD_BYTES <= len; i++) {
            file->offset = at + (int64_t)i;
            if (may_be_record(window + i))
                rc = record_read(file, payload, &record, err);
        }
        at += (int64_t)len - RECORD_HEAD_BYTES + 1;
    }
    return rc;
}

int journal_file_next(struct journal_file *file, struct buf *payload, enum record_kind *ret_kind,
                      struct err *err)
{
    struct record record;
    int64_t begin = file->offset;

    if (bytes_left(file) == 0)
        return RECORD_NONE;
    int rc = record_read(file, payload, &record, err);
    if (rc > 0) {
        *ret_kind = (enum record_kind)le32toh(record.kind);
        file->offset += RECORD_HEAD_BYTES + le32toh(record.len);
    }
    if (rc != 0)
        return rc < 0 ? rc : RECORD_GOOD;
    rc = record_seek(file, payload, err);
    if (rc <= 0)
        file->offset = begin;
    return rc < 0 ? rc : rc > 0 ? RECORD_DAMAGED : RECORD_TORN;
}
