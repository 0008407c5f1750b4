#include "store/disk/golang_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/digest.h"
#include "store/disk/zip.h"

enum { READ_BYTES = 64 << 10, ROOM_BYTES = 64 << 10 };

struct entry {
    char *name;
    char sha256[SHA256_HEX];
};

struct entries {
    struct entry *list;
    size_t count;
    int64_t bytes; /* of all files together */
    char *room;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int archive_fault(struct archive *archive, struct err *err)
{
    const char *why = archive_error_string(archive);
    return err_set(err, ERR_INVALID, "the module's zip: %.150s", why ? why : "cannot be read");
}

static int entry_hash(struct archive *archive, struct entries *entries, struct entry *ret,
                      struct err *err)
{
    struct hasher *hasher = hasher_new_sha256();
    struct digests digests;
    la_ssize_t got;

    while ((got = archive_read_data(archive, entries->room, ROOM_BYTES)) > 0) {
        hasher_add(hasher, entries->room, (size_t)got);
        entries->bytes += got;
        if (entries->bytes > GOLANG_ZIP_BYTES_MAX)
            break;
    }
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    memcpy(ret->sha256, digests.sha256, sizeof ret->sha256);
    if (entries->bytes > GOLANG_ZIP_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the module's zip holds more than %d bytes",
                       GOLANG_ZIP_BYTES_MAX);
    return got < 0 ? archive_fault(archive, err) : 0;
}

static int entry_add(struct archive *archive, struct archive_entry *found, struct entries *entries,
                     struct err *err)
{
    const char *name = archive_entry_pathname(found);

    if (!name || strchr(name, '\n'))
        return err_set(err, ERR_INVALID, "the module's zip holds a name that cannot be");
    if (entries->count == GOLANG_ZIP_FILES_MAX)
        return err_set(err, ERR_LIMIT, "the module's zip holds more than %d files",
                       GOLANG_ZIP_FILES_MAX);
    if ((entries->count & (entries->count - 1)) == 0)
        entries->list = xrealloc(entries->list,
                                 (entries->count ? 2 * entries->count : 1) * sizeof *entries->list);
    struct entry *entry = &entries->list[entries->count++];
    entry->name = xstrdup(name);
    return entry_hash(archive, entries, entry, err);
}

static int zip_read(struct archive *archive, int fd, struct entries *entries, struct err *err)
{
    struct archive_entry *found;
    int got;

    archive_read_support_format_zip_seekable(archive);
    if (archive_read_open_fd(archive, fd, READ_BYTES) != ARCHIVE_OK)
        return archive_fault(archive, err);
    while ((got = archive_read_next_header(archive, &found)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
        int rc = entry_add(archive, found, entries, err);
        if (rc < 0)
            return rc;
    }
    return got == ARCHIVE_EOF ? 0 : archive_fault(archive, err);
}

static void sum_write(struct entries *entries, char ret[GOLANG_SUM_MAX])
{
    struct hasher *hasher = hasher_new_sha256();
    struct digests digests;
    unsigned char bytes[32];
    unsigned char coded[48];

    qsort(entries->list, entries->count, sizeof *entries->list, by_name);
    for (size_t i = 0; i < entries->count; i++) {
        auto_free char *line =
            xasprintf("%s  %s\n", entries->list[i].sha256, entries->list[i].name);
        hasher_add(hasher, line, strlen(line));
    }
    hasher_end(hasher, &digests);
    hasher_free(hasher);
    for (size_t i = 0; i < sizeof bytes; i++) {
        char hex[3] = { digests.sha256[2 * i], digests.sha256[2 * i + 1], '\0' };
        bytes[i] = (unsigned char)strtoul(hex, NULL, 16);
    }
    EVP_EncodeBlock(coded, bytes, sizeof bytes);
    snprintf(ret, GOLANG_SUM_MAX, "h1:%s", (const char *)coded);
}

int golang_zip_sum(int fd, char ret[GOLANG_SUM_MAX], struct err *err)
{
    struct entries entries = { 0 };
    int rc = zip_list_check(fd, err);

    if (rc < 0)
        return rc;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, "rewind a module's zip");
    entries.room = xmalloc(ROOM_BYTES);
    entries.list = NULL;
    struct archive *archive = archive_read_new();
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!utf8)
        abort();                       /* every glibc has it */
    locale_t before = uselocale(utf8); /* libarchive gives names in the thread's locale */
    rc = zip_read(archive, fd, &entries, err);
    uselocale(before);
    freelocale(utf8);
    archive_read_free(archive);
    if (rc == 0)
        sum_write(&entries, ret);
    for (size_t i = 0; i < entries.count; i++)
        free(entries.list[i].name);
    free(entries.list);
    free(entries.room);
    return rc;
}
