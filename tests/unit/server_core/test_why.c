#include "made.h"

#include "server/core/why.h"

static void assert_reasons(const struct build *build, struct why_pool pool, const char *codes)
{
    struct sos_queue_place place;
    why_fill(build, &pool, &place);
    char told[200] = "";
    for (size_t i = 0; i < place.reasons_count; i++) {
        strcat(told, i ? " " : "");
        strcat(told, place.reasons[i].code);
        assert_true(place.reasons[i].detail && place.reasons[i].fixable_by);
    }
    assert_string_equal(told, codes);
    assert_string_equal(place.pool, "image-D");
    sos_queue_place_done(&place);
}

static void each_trouble_of_a_pool_has_its_word(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    assert_reasons(build, (struct why_pool){ 0, 0, 0, 0 }, "NO_WORKER_FOR_IMAGE");
    assert_reasons(build, (struct why_pool){ 2, 0, 0, 0 }, "ALL_WORKERS_OFFLINE");
    assert_reasons(build, (struct why_pool){ 2, 1, 4, 4 }, "WORKERS_BUSY");
    assert_reasons(build, (struct why_pool){ 2, 1, 4, 3 }, "");
    build_free(build);
}

static void every_reason_is_told_not_only_the_first(void **state)
{
    (void)state;
    struct sched sched;
    sched_init(&sched);
    struct build *low = made(1, "D"), *high = made(2, "D"), *held = made(3, "D");
    low->msg.priority = SOS_PRIORITY_LOW;
    held->msg.hold = xstrdup("store fix");
    sched_add(&sched, low);
    sched_add(&sched, high);
    sched_add(&sched, held);
    struct why_pool busy = { 1, 1, 2, 2 };
    assert_reasons(low, busy, "WORKERS_BUSY HIGHER_PRIORITY_AHEAD");
    assert_reasons(high, busy, "WORKERS_BUSY");
    assert_reasons(held, busy, "HELD WORKERS_BUSY");
    sched_remove(&sched, low);
    sched_remove(&sched, high);
    build_free(low);
    build_free(high);
    build_free(held);
    sched_done(&sched);
}

static void the_detail_counts_slots(void **state)
{
    (void)state;
    struct build *build = made(1, "D");
    struct sos_queue_place place;
    why_fill(build, &(struct why_pool){ 1, 1, 3, 3 }, &place);
    assert_non_null(strstr(place.reasons[0].detail, "3/3"));
    sos_queue_place_done(&place);
    build_free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trouble_of_a_pool_has_its_word),
        cmocka_unit_test(every_reason_is_told_not_only_the_first),
        cmocka_unit_test(the_detail_counts_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
