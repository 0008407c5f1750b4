#include "cli/upload.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/interrupt.h"
#include "sos/base/auto.h"
#include "sos/base/blobstream.h"

static void manifest_make(const struct tree *tree, struct sos_manifest *ret)
{
    ret->files_count = tree->count;
    ret->files = xcalloc(tree->count + 1, sizeof *ret->files);
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        ret->files[i] = (struct sos_source_file){
            .path = xstrdup(file->path),
            .mode = file->mode == TREE_SYMLINK      ? SOS_SOURCE_FILE_MODE_SYMLINK
                    : file->mode == TREE_EXECUTABLE ? SOS_SOURCE_FILE_MODE_EXECUTABLE
                                                    : SOS_SOURCE_FILE_MODE_REGULAR,
            .size_bytes = file->size_bytes,
            .sha256 = xstrdup(file->sha256),
        };
    }
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Where in source->missing, which is sorted; NULL: the server has it. */
static char **missing_find(const struct sos_source *source, const char *sha256)
{
    return bsearch(&sha256, source->missing, source->missing_count, sizeof *source->missing,
                   text_compare);
}

static int file_send(struct blobstream_writer *writer, const struct project *project,
                     const struct tree_file *file, struct err *err)
{
    auto_free char *path = xasprintf("%s/%s", project->root, file->path);
    if (file->mode != TREE_SYMLINK)
        return blobstream_add_file(writer, path, file->sha256, file->size_bytes, err);
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target);
    if (len < 0)
        return err_errno(err, "read the link %s", path);
    return blobstream_add_bytes(writer, target, (size_t)len, file->sha256, err);
}

/* The blobs go to an unnamed temporary file first: the request then has a length, and a file that
 * changes meanwhile is noticed before anything is sent. */
static int file_write(void *ctx, const void *data, size_t len)
{
    return fwrite(data, 1, len, ctx) == len ? 0 : -ERR_FULL;
}

static int blobs_pack(const struct project *project, struct sos_source *source, FILE *spool,
                      struct upload_sum *sum, struct err *err)
{
    struct blobstream_writer *writer = blobstream_writer_new(file_write, spool);
    auto_free bool *sent = xcalloc(source->missing_count + 1, sizeof *sent);
    int rc = 0;
    qsort(source->missing, source->missing_count, sizeof *source->missing, text_compare);
    for (size_t i = 0; rc == 0 && i < project->walk.tree.count; i++) {
        const struct tree_file *file = &project->walk.tree.files[i];
        char **missing = missing_find(source, file->sha256);
        if (!missing)
            continue;
        sum->files_new++;
        sum->bytes_new += file->size_bytes;
        /* Equal files are one blob, which is asked for once. */
        if (!sent[missing - source->missing])
            rc = file_send(writer, project, file, err);
        sent[missing - source->missing] = true;
        if (rc == 0 && interrupted()) {
            err_set(err, ERR_CONFLICT, "stopped while the files were read");
            err_reason(err, "CANCELLED");
            rc = -ERR_CONFLICT;
        }
    }
    if (rc == 0)
        rc = blobstream_end(writer, err);
    blobstream_writer_free(writer);
    if (rc == 0 && fflush(spool) != 0)
        rc = err_errno(err, "write a temporary file");
    return rc;
}

static int on_cancelled(void *ctx)
{
    (void)ctx;
    return interrupted();
}

static int blobs_put(struct cli *cli, const char *id, FILE *spool, int64_t size,
                     struct sos_source *ret, struct err *err)
{
    auto_free char *url = xasprintf("%s/v1/sources/%s/blobs", cli->server, id);
    const char *headers[] = { "Content-Type: application/vnd.sos.blobs+zstd", NULL };
    struct client_request request = CLIENT_REQUEST("PUT", url);
    struct client_answer answer;
    request.headers = headers;
    request.body_fd = fileno(spool);
    request.body_fd_len = size;
    request.idle_ms = 120000;
    request.cancelled = on_cancelled;
    int rc = api_do(cli, &request, &answer, err);
    if (rc < 0)
        return rc;
    if (answer.status == 200)
        rc = sos_source_read(answer.body.data, answer.body.len, ret, err);
    else
        rc = api_problem(&answer, err);
    client_answer_done(&answer);
    return rc;
}

static int blobs_send(struct cli *cli, const struct project *project, struct sos_source *source,
                      struct upload_sum *sum, struct err *err)
{
    auto_fclose FILE *spool = tmpfile();
    if (!spool)
        return err_errno(err, "make a temporary file");
    int rc = blobs_pack(project, source, spool, sum, err);
    if (rc == -ERR_CONFLICT)
        err_hint(err, "run it again when nothing writes there");
    if (rc < 0)
        return rc;
    sum->bytes_sent = ftell(spool);
    if (sum->on_send)
        sum->on_send(sum, sum->ctx);
    struct sos_source after = { 0 };
    struct api_patience patience = { 0 };
    do
        rc = blobs_put(cli, source->id, spool, sum->bytes_sent, &after, err);
    while (api_again(&patience, rc));
    if (rc == 0 && !after.complete)
        rc = err_set(err, ERR_IO, "the server still lacks %zu files after the upload",
                     after.missing_count);
    sos_source_done(&after);
    return rc;
}

int upload_source(struct cli *cli, const struct project *project, struct upload_sum *sum,
                  struct err *err)
{
    struct sos_manifest manifest = { 0 };
    struct sos_source source = { 0 };
    sum->files_new = 0;
    sum->bytes_new = sum->bytes_sent = 0;
    manifest_make(&project->walk.tree, &manifest);
    struct api_patience patience = { 0 };
    int rc = 0;
    do
        rc = api_call(cli, "POST", "/v1/sources", NULL, &sos_manifest_type, &manifest,
                      &sos_source_type, &source, NULL, err);
    while (api_again(&patience, rc));
    sos_manifest_done(&manifest);
    if (rc < 0)
        return rc;
    if (!source.id || strcmp(source.id, project->id) != 0)
        rc = err_set(err, ERR_IO, "the server computed another id for this source");
    else if (!source.complete)
        rc = blobs_send(cli, project, &source, sum, err);
    sos_source_done(&source);
    return rc;
}
