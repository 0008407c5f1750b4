#include "gateway/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { SHOWN_MAX = 200 };

int record_open(const char *path, struct record *ret, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "create %s", path);
    *ret = (struct record){ .fd = fd };
    return 0;
}

void record_close(struct record *record)
{
    if (record->fd >= 0)
        close(record->fd);
}

static int line_write(struct record *record, const char *line, struct err *err)
{
    if (record->broken)
        return err_set(err, ERR_IO, "the record is broken");
    record->broken = fs_write_all(record->fd, line, strlen(line)) < 0;
    return record->broken ? err_errno(err, "write the record") : 0;
}

int record_download(struct record *record, const struct rules_target *target,
                    const struct digests *digests, struct err *err)
{
    const char *what = target->metadata ? "metadata" : "file";
    auto_free char *line = digests
                               ? xasprintf("%s %s %" PRId64 " %s %s\n", what, target->repository,
                                           digests->size_bytes, digests->sha256, target->url)
                               : xasprintf("%s %s - - %s\n", what, target->repository, target->url);
    return line_write(record, line, err);
}

/* One word of what a client sent. */
static void word_clean(const char *text, char ret[SHOWN_MAX])
{
    snprintf(ret, SHOWN_MAX, "%s", text);
    for (char *at = ret; *at; at++)
        if (*at <= ' ' || *at >= 0x7f)
            *at = '?';
}

int record_trouble(struct record *record, const char *what, int status, const char *method,
                   const char *path, struct err *err)
{
    char method_word[SHOWN_MAX];
    char path_word[SHOWN_MAX];
    if (record->broken || ++record->troubles > RECORD_REFUSED_MAX)
        return 0;
    word_clean(method, method_word);
    word_clean(path, path_word);
    auto_free char *line = xasprintf("%s %d %s %s\n", what, status, method_word, path_word);
    return line_write(record, line, err);
}
