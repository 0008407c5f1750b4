#include "store/disk/wheel.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "sos/base/auto.h"
#include "store/disk/zip.h"

enum {
    READ_BYTES = 64 << 10,
};

/* "<name>-<version>.dist-info/METADATA" of that project. */
static bool path_is_metadata(const char *path, const char *project)
{
    static const char end[] = ".dist-info/METADATA";
    size_t len = path ? strlen(path) : 0;
    size_t name_len = path ? strcspn(path, "-") : 0;
    char name[PYPI_NAME_MAX + 1];

    if (len <= sizeof end || name_len > PYPI_NAME_MAX ||
        strcmp(path + len - sizeof end + 1, end) != 0 ||
        strchr(path, '/') != path + len - strlen("/METADATA"))
        return false;
    auto_free char *plain = xstrndup(path, name_len);
    return pypi_normal_name(plain, name, NULL) == 0 && strcmp(name, project) == 0;
}

static int entry_read(struct archive *archive, struct buf *ret, struct err *err)
{
    auto_free char *part = xmalloc(READ_BYTES);
    la_ssize_t got;

    while ((got = archive_read_data(archive, part, READ_BYTES)) > 0)
        if (ret->len + (size_t)got > WHEEL_METADATA_MAX || buf_add(ret, part, (size_t)got) < 0)
            return err_set(err, ERR_LIMIT, "the METADATA of a wheel is larger than %d bytes",
                           WHEEL_METADATA_MAX);
    return got == 0 ? 0
                    : err_set(err, ERR_INVALID, "the METADATA of a wheel cannot be read: %s",
                              archive_error_string(archive));
}

static int archive_look(struct archive *archive, int fd, const char *project, struct buf *ret,
                        struct err *err)
{
    struct archive_entry *entry;
    int rc;

    archive_read_support_format_zip_seekable(archive);
    if (archive_read_open_fd(archive, fd, READ_BYTES) != ARCHIVE_OK)
        return err_set(err, ERR_INVALID, "not a zip file: %s", archive_error_string(archive));
    while ((rc = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
        if (path_is_metadata(archive_entry_pathname(entry), project))
            return entry_read(archive, ret, err);
    return err_set(err, ERR_INVALID, "a wheel without METADATA%s%s", rc == ARCHIVE_EOF ? "" : ": ",
                   rc == ARCHIVE_EOF ? "" : archive_error_string(archive));
}

int wheel_metadata(int fd, const char *project, struct buf *ret, struct err *err)
{
    int rc = zip_list_check(fd, err);

    if (rc < 0)
        return rc;
    struct archive *archive = archive_read_new();
    rc = archive_look(archive, fd, project, ret, err);
    archive_read_free(archive);
    return rc;
}

/* Fields are lines "Name: value" up to an empty line. */
bool wheel_field(const char *metadata, const char *field, char ret[PYPI_FIELD_MAX + 1])
{
    size_t field_len = strlen(field);

    for (const char *line = metadata; *line && *line != '\n' && *line != '\r';) {
        size_t len = strcspn(line, "\n");
        const char *value = line + field_len + 1;
        size_t value_len = len > field_len ? len - field_len - 1 : 0;
        if (value_len > 0 && strncasecmp(line, field, field_len) == 0 && line[field_len] == ':') {
            size_t blank = strspn(value, " \t");
            value += blank;
            value_len -= blank < value_len ? blank : value_len;
            while (value_len > 0 && strchr("\r \t", value[value_len - 1]))
                value_len--;
            if (value_len > PYPI_FIELD_MAX)
                return false;
            memcpy(ret, value, value_len);
            ret[value_len] = '\0';
            return true;
        }
        line += len + (line[len] == '\n');
    }
    return false;
}
