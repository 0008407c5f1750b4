#include "disk.h"

#include "server/disk/uploads.h"

static int sweep(struct disk *disk)
{
    int removed = -1;
    assert_ok(TASK(disk, garbage_sweep(disk->db, disk->blobs, 100, &removed, &disk->err)),
              disk->err);
    return removed;
}

/* Until nothing goes any more; how many files went. */
static int sweep_all(struct disk *disk)
{
    int all = 0;
    for (int i = 0; i < 4; i++)
        all += sweep(disk);
    return all;
}

static void expect(struct disk *disk, const struct build_row *build, const char *sha256)
{
    assert_ok(TASK(disk, uploads_expect(disk->db, build->msg.id, sha256, &disk->err)), disk->err);
}

static void an_upload_is_needed_until_its_build_is_final(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct build_row build;
    struct digests made;
    build_make(&disk, &build);
    sha256_hex("artifact", 8, made.sha256);
    assert_int_equal(uploads_has(disk.db, build.msg.id, made.sha256, &disk.err), 0);
    expect(&disk, &build, made.sha256);
    expect(&disk, &build, made.sha256); /* a repeat is fine */
    assert_int_equal(uploads_has(disk.db, build.msg.id, made.sha256, &disk.err), 1);
    blob_keep(&disk, "artifact", &made);

    assert_ok(change(&disk, &build, SOS_BUILD_STATE_STORING, "x"), disk.err);
    assert_int_equal(sweep_all(&disk), 0);
    assert_ok(change(&disk, &build, SOS_BUILD_STATE_SUCCEEDED, "x"), disk.err);
    assert_int_equal(sweep_all(&disk), 1);
    assert_false(blobs_have(disk.blobs, made.sha256));
    assert_int_equal(count(&disk, "SELECT count(*) FROM blobs"), 1); /* the source's */
    build_row_done(&build);
    disk_close(&disk);
}

static void what_two_need_stays_until_neither_does(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct build_row one, two;
    struct digests made;
    build_make(&disk, &one);
    build_make(&disk, &two);
    blob_keep(&disk, "artifact", &made);
    expect(&disk, &one, made.sha256);
    expect(&disk, &two, made.sha256);
    assert_ok(change(&disk, &one, SOS_BUILD_STATE_FAILED, "x"), disk.err);
    assert_int_equal(sweep_all(&disk), 0);
    assert_ok(change(&disk, &two, SOS_BUILD_STATE_FAILED, "x"), disk.err);
    assert_int_equal(sweep_all(&disk), 1);

    /* Both are final now; the source goes, and its blob with it. */
    assert_ok(TASK(&disk, sources_forget(disk.db, 9999, 10, &disk.err)), disk.err);
    assert_int_equal(sweep_all(&disk), 1);
    assert_int_equal(count(&disk, "SELECT count(*) FROM blobs"), 0);
    build_row_done(&one);
    build_row_done(&two);
    disk_close(&disk);
}

/* A file goes only when the disk said in an earlier commit that nobody needs it. */
static void no_file_goes_before_its_mark_is_committed(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct build_row build;
    struct digests made;
    int removed;
    build_make(&disk, &build);
    blob_keep(&disk, "artifact", &made);
    expect(&disk, &build, made.sha256);

    task_begin(&disk); /* a final state, a sweep, and all of it undone */
    build.msg.state = SOS_BUILD_STATE_FAILED;
    build.msg.finish_time_ms = 5;
    build.revision++;
    struct history_event event = { .name = "x", .wall_ms = 5, .subject = "farm" };
    assert_ok(builds_save(disk.db, &build, &event, &disk.err), disk.err);
    assert_ok(garbage_sweep(disk.db, disk.blobs, 100, &removed, &disk.err), disk.err);
    task_end(&disk, -ERR_IO);
    assert_true(blobs_have(disk.blobs, made.sha256));
    assert_int_equal(sweep_all(&disk), 0);
    build_row_done(&build);
    disk_close(&disk);
}

/* Somebody needs it again between the mark and the removal: it stays, at each step of a sweep. */
static void a_condemned_blob_can_be_taken_back(void **state)
{
    for (int steps = 1; steps <= 2; steps++) {
        struct disk disk;
        disk_open(&disk, state);
        struct build_row one, two;
        struct digests made;
        build_make(&disk, &one);
        build_make(&disk, &two);
        blob_keep(&disk, "artifact", &made);
        expect(&disk, &one, made.sha256);
        assert_ok(change(&disk, &one, SOS_BUILD_STATE_FAILED, "x"), disk.err);
        for (int i = 0; i < steps; i++)
            assert_int_equal(sweep(&disk), 0);
        assert_int_equal(count(&disk, "SELECT max(doomed) FROM blobs"), steps);
        expect(&disk, &two, made.sha256);
        assert_int_equal(sweep_all(&disk), 0);
        assert_true(blobs_have(disk.blobs, made.sha256));
        build_row_done(&one);
        build_row_done(&two);
        disk_close(&disk);
        unit_folder_drop(state);
        assert_int_equal(unit_folder_make(state), 0);
    }
}

static void a_build_has_so_many_files_and_no_more(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct build_row build;
    char sha256[SHA256_HEX];
    build_make(&disk, &build);
    task_begin(&disk);
    for (int i = 0; i < UPLOADS_MAX; i++) {
        sha256_hex(&i, sizeof i, sha256);
        assert_ok(uploads_expect(disk.db, build.msg.id, sha256, &disk.err), disk.err);
    }
    task_end(&disk, 0);
    sha256_hex("more", 4, sha256);
    assert_fails(TASK(&disk, uploads_expect(disk.db, build.msg.id, sha256, &disk.err)), ERR_LIMIT);
    assert_int_equal(count(&disk, "SELECT count(*) FROM uploads"), UPLOADS_MAX);
    assert_fails(TASK(&disk, uploads_expect(disk.db, "bld_none", sha256, &disk.err)),
                 ERR_NOT_FOUND);
    build_row_done(&build);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(an_upload_is_needed_until_its_build_is_final),
        unit_test_in_folder(what_two_need_stays_until_neither_does),
        unit_test_in_folder(no_file_goes_before_its_mark_is_committed),
        unit_test_in_folder(a_condemned_blob_can_be_taken_back),
        unit_test_in_folder(a_build_has_so_many_files_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
