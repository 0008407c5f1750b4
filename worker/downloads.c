#include "worker/downloads.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/fs.h"

#define BASE "/artifactory"

enum {
    LINE_MAX_LEN = 2048,
    URL_MAX = 1024, /* longer ones no gateway lets through, and no server takes */
    REPOSITORY_MAX = 64,
};

static void download_done(struct download *download)
{
    free(download->repository);
    free(download->url);
}

void downloads_done(struct downloads *downloads)
{
    for (size_t i = 0; i < downloads->count; i++)
        download_done(&downloads->all[i]);
    for (size_t i = 0; i < countof(downloads->troubles); i++)
        free(downloads->troubles[i]);
    free(downloads->all);
    *downloads = (struct downloads){ 0 };
}

/* Takes what it holds. */
static void downloads_add(struct downloads *downloads, const struct download *download)
{
    if (downloads->count == downloads->cap) {
        downloads->cap = downloads->cap ? 2 * downloads->cap : 64;
        downloads->all = xrealloc(downloads->all, downloads->cap * sizeof *downloads->all);
    }
    downloads->all[downloads->count++] = *download;
}

/* --- each once, by URL; what came whole at last was not only begun --- */

static int by_name(const void *a, const void *b)
{
    const struct download *one = a;
    const struct download *other = b;
    int order = strcmp(one->url, other->url);
    if (order == 0)
        order = strcmp(one->sha256, other->sha256);
    return order ? order : (int)one->cached - (int)other->cached;
}

static void downloads_settle(struct downloads *downloads)
{
    size_t kept = 0;
    if (downloads->count > 0)
        qsort(downloads->all, downloads->count, sizeof *downloads->all, by_name);
    for (size_t i = 0; i < downloads->count; i++) {
        struct download *at = &downloads->all[i];
        struct download *last = kept > 0 ? &downloads->all[kept - 1] : NULL;
        bool again = last && strcmp(last->url, at->url) == 0;
        if (again && strcmp(last->sha256, at->sha256) == 0) {
            download_done(at);
        } else if (again && !last->sha256[0]) {
            download_done(last);
            *last = *at;
        } else {
            downloads->all[kept++] = *at;
        }
    }
    downloads->count = kept;
    while (downloads->count > DOWNLOADS_MAX) {
        downloads->over = true;
        download_done(&downloads->all[--downloads->count]);
    }
}

/* --- lines --- */

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7f)
            return false;
    return true;
}

/* "/REPOSITORY/…" or "/api/TYPE/REPOSITORY/…": where what is behind the repository begins; NULL. */
static const char *behind_repository(const char *url, const char *repository)
{
    size_t len = strlen(repository);
    const char *at = url;
    if (strncmp(at, "/api/", 5) == 0) {
        at = strchr(at + 5, '/');
        if (!at)
            return NULL;
    }
    if (*at != '/' || strncmp(at + 1, repository, len) != 0 || at[1 + len] != '/')
        return NULL;
    return at + len + 2;
}

static bool size_read(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

/* Its words behind "file" or "metadata". */
static bool download_read(char *line, bool metadata, struct download *ret)
{
    const char *repository = strsep(&line, " ");
    const char *size = line ? strsep(&line, " ") : NULL;
    const char *sha256 = line ? strsep(&line, " ") : NULL;
    const char *url = line;
    int64_t bytes = 0;
    bool begun = url && strcmp(size, "-") == 0 && strcmp(sha256, "-") == 0;
    if (!url || (!begun && (!size_read(size, &bytes) || !sha256_hex_is_valid(sha256))) ||
        strncmp(url, BASE "/", sizeof BASE) != 0 || strlen(url) > URL_MAX || !is_printable(url) ||
        strlen(repository) > REPOSITORY_MAX || !is_printable(repository))
        return false;
    url += sizeof BASE - 1;
    if (!behind_repository(url, repository))
        return false;
    *ret = (struct download){ .repository = xstrdup(repository),
                              .url = xstrdup(url),
                              .size_bytes = bytes,
                              .metadata = metadata };
    if (!begun)
        memcpy(ret->sha256, sha256, sizeof ret->sha256);
    return true;
}

static void trouble_add(struct downloads *downloads, const char *what, const char *rest)
{
    if (!is_printable(what) || downloads->troubles_count++ >= DOWNLOADS_TROUBLES_MAX)
        return;
    char *text = xasprintf("%s %.300s", what, rest);
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at >= 0x7f)
            *at = '?';
    downloads->troubles[downloads->troubles_count - 1] = text;
}

/* One line, which is changed. */
static void line_read(struct downloads *downloads, char *line)
{
    struct download download;
    const char *what = strsep(&line, " ");
    if (!line)
        return;
    bool metadata = strcmp(what, "metadata") == 0;
    if (metadata || strcmp(what, "file") == 0) {
        if (download_read(line, metadata, &download))
            downloads_add(downloads, &download);
    } else if (strcmp(what, "refused") == 0 || strcmp(what, "failed") == 0) {
        trouble_add(downloads, what, line);
    }
}

void downloads_parse(struct downloads *downloads, const char *text, size_t len)
{
    while (len > 0) {
        char line[LINE_MAX_LEN];
        const char *end = memchr(text, '\n', len);
        size_t line_len = end ? (size_t)(end - text) : len;
        /* One that was cut short by a death has no end. */
        if (end && line_len < sizeof line && !memchr(text, '\0', line_len)) {
            memcpy(line, text, line_len);
            line[line_len] = '\0';
            line_read(downloads, line);
        }
        line_len += end ? 1 : 0;
        text += line_len;
        len -= line_len;
    }
    downloads_settle(downloads);
}

int downloads_read(struct downloads *downloads, const char *path, struct err *err)
{
    struct stat st;
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DOWNLOADS_BYTES_MAX)
        return err_set(err, ERR_INVALID, "%s is no record", path);
    auto_free char *text = xmalloc((size_t)st.st_size + 1);
    ssize_t got = read(fd, text, (size_t)st.st_size);
    if (got != st.st_size)
        return err_errno(err, "read %s", path);
    downloads_parse(downloads, text, (size_t)got);
    downloads->over |= st.st_size == DOWNLOADS_BYTES_MAX;
    return 0;
}

/* --- with an earlier one --- */

void downloads_join(struct downloads *downloads, const struct downloads *earlier)
{
    for (size_t i = 0; i < earlier->count; i++) {
        struct download copy = earlier->all[i];
        if (copy.metadata)
            continue;
        copy.repository = xstrdup(copy.repository);
        copy.url = xstrdup(copy.url);
        copy.cached = true;
        downloads_add(downloads, &copy);
    }
    downloads->over |= earlier->over;
    downloads_settle(downloads);
}

char *downloads_text(const struct downloads *downloads, size_t *ret_len)
{
    struct buf text;
    if (downloads->over)
        return NULL;
    buf_init(&text, DOWNLOADS_BYTES_MAX - 1); /* one that is full says that it is over */
    for (size_t i = 0; i < downloads->count; i++) {
        const struct download *at = &downloads->all[i];
        if (!at->metadata && !at->sha256[0])
            buf_printf(&text, "file %s - - " BASE "%s\n", at->repository, at->url);
        else if (!at->metadata)
            buf_printf(&text, "file %s %" PRId64 " %s " BASE "%s\n", at->repository, at->size_bytes,
                       at->sha256, at->url);
    }
    bool over = text.over;
    *ret_len = text.len;
    char *taken = buf_take(&text);
    if (over)
        free(take_ptr(taken));
    return taken;
}

const char *download_path(const struct download *download)
{
    return behind_repository(download->url, download->repository);
}
