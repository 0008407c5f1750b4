#include "disk.h"

#include "server/disk/attempts.h"

static void a_submitted_build_comes_back_as_it_went(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct build_row row, made, got;
    row_make(&row, source, "demo");
    assert_int_equal(submit(&disk, &row, NULL, &made), SUBMIT_NEW);
    assert_int_equal(made.msg.number, 1);
    assert_int_equal(made.msg.origin, SOS_BUILD_ORIGIN_BUILT);

    static const char *const names[] = { NULL, "1", "#1" };
    for (size_t i = 0; i < countof(names); i++) {
        const char *name = names[i] ? names[i] : row.msg.id;
        assert_ok(builds_get(disk.db, name, &got, &disk.err), disk.err);
        auto_free char *a = sos_build_text(&made.msg, NULL), *b = sos_build_text(&got.msg, NULL);
        assert_string_equal(a, b);
        assert_int_equal(got.revision, 1);
        assert_string_equal(got.fingerprint, row.fingerprint);
        build_row_done(&got);
    }
    assert_fails(builds_get(disk.db, "2", &got, NULL), ERR_NOT_FOUND);
    assert_fails(builds_get(disk.db, "bld_none", &got, NULL), ERR_NOT_FOUND);
    assert_fails(builds_get(disk.db, "", &got, NULL), ERR_NOT_FOUND);
    build_row_done(&row);
    build_row_done(&made);
    disk_close(&disk);
}

static void the_same_key_and_body_is_the_same_build(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct submit_key key = { .subject = "ann", .key = "k1", .body_sha256 = "aa" };
    struct build_row row, first, again;
    row_make(&row, source, "demo");
    submit(&disk, &row, &key, &first);
    build_row_done(&row);

    row_make(&row, source, "demo"); /* a retry comes with a fresh id */
    assert_int_equal(submit(&disk, &row, &key, &again), SUBMIT_REPEATED);
    assert_string_equal(again.msg.id, first.msg.id);
    assert_int_equal(count(&disk, "SELECT count(*) FROM builds"), 1);
    build_row_done(&again);

    struct submit_key other_user = { .subject = "bob", .key = "k1", .body_sha256 = "bb" };
    assert_int_equal(submit(&disk, &row, &other_user, &again), SUBMIT_NEW);
    build_row_done(&again);
    build_row_done(&first);
    build_row_done(&row);
    disk_close(&disk);
}

static void the_same_key_with_another_body_is_refused(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct submit_key key = { .subject = "ann", .key = "k1", .body_sha256 = "aa" };
    struct build_row row, made;
    enum submit_outcome outcome;
    row_make(&row, source, "demo");
    submit(&disk, &row, &key, &made);
    build_row_done(&made);
    key.body_sha256 = "bb";
    assert_fails(TASK(&disk, builds_submit(disk.db, &row, &key, &made, &outcome, &disk.err)),
                 ERR_CONFLICT);
    assert_string_equal(disk.err.reason, "IDEMPOTENCY_KEY_REUSED");

    assert_ok(TASK(&disk, builds_forget_keys(disk.db, 1001, &disk.err)), disk.err);
    build_row_done(&row);
    row_make(&row, source, "demo");
    assert_int_equal(submit(&disk, &row, &key, &made), SUBMIT_NEW);
    build_row_done(&made);
    build_row_done(&row);
    disk_close(&disk);
}

static void a_source_must_be_here_and_whole(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct build_row row, made;
    enum submit_outcome outcome;
    row_make(&row, "sha256:none", "demo");
    assert_fails(TASK(&disk, builds_submit(disk.db, &row, NULL, &made, &outcome, &disk.err)),
                 ERR_NOT_FOUND);
    assert_string_equal(disk.err.reason, "SOURCE_NOT_FOUND");

    struct tree tree;
    struct sos_source source;
    tree_of(&tree, "a", "not sent");
    source_put(&disk, &tree, 1, &source);
    free(row.msg.source);
    row.msg.source = xstrdup(source.id);
    assert_fails(TASK(&disk, builds_submit(disk.db, &row, NULL, &made, &outcome, &disk.err)),
                 ERR_CONFLICT);
    assert_string_equal(disk.err.reason, "SOURCE_INCOMPLETE");
    assert_int_equal(count(&disk, "SELECT count(*) FROM builds"), 0);
    sos_source_done(&source);
    tree_done(&tree);
    build_row_done(&row);
    disk_close(&disk);
}

/* An identical build that succeeded is not run again; with noCache, or after a failure, it is. */
static void an_identical_build_is_reused(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct build_row row, first, next;
    row_make(&row, source, "demo");
    submit(&disk, &row, NULL, &first);
    first.msg.artifact = xcalloc(1, sizeof *first.msg.artifact);
    first.msg.artifact->name = xstrdup("demo");

    free(row.msg.id);
    row.msg.id = xstrdup("bld_2");
    assert_int_equal(submit(&disk, &row, NULL, &next), SUBMIT_NEW); /* it only waits as yet */
    build_row_done(&next);
    assert_ok(change(&disk, &first, SOS_BUILD_STATE_SUCCEEDED, "published"), disk.err);

    for (int i = 3; i <= 4; i++) { /* the second time too it is the first build's */
        free(row.msg.id);
        row.msg.id = xasprintf("bld_%d", i);
        assert_int_equal(submit(&disk, &row, NULL, &next), SUBMIT_REUSED);
        assert_int_equal(next.msg.state, SOS_BUILD_STATE_SUCCEEDED);
        assert_string_equal(next.msg.origin_build, first.msg.id);
        assert_string_equal(next.msg.artifact->name, "demo");
        assert_int_equal(next.msg.number, i);
        build_row_done(&next);
    }
    free(row.msg.id);
    row.msg.id = xstrdup("bld_5");
    row.msg.no_cache = true;
    assert_int_equal(submit(&disk, &row, NULL, &next), SUBMIT_NEW);
    build_row_done(&next);
    build_row_done(&first);
    build_row_done(&row);
    disk_close(&disk);
}

static const char events_disagree[] =
    "SELECT count(*) FROM builds WHERE state IS NOT (SELECT state FROM events"
    " WHERE build = builds.number ORDER BY revision DESC LIMIT 1)";

static const char docs_disagree[] =
    "SELECT count(*) FROM builds WHERE doc ->> '$.id' IS NOT id OR doc ->> '$.state' IS NOT state"
    " OR doc ->> '$.number' IS NOT number";

/* Random changes, some refused and some in tasks that fail: after each, the last event of every
 * build names the state of its row. */
static void history_and_state_always_agree(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    srand(1);
    int saved = 0;
    struct build_row row, made;
    for (int i = 0; i < 20; i++) {
        row_make(&row, source, "demo");
        submit(&disk, &row, NULL, &made);
        for (int k = 0; k < 20; k++) {
            struct build_row next = made; /* its text stays shared */
            enum sos_build_state to = (enum sos_build_state)(1 + rand() % 12);
            if (rand() % 4 == 0)
                next.revision -= 2; /* a late repeat */
            if (change(&disk, &next, to, rand() % 8 ? "event" : NULL) == 0) {
                made = next;
                saved++;
            }
            assert_int_equal(count(&disk, events_disagree), 0);
            assert_int_equal(count(&disk, docs_disagree), 0);
        }
        build_row_done(&made);
        build_row_done(&row);
    }
    assert_true(saved > 20);
    disk_close(&disk);
}

static void a_late_repeat_of_a_save_is_refused(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct build_row row, made;
    row_make(&row, source, "demo");
    submit(&disk, &row, NULL, &made);
    made.fence = made.msg.attempt = 1;
    assert_ok(change(&disk, &made, SOS_BUILD_STATE_ASSIGNED, "lease"), disk.err);
    made.revision--;
    assert_fails(change(&disk, &made, SOS_BUILD_STATE_ASSIGNED, "lease"), ERR_CONFLICT);
    made.fence = made.msg.attempt = 0;
    assert_fails(change(&disk, &made, SOS_BUILD_STATE_QUEUED, "lost_retry"), ERR_CONFLICT);
    made.fence = made.msg.attempt = 1;
    assert_ok(change(&disk, &made, SOS_BUILD_STATE_FAILED, "finish_fail"), disk.err);
    assert_fails(change(&disk, &made, SOS_BUILD_STATE_QUEUED, "lost_retry"), ERR_CONFLICT);
    made.revision++;
    assert_int_equal(count(&disk, "SELECT count(*) FROM events"), 3);
    build_row_done(&made);
    build_row_done(&row);
    disk_close(&disk);
}

static int numbers_push(void *ctx, struct build_row *row)
{
    int64_t *sum = ctx;
    *sum = *sum * 10 + row->msg.number;
    return 0;
}

static void live_builds_are_told_in_order_of_submission(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    static const enum sos_build_state states[] = {
        SOS_BUILD_STATE_QUEUED,  SOS_BUILD_STATE_FAILED,  SOS_BUILD_STATE_RUNNING,
        SOS_BUILD_STATE_STORING, SOS_BUILD_STATE_EXPIRED, SOS_BUILD_STATE_CANCELING
    };
    for (size_t i = 0; i < countof(states); i++) {
        struct build_row row, made;
        row_make(&row, source, "demo");
        submit(&disk, &row, NULL, &made);
        assert_ok(change(&disk, &made, states[i], "x"), disk.err);
        build_row_done(&made);
        build_row_done(&row);
    }
    int64_t numbers = 0;
    assert_ok(builds_live(disk.db, numbers_push, &numbers, &disk.err), disk.err);
    assert_int_equal(numbers, 1346);
    disk_close(&disk);
}

/* All pages of a filter, as digits. */
static int64_t listed(struct disk *disk, struct build_filter filter)
{
    int64_t numbers = 0;
    auto_free char *token = NULL;
    do {
        struct sos_list_builds_response page;
        filter.page_token = token;
        assert_ok(builds_list(disk->db, &filter, &page, &disk->err), disk->err);
        for (size_t i = 0; i < page.builds_count; i++)
            numbers = numbers * 10 + page.builds[i].number;
        free(token);
        token = xstrdup(page.next_page_token);
        sos_list_builds_response_done(&page);
    } while (token);
    return numbers;
}

static void pages_hold_each_build_once(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    for (int i = 0; i < 7; i++) {
        struct build_row row, made;
        row_make(&row, source, i % 2 ? "odd" : "even");
        submit(&disk, &row, NULL, &made);
        if (i < 2)
            assert_ok(change(&disk, &made, SOS_BUILD_STATE_FAILED, "x"), disk.err);
        build_row_done(&made);
        build_row_done(&row);
    }
    for (int32_t size = 1; size <= 8; size++) {
        struct build_filter all = { .page_size = size };
        assert_int_equal(listed(&disk, all), 7654321);
        all.project = "odd";
        assert_int_equal(listed(&disk, all), 642);
        all.state = SOS_BUILD_STATE_FAILED;
        assert_int_equal(listed(&disk, all), 2);
        all.project = NULL;
        assert_int_equal(listed(&disk, all), 21);
        all.created_by = "ann";
        assert_int_equal(listed(&disk, all), 21);
        all.created_by = "bob";
        assert_int_equal(listed(&disk, all), 0);
    }
    static const char *const wrong[] = { "x", "-1", "1 ", "99999999999999999999" };
    for (size_t i = 0; i < countof(wrong); i++) {
        struct build_filter filter = { .page_token = wrong[i] };
        struct sos_list_builds_response page;
        assert_fails(builds_list(disk.db, &filter, &page, NULL), ERR_INVALID);
    }
    disk_close(&disk);
}

static void an_attempt_ends_once(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    struct build_row row, made;
    row_make(&row, source, "demo");
    submit(&disk, &row, NULL, &made);
    const char *id = made.msg.id;
    struct attempt_row attempt, got;
    assert_fails(attempts_get(disk.db, id, 0, &got, NULL), ERR_NOT_FOUND);
    for (int32_t i = 1; i <= 2; i++) {
        attempt = (struct attempt_row){
            .attempt = i, .fence = i, .worker = (char *)"w1", .slot = 3, .lease_wall_ms = 50
        };
        assert_ok(TASK(&disk, attempts_begin(disk.db, id, &attempt, &disk.err)), disk.err);
    }
    struct sos_log_info log = { .size_bytes = 9, .complete = true };
    struct sos_result lost = { .outcome = SOS_RESULT_OUTCOME_ERROR }, late = { 0 };
    assert_ok(TASK(&disk, attempts_end(disk.db, id, 1, 60, &lost, &log, &disk.err)), disk.err);
    assert_ok(TASK(&disk, attempts_end(disk.db, id, 1, 70, &late, &log, &disk.err)), disk.err);

    assert_ok(attempts_get(disk.db, id, 1, &got, &disk.err), disk.err);
    assert_int_equal(got.end_wall_ms, 60);
    assert_int_equal(got.result.outcome, SOS_RESULT_OUTCOME_ERROR);
    assert_int_equal(got.log.size_bytes, 9);
    attempt_row_done(&got);
    assert_ok(attempts_get(disk.db, id, 0, &got, &disk.err), disk.err);
    assert_int_equal(got.attempt, 2);
    assert_int_equal(got.end_wall_ms, 0);
    assert_string_equal(got.worker, "w1");
    attempt_row_done(&got);
    build_row_done(&made);
    build_row_done(&row);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_submitted_build_comes_back_as_it_went),
        unit_test_in_folder(the_same_key_and_body_is_the_same_build),
        unit_test_in_folder(the_same_key_with_another_body_is_refused),
        unit_test_in_folder(a_source_must_be_here_and_whole),
        unit_test_in_folder(an_identical_build_is_reused),
        unit_test_in_folder(history_and_state_always_agree),
        unit_test_in_folder(a_late_repeat_of_a_save_is_refused),
        unit_test_in_folder(live_builds_are_told_in_order_of_submission),
        unit_test_in_folder(pages_hold_each_build_once),
        unit_test_in_folder(an_attempt_ends_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
