#include "disk.h"

#include "server/disk/workers.h"

static int note(void *ctx, struct sos_worker *worker, const char *session)
{
    assert_int_equal(worker->state, SOS_WORKER_STATE_UNSPECIFIED);
    assert_int_equal(worker->builds_count, 0);
    assert_int_equal(worker->images_count, 1);
    assert_string_equal(worker->images[0].build_digest, "sha256:d");
    strcat(ctx, worker->name);
    strcat(ctx, "=");
    strcat(ctx, session);
    strcat(ctx, " ");
    return 0;
}

static void a_worker_is_known_by_its_last_registration(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    struct sos_worker_image image = { .build_digest = (char *)"sha256:d" };
    char *builds[] = { (char *)"bld_x" };
    static const char *const names[] = { "w2", "w1", "w2" };
    static const char *const sessions[] = { "s1", "s2", "s3" };
    for (size_t i = 0; i < countof(names); i++) {
        struct sos_worker worker = { .name = (char *)names[i],
                                     .slots = 2,
                                     .images = &image,
                                     .images_count = 1,
                                     .builds = builds,
                                     .builds_count = 1,
                                     .state = SOS_WORKER_STATE_BUSY };
        assert_ok(TASK(&disk, workers_put(disk.db, &worker, sessions[i], &disk.err)), disk.err);
    }
    char told[100] = "";
    assert_ok(workers_load(disk.db, note, told, &disk.err), disk.err);
    assert_string_equal(told, "w1=s2 w2=s3 ");

    struct sos_worker news = { .name = (char *)"w2", .slots = 7 };
    assert_ok(TASK(&disk, workers_update(disk.db, &news, "s1", &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM workers WHERE doc ->> '$.slots' = 7"), 0);
    assert_ok(TASK(&disk, workers_update(disk.db, &news, "s3", &disk.err)), disk.err);
    assert_int_equal(count(&disk, "SELECT count(*) FROM workers WHERE doc ->> '$.slots' = 7"), 1);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_worker_is_known_by_its_last_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
