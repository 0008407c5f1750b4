/* submit.c - a request becomes a build: chosen an image, given a number, committed, queued. */
#include <string.h>

#include "server/core/fingerprint.h"
#include "server/farm/state.h"

struct submit {
    struct task task;
    struct farm *farm;
    struct build_row row;
    char *subject;
    char *key;
    char *body_sha256;
    struct err refusal; /* of a new one; a repeat is answered all the same */
    struct build_row saved;
    enum submit_outcome outcome;
    farm_build_fn done;
    void *ctx;
};

static void submit_free(struct submit *submit)
{
    build_row_done(&submit->row);
    build_row_done(&submit->saved);
    free(submit->subject);
    free(submit->key);
    free(submit->body_sha256);
    free(submit);
}

/* --- what is asked for --- */

static void image_ref_fill(struct sos_image_ref *ref, const struct sos_image *image)
{
    ref->name = xstrdup(image->name);
    ref->build_digest = image->build ? xstrdup(image->build->digest) : NULL;
    ref->run_digest = image->run ? xstrdup(image->run->digest) : NULL;
    ref->recipe_sha256 = xstrdup(image->recipe_sha256);
}

static int64_t timeout_choose(const struct sos_image *image, int64_t asked_ms)
{
    int64_t cap_ms =
        image->limits && image->limits->timeout_ms ? image->limits->timeout_ms : 30 * 60 * 1000;
    return asked_ms > 0 && asked_ms < cap_ms ? asked_ms : cap_ms;
}

static void submit_fill(struct submit *submit, const struct sos_create_build_request *request,
                        const struct sos_image *image)
{
    int64_t now_ms = clock_wall_ms();
    char id[ID_MAX];
    struct sos_image_ref ref = { 0 };

    id_new("bld", now_ms, id);
    image_ref_fill(&ref, image);
    struct sos_build msg = {
        .id = id,
        .state = SOS_BUILD_STATE_QUEUED,
        .project = request->project,
        .version = request->version,
        .language = image->language,
        .image = &ref,
        .entry = request->entry,
        .source = request->source,
        .vcs = request->vcs,
        .priority = request->priority ? request->priority : SOS_PRIORITY_NORMAL,
        .timeout_ms = timeout_choose(image, request->timeout_ms),
        .labels = request->labels,
        .labels_count = request->labels_count,
        .message = request->message,
        .created_by = submit->subject,
        .create_time_ms = now_ms,
        .update_time_ms = now_ms,
        .origin = SOS_BUILD_ORIGIN_BUILT,
        .source_date_epoch = request->source_date_epoch,
        .no_cache = request->no_cache,
    };
    sos_build_copy(&submit->row.msg, &msg);
    submit->row.revision = 1;
    build_fingerprint(&submit->row.msg, submit->row.fingerprint);
    sos_image_ref_done(&ref);
}

/* --- blocking work --- */

static void submit_work(struct task *task)
{
    struct submit *submit = container_of(task, struct submit, task);
    struct submit_key key = { submit->subject, submit->key, submit->body_sha256 };

    task->rc = builds_submit(submit->farm->db, &submit->row, submit->key ? &key : NULL,
                             &submit->saved, &submit->outcome, &task->err);
}

static void repeat_work(struct task *task)
{
    struct submit *submit = container_of(task, struct submit, task);
    struct submit_key key = { submit->subject, submit->key, submit->body_sha256 };

    submit->outcome = SUBMIT_REPEATED;
    task->rc = builds_repeated(submit->farm->db, &key, &submit->saved, &task->err);
    if (task->rc != 0)
        return;
    task->err = submit->refusal;
    task->rc = -(int)submit->refusal.code;
}

/* --- events --- */

static void on_submitted(struct task *task)
{
    struct submit *submit = container_of(task, struct submit, task);
    struct farm *farm = submit->farm;
    const struct sos_build *msg = &submit->saved.msg;
    struct live *live;

    if (task->rc < 0) {
        submit->done(submit->ctx, task->rc, NULL, 0, &task->err);
        submit_free(submit);
        return;
    }
    if (submit->outcome != SUBMIT_REPEATED) {
        metric_add(farm->count.submitted, 1);
        log_info("build", "submitted", "build=%s number=%d project=%s version=%s by=%s", msg->id,
                 msg->number, msg->project, msg->version, msg->created_by);
    }
    if (submit->outcome == SUBMIT_REUSED)
        metric_add(farm->count.reused, 1);
    if (submit->outcome == SUBMIT_NEW)
        live_add(farm, build_from_row(&submit->saved));
    int rc = submit->outcome == SUBMIT_REPEATED;
    if ((live = live_find(farm, msg->id))) {
        struct build_view view;
        view_init(&view, live);
        submit->done(submit->ctx, rc, &view.msg, live->build->revision, NULL);
        view_done(&view);
    } else {
        submit->done(submit->ctx, rc, msg, submit->saved.revision, NULL);
    }
    submit_free(submit);
    farm_dispatch(farm);
}

static int submit_check(struct farm *farm, const struct sos_create_build_request *request,
                        const struct sos_image **ret_image, struct err *err)
{
    if (farm->live_count + strand_waiting(farm->writer) < FARM_LIVE_MAX)
        return catalogue_choose(farm->catalogue, request->image, request->language, ret_image, err);
    err_set(err, ERR_LIMIT, "%d builds wait already", FARM_LIVE_MAX);
    err_reason(err, "QUEUE_FULL");
    return -ERR_LIMIT;
}

void farm_submit(struct farm *farm, const struct farm_submission *submission, farm_build_fn done,
                 void *ctx)
{
    const struct sos_image *image;
    struct err err = { 0 };
    int rc = submit_check(farm, submission->request, &image, &err);

    if (rc < 0 && !submission->idempotency_key) {
        done(ctx, rc, NULL, 0, &err);
        return;
    }
    struct submit *submit = xcalloc(1, sizeof *submit);
    submit->farm = farm;
    submit->subject = xstrdup(submission->subject);
    submit->key = xstrdup(submission->idempotency_key);
    submit->body_sha256 = xstrdup(submission->request_sha256);
    submit->refusal = err;
    submit->done = done;
    submit->ctx = ctx;
    if (rc == 0)
        submit_fill(submit, submission->request, image);
    strand_post(farm->writer, &submit->task, rc == 0 ? submit_work : repeat_work, on_submitted);
}
