#include "disk.h"

#include "server/disk/artifacts.h"
#include "server/disk/attempts.h"
#include "server/disk/uploads.h"

/* Every task is cut short at its first step inside SQLite, then at its second, and so on until it
 * comes through: a task that failed left nothing, and the one that came through did all of it. */

struct scene {
    struct disk disk;
    struct build_row made; /* on disk from the start */
    struct build_row next; /* to submit */
    struct tree tree;      /* to put */
    struct sos_artifact artifact;
    int steps_left;
};

static int on_step(void *ctx)
{
    struct scene *scene = ctx;
    return scene->steps_left-- <= 0;
}

static const char everything[] =
    "SELECT (SELECT total(number * 7 + revision + length(state)) FROM builds)"
    " + 11 * (SELECT count(*) FROM events) + 13 * (SELECT count(*) FROM attempts)"
    " + 17 * (SELECT count(*) FROM artifacts) + 19 * (SELECT count(*) FROM artifact_files)"
    " + 23 * (SELECT count(*) FROM publications) + 29 * (SELECT count(*) FROM sources)"
    " + 31 * (SELECT count(*) FROM manifests) + 37 * (SELECT total(1 + doomed) FROM blobs)"
    " + 41 * (SELECT count(*) FROM source_blobs) + 43 * (SELECT count(*) FROM uploads)"
    " + 47 * (SELECT count(*) FROM idempotency)";

static int submit_task(struct scene *scene, struct err *err)
{
    struct submit_key key = { .subject = "ann", .key = "k", .body_sha256 = "aa" };
    struct build_row made;
    enum submit_outcome outcome;
    int rc = builds_submit(scene->disk.db, &scene->next, &key, &made, &outcome, err);
    if (rc == 0)
        build_row_done(&made);
    return rc;
}

static int source_task(struct scene *scene, struct err *err)
{
    struct sos_source source;
    struct source_wants *wants = wants_of(&scene->disk, &scene->tree);
    int rc = source_record(scene->disk.db, wants, 1, &source, err);
    source_wants_free(wants);
    if (rc == 0)
        sos_source_done(&source);
    return rc;
}

static int lease_task(struct scene *scene, struct err *err)
{
    struct build_row row = scene->made;
    struct history_event event = { .name = "lease", .wall_ms = 2, .subject = "farm" };
    struct attempt_row attempt = { .attempt = 1, .fence = 1, .worker = (char *)"w" };
    row.msg.state = SOS_BUILD_STATE_ASSIGNED;
    row.msg.attempt = 1;
    row.fence = 1;
    row.revision = 2;
    snprintf(row.session, sizeof row.session, "s");
    int rc = builds_save(scene->disk.db, &row, &event, err);
    return rc < 0 ? rc : attempts_begin(scene->disk.db, row.msg.id, &attempt, err);
}

static int finish_task(struct scene *scene, struct err *err)
{
    struct build_row row = scene->made;
    struct history_event event = { .name = "finish_ok", .wall_ms = 3, .subject = "worker:w" };
    struct sos_result result = { .outcome = SOS_RESULT_OUTCOME_SUCCESS };
    struct sos_log_info log = { .complete = true };
    struct db *db = scene->disk.db;
    row.msg.state = SOS_BUILD_STATE_STORING;
    row.msg.attempt = 1;
    row.fence = 1;
    row.revision = 3;
    int rc = builds_save(db, &row, &event, err);
    if (rc == 0)
        rc = attempts_end(db, row.msg.id, 1, 3, &result, &log, err);
    if (rc == 0)
        rc = uploads_expect(db, row.msg.id, scene->artifact.files[0].sha256, err);
    if (rc == 0)
        rc = publications_add(db, row.msg.id, &scene->artifact, 3, err);
    return rc;
}

static int publish_task(struct scene *scene, struct err *err)
{
    struct build_row row = scene->made;
    struct history_event event = { .name = "published", .wall_ms = 4, .subject = "farm" };
    struct db *db = scene->disk.db;
    row.msg.state = SOS_BUILD_STATE_SUCCEEDED;
    row.msg.attempt = 1;
    row.msg.finish_time_ms = 4;
    row.fence = 1;
    row.revision = 4;
    int rc = artifacts_put(db, &scene->artifact, err);
    if (rc == 0)
        rc = publications_remove(db, row.msg.id, err);
    return rc < 0 ? rc : builds_save(db, &row, &event, err);
}

static int sweep_task(struct scene *scene, struct err *err)
{
    int removed;
    return garbage_sweep(scene->disk.db, scene->disk.blobs, 10, &removed, err);
}

static int forget_task(struct scene *scene, struct err *err)
{
    return sources_forget(scene->disk.db, 9999, 10, err);
}

/* One try with `steps`; true when the task came through. */
static bool try_task(struct scene *scene, int (*work)(struct scene *, struct err *), int steps)
{
    sqlite3 *handle = db_handle(scene->disk.db);
    struct err err = { 0 };
    task_begin(&scene->disk);
    scene->steps_left = steps;
    sqlite3_progress_handler(handle, 1, on_step, scene);
    int rc = work(scene, &err);
    sqlite3_progress_handler(handle, 0, NULL, NULL);
    if (rc < 0)
        assert_int_equal(err.code, -rc);
    if (sqlite3_get_autocommit(handle)) { /* SQLite undid the whole batch by itself */
        assert_true(rc < 0);
        return false;
    }
    task_end(&scene->disk, rc);
    return rc == 0;
}

static void torture(struct scene *scene, int (*work)(struct scene *, struct err *))
{
    int64_t before = count(&scene->disk, everything);
    int steps = 0;
    while (!try_task(scene, work, steps)) {
        assert_int_equal(count(&scene->disk, everything), before);
        steps++;
    }
    assert_true(steps > 10); /* it was cut, and often */
    assert_int_not_equal(count(&scene->disk, everything), before);
}

static void a_task_cut_short_anywhere_leaves_nothing(void **state)
{
    struct scene scene = { 0 };
    char source[TREE_ID_MAX], sha256[SHA256_HEX];
    struct sos_artifact_file file = { .path = (char *)"demo.jar", .sha256 = sha256 };
    struct digests digests;
    disk_open(&scene.disk, state);
    source_make(&scene.disk, "x", source);
    row_make(&scene.made, source, "demo");
    struct build_row first;
    submit(&scene.disk, &scene.made, NULL, &first);
    build_row_done(&scene.made);
    scene.made = first;
    row_make(&scene.next, source, "demo");
    tree_of(&scene.tree, "a", "not here");
    blob_keep(&scene.disk, "artifact", &digests);
    memcpy(sha256, digests.sha256, sizeof sha256);
    scene.artifact = (struct sos_artifact){
        .name = (char *)"demo", .version = (char *)"1", .files = &file, .files_count = 1
    };

    torture(&scene, submit_task);
    torture(&scene, source_task);
    torture(&scene, lease_task);
    torture(&scene, finish_task);
    torture(&scene, publish_task);
    torture(&scene, forget_task);
    for (int i = 0; i < 3; i++) /* drop the upload and mark, condemn, remove */
        torture(&scene, sweep_task);
    assert_false(blobs_have(scene.disk.blobs, sha256));
    assert_int_equal(count(&scene.disk, "SELECT count(*) FROM sources"), 1); /* one has a build */

    tree_done(&scene.tree);
    build_row_done(&scene.made);
    build_row_done(&scene.next);
    disk_close(&scene.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_task_cut_short_anywhere_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
