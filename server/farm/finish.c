/* finish.c - the end of an attempt as its worker tells it.
 *
 *   farm_finish --> log made durable --> artifacts found and hashed --> change, committed --> told
 *                   (appender strand)    (uploader strand, SUCCESS)
 *
 * With a SUCCESS the same transaction writes the outbox row of the publication.  A finish that
 * comes twice (its answer was lost) is answered as the first time. */
#include <string.h>

#include "server/core/names.h"
#include "server/farm/state.h"

enum { ARTIFACT_FILES_MAX = 32 };

struct finish {
    struct task task;
    struct change change;
    struct farm *farm;
    char *attempt;
    char subject[ID_MAX * 2 + 8];
    char build[ID_MAX];
    int32_t number;
    struct sos_finish_attempt_request request;
    struct sos_log_info log;
    struct digests files[ARTIFACT_FILES_MAX];
    struct sos_artifact artifact; /* what will be published */
    farm_build_fn done;
    void *ctx;
};

static void finish_free(struct finish *finish)
{
    sos_finish_attempt_request_done(&finish->request);
    sos_artifact_done(&finish->artifact);
    free(finish->attempt);
    free(finish);
}

static void finish_refuse(struct finish *finish, int rc, const struct err *err)
{
    finish->done(finish->ctx, rc, NULL, 0, err);
    finish_free(finish);
}

/* No lease of it is in force: perhaps the same finish came before. */
static void finish_repeat(struct finish *finish);

static bool is_stale(const struct err *err)
{
    return err->reason && strcmp(err->reason, "STALE_LEASE") == 0;
}

static bool finish_succeeds(const struct finish *finish)
{
    return finish->request.result->outcome == SOS_RESULT_OUTCOME_SUCCESS;
}

/* --- the change --- */

/* The artifact of this build, from what was uploaded. */
static void artifact_fill(struct finish *finish, const struct sos_build *build)
{
    const struct sos_image *image = catalogue_find(finish->farm->catalogue, build->image->name);
    const struct sos_artifact_rule *rule = image ? image->artifact : NULL;
    struct sos_artifact *artifact = &finish->artifact;
    size_t count = finish->request.artifacts_count;

    *artifact = (struct sos_artifact){
        .name = xstrdup(build->project),
        .version = xstrdup(build->version),
        .platform = xstrdup(rule && rule->platform ? rule->platform : "noarch"),
        .run = rule ? xstrdup(rule->run) : NULL,
        .build = xstrdup(build->id),
        .create_time_ms = clock_wall_ms(),
        .files = xcalloc(count, sizeof *artifact->files),
        .files_count = count,
    };
    for (size_t i = 0; i < count; i++)
        artifact->files[i] = (struct sos_artifact_file){
            .path = xstrdup(finish->request.artifacts[i].path),
            .size_bytes = finish->files[i].size_bytes,
            .sha256 = xstrdup(finish->files[i].sha256),
            .sha1 = xstrdup(finish->files[i].sha1),
            .md5 = xstrdup(finish->files[i].md5),
        };
}

static void build_set_log(struct build *build, const struct sos_log_info *log)
{
    if (!build->msg.log)
        build->msg.log = xcalloc(1, sizeof *build->msg.log);
    sos_log_info_done(build->msg.log);
    sos_log_info_copy(build->msg.log, log);
}

static int on_finish_prepare(struct change *change, struct err *err)
{
    struct finish *finish = container_of(change, struct finish, change);
    struct build *next = change->next;
    struct build_move move = {
        .event = build_finish_event(next, finish->request.result),
        .now_wall_ms = clock_wall_ms(),
        .result = finish->request.result,
    };

    if (!attempt_live(finish->farm, finish->attempt, finish->request.fence, err))
        return -(int)err->code;
    if (finish->request.steps_count > 0)
        build_set_steps(next, finish->request.steps, finish->request.steps_count);
    build_set_log(next, &finish->log);
    int rc = change_apply(change, &move, finish->subject, err);
    if (rc == 0 && next->msg.state == SOS_BUILD_STATE_STORING)
        artifact_fill(finish, &next->msg);
    return rc;
}

static int finish_also(struct change *change, struct db *db, struct err *err)
{
    struct finish *finish = container_of(change, struct finish, change);
    const char *build = change->next->msg.id;
    int rc = attempts_end(db, build, finish->number, change->event.wall_ms, finish->request.result,
                          &finish->log, err);

    if (rc < 0 || change->next->msg.state != SOS_BUILD_STATE_STORING)
        return rc;
    for (size_t i = 0; i < finish->artifact.files_count; i++) {
        rc = uploads_has(db, build, finish->artifact.files[i].sha256, err);
        if (rc == 0)
            return err_set(err, ERR_CONFLICT, "file %s was not uploaded by this build",
                           finish->artifact.files[i].path);
        if (rc < 0)
            return rc;
    }
    return publications_add(db, build, &finish->artifact, change->event.wall_ms, err);
}

static void on_finished(struct change *change, int rc, const struct err *err)
{
    struct finish *finish = container_of(change, struct finish, change);
    struct live *live = change->live;
    struct build_view view;

    if (rc < 0 && is_stale(err)) {
        finish_repeat(finish); /* the first one came to its end while this one was under way */
        return;
    }
    if (rc < 0) {
        finish_refuse(finish, rc, err);
        return;
    }
    log_info("build", "finished", "build=%s attempt=%d outcome=%s state=%s", live->build->msg.id,
             finish->number,
             wire_enum_name(&sos_result_outcome_enum, (int)finish->request.result->outcome),
             build_state_name(live->build->msg.state));
    counters_steps(live->farm, &live->build->msg);
    if (live->build->msg.state == SOS_BUILD_STATE_STORING)
        publish_begin(live, &finish->artifact, 0);
    view_init(&view, live);
    finish->done(finish->ctx, 0, &view.msg, live->build->revision, NULL);
    view_done(&view);
    finish_free(finish);
}

/* --- blocking work: the log and the files --- */

static void log_work(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);
    auto_close int fd = -1;

    task->rc = log_end(finish->farm->logs, finish->build, finish->number, &task->err);
    if (task->rc == 0)
        task->rc = log_open(finish->farm->logs, finish->build, finish->number, &fd,
                            &finish->log.size_bytes, &task->err);
    if (task->rc == -ERR_NOT_FOUND)
        task->rc = 0;
    finish->log.complete = true;
    finish->log.truncated = finish->request.log && finish->request.log->truncated;
}

/* Hash a blob again: the worker's word about SHA-1 and MD5 is not taken, and a restarted server
 * does not remember the upload. */
static int blob_digests(struct blobs *blobs, const char *sha256, struct digests *ret,
                        struct err *err)
{
    auto_free char *room = xmalloc(1 << 16);
    auto_close int fd = -1;
    int64_t size;
    int rc = blobs_read(blobs, sha256, &fd, &size, err);
    ssize_t n;

    if (rc < 0)
        return rc;
    struct hasher *hasher = hasher_new();
    while ((n = read(fd, room, 1 << 16)) > 0)
        hasher_add(hasher, room, (size_t)n);
    hasher_end(hasher, ret);
    hasher_free(hasher);
    return n < 0 ? err_errno(err, "read blob %s", sha256) : 0;
}

static void files_work(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);

    for (size_t i = 0; i < finish->request.artifacts_count && task->rc == 0; i++) {
        const struct sos_artifact_file *file = &finish->request.artifacts[i];
        if (finish->files[i].sha256[0] == '\0')
            task->rc =
                blob_digests(finish->farm->blobs, file->sha256, &finish->files[i], &task->err);
        if (task->rc == -ERR_NOT_FOUND) {
            err_set(&task->err, ERR_CONFLICT, "file %s was not uploaded", file->path);
            err_reason(&task->err, "ARTIFACT_MISSING");
            task->rc = -ERR_CONFLICT;
        }
    }
}

/* --- events --- */

static void finish_change(struct finish *finish)
{
    struct err err = { 0 };
    struct live *live = attempt_live(finish->farm, finish->attempt, finish->request.fence, &err);

    if (!live) {
        finish_repeat(finish);
        return;
    }
    finish->change =
        (struct change){ .prepare = on_finish_prepare, .also = finish_also, .told = on_finished };
    change_post(live, &finish->change);
}

static void on_files(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);
    struct err err = task->err;

    if (task->rc < 0)
        finish_refuse(finish, task->rc, &err);
    else
        finish_change(finish);
}

static void on_log_ended(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);
    struct live *live = live_find(finish->farm, finish->build);
    struct err err = task->err;

    if (task->rc < 0) {
        finish_refuse(finish, task->rc, &err);
        return;
    }
    if (!finish_succeeds(finish)) {
        finish_change(finish);
        return;
    }
    for (size_t i = 0; live && i < finish->request.artifacts_count; i++) {
        const struct digests *known = live_known_file(live, finish->request.artifacts[i].sha256);
        if (known)
            finish->files[i] = *known;
    }
    strand_post(finish->farm->uploaders[0], &finish->task, files_work, on_files);
}

/* --- a finish without a lease: perhaps one that came before --- */

static void repeat_work(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);
    struct db *db = finish->farm->read_db;
    struct attempt_row row;

    task->rc = attempts_get(db, finish->build, finish->number, &row, &task->err);
    bool same = task->rc == 0 && row.end_wall_ms > 0 && row.fence == finish->request.fence &&
                row.result.outcome == finish->request.result->outcome &&
                row.result.reason == finish->request.result->reason &&
                row.result.reason != SOS_RESULT_REASON_WORKER_LOST;
    if (task->rc == 0)
        attempt_row_done(&row);
    if (same)
        return;
    err_set(&task->err, ERR_CONFLICT, "no lease of %s is in force", finish->attempt);
    err_reason(&task->err, "STALE_LEASE");
    task->rc = -ERR_CONFLICT;
}

static void on_repeat(struct task *task)
{
    struct finish *finish = container_of(task, struct finish, task);
    struct err err = task->err;

    if (task->rc < 0) {
        finish_refuse(finish, task->rc, &err);
        return;
    }
    farm_build_get(finish->farm, finish->build, -1, 0, finish->done, finish->ctx);
    finish_free(finish);
}

static void finish_repeat(struct finish *finish)
{
    strand_post(finish->farm->reader, &finish->task, repeat_work, on_repeat);
}

/* --- asking --- */

static int files_check(const struct sos_finish_attempt_request *request, struct err *err)
{
    if (request->artifacts_count == 0 || request->artifacts_count > ARTIFACT_FILES_MAX)
        return err_set(err, ERR_INVALID, "a success has 1 to %d artifacts", ARTIFACT_FILES_MAX);
    for (size_t i = 0; i < request->artifacts_count; i++) {
        const struct sos_artifact_file *file = &request->artifacts[i];
        if (!name_is_file(file->path))
            return err_set(err, ERR_INVALID, "artifacts/%zu/path is no file name", i);
        if (!file->sha256 || !sha256_hex_is_valid(file->sha256))
            return err_set(err, ERR_INVALID, "artifacts/%zu/sha256 is none", i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(request->artifacts[j].path, file->path) == 0)
                return err_set(err, ERR_INVALID, "two artifacts are named %s", file->path);
    }
    return 0;
}

static int finish_check(const char *attempt, const struct sos_finish_attempt_request *request,
                        char ret_build[ID_MAX], int32_t *ret_number, struct err *err)
{
    int rc = attempt_id_parse(attempt, ret_build, ret_number, err);

    if (rc < 0)
        return rc;
    if (!request->result || request->result->outcome == SOS_RESULT_OUTCOME_UNSPECIFIED)
        return err_set(err, ERR_INVALID, "result/outcome is missing");
    if (request->steps_count > 64)
        return err_set(err, ERR_INVALID, "at most 64 steps");
    return request->result->outcome == SOS_RESULT_OUTCOME_SUCCESS ? files_check(request, err) : 0;
}

void farm_finish(struct farm *farm, const char *attempt,
                 const struct sos_finish_attempt_request *request, farm_build_fn done, void *ctx)
{
    struct err err = { 0 };
    char build[ID_MAX];
    int32_t number;
    int rc = finish_check(attempt, request, build, &number, &err);

    if (rc < 0) {
        done(ctx, rc, NULL, 0, &err);
        return;
    }
    struct finish *finish = xcalloc(1, sizeof *finish);
    finish->farm = farm;
    finish->attempt = xstrdup(attempt);
    finish->number = number;
    memcpy(finish->build, build, sizeof build);
    sos_finish_attempt_request_copy(&finish->request, request);
    finish->done = done;
    finish->ctx = ctx;
    struct live *live = attempt_live(farm, attempt, request->fence, &err);
    if (!live) {
        finish_repeat(finish);
        return;
    }
    snprintf(finish->subject, sizeof finish->subject, "worker:%s", live->build->msg.worker);
    worker_seen(farm, live->build->msg.worker);
    lease_extend(live->build, &farm->rules, clock_mono_ms());
    strand_post(farm->appender, &finish->task, log_work, on_log_ended);
}
