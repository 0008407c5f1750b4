#include "tests/unit/unit.h"

#include "tests/sim/strand_sim.h"

struct job {
    struct task task;
    char name;
};

static char story[32];

static void tell(char c)
{
    size_t len = strlen(story);
    assert_true(len + 1 < sizeof story);
    story[len] = c;
    story[len + 1] = '\0';
}
static void job_work(struct task *task)
{
    tell(container_of(task, struct job, task)->name);
}
static void on_job(struct task *task)
{
    tell((char)(container_of(task, struct job, task)->name - 'a' + 'A'));
}
static int batch_begin(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    tell('(');
    return 0;
}
static int batch_commit(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    tell(')');
    return 0;
}
static int batch_save(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return 0;
}
static int batch_release(void *ctx, int rc, struct err *err)
{
    (void)ctx;
    (void)rc;
    (void)err;
    return 0;
}
static void on_closed(void *ctx)
{
    (void)ctx;
    tell('.');
}

static void the_test_owns_the_order_of_strands(void **state)
{
    (void)state;
    const struct strand_batch batch = { 2,          batch_begin,   batch_commit,
                                        batch_save, batch_release, NULL };
    struct strand *writer = strand_new(NULL, &batch, NULL, NULL);
    struct strand *reader = strand_new(NULL, NULL, NULL, NULL);
    struct job jobs[] = { { .name = 'a' }, { .name = 'b' }, { .name = 'c' }, { .name = 'd' } };

    for (int i = 0; i < 3; i++)
        strand_post(writer, &jobs[i].task, job_work, on_job);
    strand_post(reader, &jobs[3].task, job_work, on_job);
    assert_string_equal(story, "");
    assert_true(strand_sim_step(reader));
    assert_string_equal(story, "dD");
    assert_true(strand_sim_step(writer));
    assert_string_equal(story, "dD(ab)AB");
    assert_int_equal(strand_waiting(writer), 1);
    strand_close(writer, on_closed, NULL);
    strand_close(reader, NULL, NULL);
    while (strand_sim_step_any())
        ;
    assert_string_equal(story, "dD(ab)AB(c)C.");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_test_owns_the_order_of_strands) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
