#include "worker/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/pack.h"
#include "sos/base/tree.h"
#include "worker/room.h"

enum { RETRY_US = 500000 };

/* --- source --- */

struct incoming {
    int fd;
    int64_t bytes_left;
};

static int download_write(void *ctx, const void *data, size_t len)
{
    struct incoming *download = ctx;
    download->bytes_left -= (int64_t)len;
    if (download->bytes_left < 0)
        return -ERR_LIMIT;
    const char *at = data;
    while (len > 0) {
        ssize_t put = write(download->fd, at, len);
        if (put < 0)
            return errno == ENOSPC ? -ERR_FULL : -ERR_IO;
        at += put;
        len -= (size_t)put;
    }
    return 0;
}

/* One try.  Gives the HTTP status, 0 when there was no answer, or a negative code. */
static int download_once(struct job *job, struct client *client, const char *url, int fd,
                         struct err *err)
{
    struct incoming download = { .fd = fd, .bytes_left = job->lease->image->limits->disk_bytes };
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, "empty the archive");
    struct client_request request = CLIENT_REQUEST("GET", url);
    request.answer_write = download_write;
    request.ctx = &download;
    struct client_answer answer = { 0 };
    int rc = client_do(client, &request, &answer, err);
    if (rc < 0)
        return rc == -ERR_IO ? 0 : rc;
    int status = answer.status;
    if (status != 200)
        err_set(err, ERR_IO, "the server answered %d for the source", status);
    client_answer_done(&answer);
    return status;
}

static int source_download(struct job *job, int fd, struct err *err)
{
    auto_free char *id = client_escape(job->lease->build->source);
    auto_free char *url = xasprintf("%s/v1/sources/%s/archive", job->settings->server_url, id);
    struct client *client = client_new(job->settings->token, NULL);
    int status;
    /* A server that is away comes back, or the lease ends and with it this process. */
    while ((status = download_once(job, client, url, fd, err)) == 0 || status >= 500)
        usleep(RETRY_US);
    client_free(client);
    return status == 200 ? 0 : status < 0 ? status : -ERR_IO;
}

static int source_failed(struct verdict *ret, bool fits, const struct err *err)
{
    if (fits)
        return verdict_error(ret, SOS_RESULT_REASON_SOURCE_UNAVAILABLE, err);
    return verdict_fail(ret, SOS_RESULT_REASON_DISK_FULL,
                        "the source does not fit on the build's disk");
}

int transfer_source(struct job *job, struct verdict *ret)
{
    const struct sos_limits *limits = job->lease->image->limits;
    struct err err = { 0 };
    auto_free char *path = xasprintf("%s/source.tar.zst", job->slot_dir);
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    auto_close int src = open(ROOM "/scratch/build/src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || src < 0) {
        err_errno(&err, "open %s", fd < 0 ? path : "the source's folder");
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    }
    (void)unlink(path);
    if (source_download(job, fd, &err) < 0)
        return source_failed(ret, err.code != ERR_LIMIT, &err);

    /* No limit of compression: files of zeros are a source too, and the disk bounds them. */
    struct unpack_limits unpack = { .bytes_max = limits->disk_bytes, .files_max = TREE_FILES_MAX };
    int uid = (int)sandbox_uid(job->sandbox->slot);
    if (lseek(fd, 0, SEEK_SET) < 0 || unpack_tree(fd, src, &unpack, uid, uid, &err) < 0)
        return source_failed(ret, err.code != ERR_FULL && err.code != ERR_LIMIT, &err);
    return 0;
}

/* --- artifact --- */

/* One file, again and again while the server is away.  0, or -1 and the error. */
static int upload_file(struct job *job, struct client *client, const struct collected_file *file,
                       struct err *err)
{
    auto_free char *path = xasprintf(ROOM "/artifact/%s", file->name);
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    auto_free char *id = client_escape(job->lease->attempt_id);
    auto_free char *url =
        xasprintf("%s/v1/agent/attempts/%s/artifacts/%s?fence=%" PRId64, job->settings->server_url,
                  id, file->digests.sha256, job->lease->fence);
    static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
    for (;;) {
        struct client_request request = CLIENT_REQUEST("PUT", url);
        request.headers = headers;
        request.body_fd = fd;
        request.body_fd_len = file->digests.size_bytes;
        struct client_answer answer = { 0 };
        if (client_do(client, &request, &answer, err) == 0) {
            int status = answer.status;
            client_answer_done(&answer);
            if (status / 100 == 2)
                return 0;
            err_set(err, ERR_IO, "the server answered %d for artifact %s", status, file->name);
            if (status < 500)
                return -ERR_IO;
        }
        usleep(RETRY_US);
    }
}

int transfer_artifact(struct job *job, struct verdict *ret)
{
    struct client *client = client_new(job->settings->token, NULL);
    struct err err = { 0 };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < job->shared->collected.count; i++)
        rc = upload_file(job, client, &job->shared->collected.files[i], &err);
    client_free(client);
    return rc < 0 ? verdict_error(ret, SOS_RESULT_REASON_WORKER_LOST, &err) : 0;
}
