#include "cli/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/interrupt.h"
#include "sos/base/auto.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"

struct sink {
    int fd;
    struct hasher *hasher;
    int fault; /* errno of a write */
};

static int on_cancelled(void *ctx)
{
    (void)ctx;
    return interrupted();
}

static int sink_write(void *ctx, const void *data, size_t len)
{
    struct sink *sink = ctx;
    hasher_add(sink->hasher, data, len);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(sink->fd, (const char *)data + done, len - done);
        if (n < 0 && errno != EINTR) {
            sink->fault = errno;
            return errno == ENOSPC || errno == EDQUOT ? -ERR_FULL : -ERR_CONFLICT;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int file_fetch(struct cli *cli, const char *url, struct sink *sink, struct err *err)
{
    struct client_request request = CLIENT_REQUEST("GET", url);
    struct client_answer answer;
    request.answer_write = sink_write;
    request.ctx = sink;
    request.idle_ms = 60000;
    request.cancelled = on_cancelled;
    int rc = api_do(cli, &request, &answer, err);
    if (rc < 0 && sink->fault) {
        errno = sink->fault;
        return err_errno(err, "write the artifact");
    }
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        rc = api_problem(&answer, err);
    client_answer_done(&answer);
    return rc;
}

static int file_verify(const struct sos_artifact_file *file, const struct digests *got,
                       struct err *err)
{
    if (file->sha256 && strcmp(got->sha256, file->sha256) == 0 &&
        got->size_bytes == file->size_bytes)
        return 0;
    err_set(err, ERR_CONFLICT,
            "%s has sha256 %.16s… and not %.16s… as the farm recorded; it was thrown away",
            file->path, got->sha256, file->sha256 ? file->sha256 : "?");
    err_reason(err, "INTEGRITY");
    return -ERR_CONFLICT;
}

/* Beside its final place under another name until it is proved. */
static int file_get(struct cli *cli, const struct sos_artifact *artifact,
                    const struct sos_artifact_file *file, const char *path, struct err *err)
{
    auto_free char *name = client_escape(artifact->name),
                   *version = client_escape(artifact->version),
                   *element = client_escape(file->path);
    auto_free char *url =
        xasprintf("%s/v1/artifacts/%s/versions/%s/files/%s", cli->server, name, version, element);
    auto_free char *part = xasprintf("%s.part", path);
    auto_close int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (fd < 0)
        return err_errno(err, "write %s", part);
    struct sink sink = { .fd = fd, .hasher = hasher_new_sha256() };
    struct digests got;
    int rc = file_fetch(cli, url, &sink, err);
    hasher_end(sink.hasher, &got);
    hasher_free(sink.hasher);
    if (rc == 0)
        rc = file_verify(file, &got, err);
    if (rc == 0 && rename(part, path) < 0)
        rc = err_errno(err, "rename %s", part);
    if (rc < 0)
        unlink(part);
    return rc;
}

static char *path_in(const char *folder, const char *name)
{
    size_t len = strlen(folder);
    return xasprintf("%s%s%s", folder, len > 0 && folder[len - 1] == '/' ? "" : "/", name);
}

int artifact_download(struct cli *cli, const struct sos_artifact *artifact, const char *output,
                      struct err *err)
{
    struct stat st;
    if (!output[0])
        return err_set(err, ERR_INVALID, "--output names nothing");
    bool folder = (stat(output, &st) == 0 && S_ISDIR(st.st_mode)) || artifact->files_count > 1 ||
                  output[strlen(output) - 1] == '/';
    int made = folder ? fs_mkdirs(output, 0777, err) : 0;
    if (made < 0)
        return made;
    for (size_t i = 0; i < artifact->files_count; i++) {
        const struct sos_artifact_file *file = &artifact->files[i];
        if (!file->path || strchr(file->path, '/') || strcmp(file->path, "..") == 0)
            return err_set(err, ERR_INVALID, "the artifact has a file of an unsafe name");
        auto_free char *path = folder ? path_in(output, file->path) : xstrdup(output);
        int rc = file_get(cli, artifact, file, path, err);
        if (rc < 0)
            return rc;
        if (!cli->json)
            printf("%s\n", path);
    }
    return 0;
}

static int newest_version(struct cli *cli, const char *name, char **ret, struct err *err)
{
    struct sos_list_artifacts_response list = { 0 };
    auto_free char *escaped = client_escape(name);
    auto_free char *path = xasprintf("/v1/artifacts?name=%s&pageSize=1", escaped);
    int rc = api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_artifacts_response_type, &list,
                      NULL, err);
    if (rc == 0 && list.artifacts_count == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no artifact %s", name);
        err_hint(err, "sos artifact list");
    }
    if (rc == 0)
        *ret = xstrdup(list.artifacts[0].version);
    sos_list_artifacts_response_done(&list);
    return rc;
}

int artifact_find(struct cli *cli, const char *text, struct sos_artifact *ret, struct err *err)
{
    const char *at = strchr(text, '@');
    auto_free char *raw = at ? xstrndup(text, (size_t)(at - text)) : xstrdup(text);
    auto_free char *version = at ? xstrdup(at + 1) : NULL;
    if (!version) {
        int rc = newest_version(cli, raw, &version, err);
        if (rc < 0)
            return rc;
    }
    auto_free char *name = client_escape(raw), *escaped = client_escape(version);
    auto_free char *path = xasprintf("/v1/artifacts/%s/versions/%s", name, escaped);
    return api_call(cli, "GET", path, NULL, NULL, NULL, &sos_artifact_type, ret, NULL, err);
}

int cancel_build(struct cli *cli, const char *id, const char *reason, struct err *err)
{
    struct sos_cancel_build_request request = { .reason = xstrdup(reason) };
    struct sos_build build = { 0 };
    auto_free char *path = xasprintf("/v1/builds/%s:cancel", id);
    int rc = api_call(cli, "POST", path, NULL, &sos_cancel_build_request_type, &request,
                      &sos_build_type, &build, NULL, err);
    sos_cancel_build_request_done(&request);
    sos_build_done(&build);
    return rc;
}
