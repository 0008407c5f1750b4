#include "made.h"

#include "server/core/sched.h"

static const char *const digests[] = { "D0", "D1", "D2" };

/* The same rule, written as plainly as can be: look at all of them. */
static struct build *naive_pick(struct build **all, size_t count, const char *const *images,
                                size_t images_count)
{
    struct build *best = NULL;
    for (size_t i = 0; i < count; i++) {
        struct build *build = all[i];
        bool fits = false;
        for (size_t k = 0; k < images_count; k++)
            fits |= build && strcmp(images[k], build_image(build)) == 0;
        if (!fits || build->msg.hold)
            continue;
        if (!best || build->msg.priority > best->msg.priority ||
            (build->msg.priority == best->msg.priority && build->seq < best->seq))
            best = build;
    }
    return best;
}

static int32_t naive_position(struct build **all, size_t count, const struct build *build)
{
    int32_t position = 1;
    for (size_t i = 0; i < count; i++) {
        const struct build *other = all[i];
        if (!other || other->msg.hold || strcmp(build_image(other), build_image(build)) != 0)
            continue;
        position += other->msg.priority > build->msg.priority ||
                    (other->msg.priority == build->msg.priority && other->seq < build->seq);
    }
    return position;
}

enum { ALL = 60 };

static void step(struct sched *sched, struct build **all, int32_t number)
{
    size_t i = (size_t)rand() % ALL;
    if (all[i]) {
        sched_remove(sched, all[i]);
        if (rand() % 2) { /* requeued: the same place again */
            sched_add(sched, all[i]);
            return;
        }
        build_free(all[i]);
        all[i] = NULL;
        return;
    }
    all[i] = made(number, digests[rand() % 3]);
    all[i]->msg.priority = (enum sos_priority)(1 + rand() % 3);
    if (rand() % 8 == 0)
        all[i]->msg.hold = xstrdup("wait");
    sched_add(sched, all[i]);
}

/* Random coming, going and requeueing: every pick and every place is the naive rule's. */
static void sched_agrees_with_looking_at_all(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        srand(seed);
        struct sched sched;
        sched_init(&sched);
        struct build *all[ALL] = { NULL };
        for (int32_t number = 1; number <= 400; number++) {
            step(&sched, all, number);
            const char *const *images = digests + rand() % 3;
            size_t count = (size_t)(1 + rand() % (int)(digests + 3 - images));
            assert_ptr_equal(sched_pick(&sched, images, count),
                             naive_pick(all, ALL, images, count));
            struct build *probe = all[rand() % ALL];
            if (probe)
                assert_int_equal(sched_place(probe).position,
                                 probe->msg.hold ? 0 : naive_position(all, ALL, probe));
        }
        for (size_t i = 0; i < ALL; i++)
            if (all[i]) {
                sched_remove(&sched, all[i]);
                build_free(all[i]);
            }
        assert_int_equal(sched.queued, 0);
        sched_done(&sched);
    }
}

static void a_requeued_build_keeps_its_place(void **state)
{
    (void)state;
    struct sched sched;
    sched_init(&sched);
    struct build *first = made(1, "D0"), *second = made(2, "D0");
    sched_add(&sched, first);
    sched_add(&sched, second);
    sched_remove(&sched, first);
    assert_ptr_equal(sched_pick(&sched, digests, 1), second);
    sched_add(&sched, first);
    assert_ptr_equal(sched_pick(&sched, digests, 1), first);
    assert_int_equal(sched_place(second).position, 2);
    sched_remove(&sched, first);
    sched_remove(&sched, second);
    sched_remove(&sched, second); /* harmless */
    build_free(first);
    build_free(second);
    sched_done(&sched);
}

/* Every waiting build is served before any that came later with the same priority. */
static void equals_are_served_in_order_of_submission(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct sched sched;
    sched_init(&sched);
    struct build *all[COUNT];
    for (int32_t i = COUNT - 1; i >= 0; i--) {
        all[i] = made(i + 1, digests[i % 3]);
        sched_add(&sched, all[i]);
    }
    for (int32_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(sched_pick(&sched, digests, 3), all[i]);
        sched_remove(&sched, all[i]);
        build_free(all[i]);
    }
    assert_null(sched_pick(&sched, digests, 3));
    sched_done(&sched);
}

static void a_pool_tells_each_priority_its_first_and_their_number(void **state)
{
    (void)state;
    static const enum sos_priority priorities[] = { SOS_PRIORITY_LOW, SOS_PRIORITY_HIGH,
                                                    SOS_PRIORITY_LOW, SOS_PRIORITY_LOW };
    struct sched sched;
    struct build *all[countof(priorities)];
    struct sched_class classes[SCHED_CLASSES_MAX];
    sched_init(&sched);
    for (int32_t i = 0; i < (int32_t)countof(all); i++) {
        all[i] = made(i + 1, "D0");
        all[i]->msg.priority = priorities[i];
        sched_add(&sched, all[i]);
    }
    assert_int_equal(sched_pool_classes(sched_pool(&sched, "D0"), classes), 2);
    assert_ptr_equal(classes[0].first, all[1]);
    assert_int_equal(classes[0].count, 1);
    assert_ptr_equal(classes[1].first, all[0]);
    assert_int_equal(classes[1].count, 3);
    for (size_t i = 0; i < countof(all); i++) {
        sched_remove(&sched, all[i]);
        build_free(all[i]);
    }
    sched_done(&sched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sched_agrees_with_looking_at_all),
        cmocka_unit_test(a_requeued_build_keeps_its_place),
        cmocka_unit_test(equals_are_served_in_order_of_submission),
        cmocka_unit_test(a_pool_tells_each_priority_its_first_and_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
