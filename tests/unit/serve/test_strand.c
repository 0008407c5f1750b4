#include "tests/unit/unit.h"

#include <stdatomic.h>

#include "sos/serve/strand.h"

enum { TASKS = 1000 };

struct job {
    struct task task;
    struct world *world;
    int number;
    int rc;
};

/* What the tests see: who worked and was done in which order, and the batch's calls. */
struct world {
    uv_loop_t loop;
    struct strand *strand;
    atomic_int inside;
    int worked[TASKS];
    int worked_count;
    int done[TASKS];
    int done_count;
    int begins;
    int commits;
    int undone;
    int commit_rc;
    int broken;
    int closed;
};

static void job_work(struct task *task)
{
    struct job *job = container_of(task, struct job, task);
    struct world *world = job->world;

    assert_int_equal(atomic_fetch_add(&world->inside, 1), 0);
    world->worked[world->worked_count++] = job->number;
    task->rc = job->rc;
    atomic_fetch_sub(&world->inside, 1);
}

static void on_job(struct task *task)
{
    struct job *job = container_of(task, struct job, task);
    job->world->done[job->world->done_count++] = job->number;
}

static int world_begin(void *ctx, struct err *err)
{
    (void)err;
    ((struct world *)ctx)->begins++;
    return 0;
}
static int world_commit(void *ctx, struct err *err)
{
    struct world *world = ctx;

    world->commits++;
    return world->commit_rc ? err_set(err, (enum err_code) - world->commit_rc, "no") : 0;
}
static int world_save(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return 0;
}
static int world_release(void *ctx, int rc, struct err *err)
{
    (void)err;
    ((struct world *)ctx)->undone += rc < 0;
    return 0;
}
static void on_broken(void *ctx, const struct err *err)
{
    assert_string_equal(err->text, "no");
    ((struct world *)ctx)->broken++;
}
static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed++;
}

static struct world *world_new(size_t batch_max)
{
    struct world *world = xcalloc(1, sizeof *world);
    struct strand_batch batch = { .max = batch_max,
                                  .begin = world_begin,
                                  .commit = world_commit,
                                  .save = world_save,
                                  .release = world_release,
                                  .ctx = world };

    assert_int_equal(uv_loop_init(&world->loop), 0);
    world->strand = strand_new(&world->loop, batch_max ? &batch : NULL, on_broken, world);
    return world;
}

static void world_post(struct world *world, struct job *jobs, int count)
{
    for (int i = 0; i < count; i++) {
        jobs[i].world = world;
        jobs[i].number = i;
        strand_post(world->strand, &jobs[i].task, job_work, on_job);
    }
}

static void world_end(struct world *world)
{
    strand_close(world->strand, on_closed, world);
    assert_int_equal(world->closed, 0);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->closed, 1);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
}

static void assert_in_order(const int *numbers, int count, int want)
{
    assert_int_equal(count, want);
    for (int i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
}

static void tasks_run_alone_and_are_done_in_order(void **state)
{
    (void)state;
    struct world *world = world_new(0);
    struct job *jobs = xcalloc(TASKS, sizeof *jobs);

    world_post(world, jobs, TASKS);
    assert_int_equal(world->done_count, 0);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_in_order(world->worked, world->worked_count, TASKS);
    assert_in_order(world->done, world->done_count, TASKS);
    assert_int_equal(strand_waiting(world->strand), 0);
    world_end(world);
    free(jobs);
}

static void a_thousand_tasks_cost_a_few_commits(void **state)
{
    (void)state;
    struct world *world = world_new(256);
    struct job *jobs = xcalloc(TASKS, sizeof *jobs);

    jobs[7].rc = -ERR_CONFLICT;
    world_post(world, jobs, TASKS);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_in_order(world->done, world->done_count, TASKS);
    assert_int_equal(world->commits, world->begins);
    assert_in_range(world->commits, 4, 5); /* the first turn may start with one task */
    assert_int_equal(world->undone, 1);
    assert_int_equal(jobs[7].task.rc, -ERR_CONFLICT);
    world_end(world);
    free(jobs);
}

static void nobody_learns_of_a_commit_that_failed(void **state)
{
    (void)state;
    struct world *world = world_new(256);
    struct job jobs[3] = { 0 };

    world->commit_rc = -ERR_IO;
    world_post(world, jobs, 3);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->broken, 1);
    assert_int_equal(world->commits, 1);
    assert_int_equal(world->done_count, 0);
    world_end(world);
}

static void a_full_disk_refuses_the_batch_and_the_strand_goes_on(void **state)
{
    (void)state;
    struct world *world = world_new(256);
    struct job first = { 0 };
    struct job second = { 0 };

    world->commit_rc = -ERR_FULL;
    world_post(world, &first, 1);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(first.task.rc, -ERR_FULL);
    assert_int_equal(world->broken, 0);
    world->commit_rc = 0;
    world_post(world, &second, 1);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(second.task.rc, 0);
    assert_int_equal(world->done_count, 2);
    world_end(world);
}

static void closing_runs_what_waits(void **state)
{
    (void)state;
    struct world *world = world_new(2);
    struct job jobs[9] = { 0 };

    world_post(world, jobs, 9);
    strand_close(world->strand, on_closed, world);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_in_order(world->done, world->done_count, 9);
    assert_int_equal(world->closed, 1);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
}

static void on_job_post_again(struct task *task)
{
    struct job *job = container_of(task, struct job, task);

    on_job(task);
    if (job->number < 5) {
        job->number++;
        strand_post(job->world->strand, task, job_work, on_job_post_again);
    }
}

static void a_done_task_may_be_posted_again(void **state)
{
    (void)state;
    struct world *world = world_new(8);
    struct job job = { .world = world };

    strand_post(world->strand, &job.task, job_work, on_job_post_again);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_in_order(world->done, world->done_count, 6);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_alone_and_are_done_in_order),
        cmocka_unit_test(a_thousand_tasks_cost_a_few_commits),
        cmocka_unit_test(nobody_learns_of_a_commit_that_failed),
        cmocka_unit_test(a_full_disk_refuses_the_batch_and_the_strand_goes_on),
        cmocka_unit_test(closing_runs_what_waits),
        cmocka_unit_test(a_done_task_may_be_posted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
