#include "tests/unit/unit.h"

#include "sos/serve/metrics.h"

static void lines_of_one_name_stand_together(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *go = metrics_counter(metrics, "sos_builds_total", "Builds.", "language=\"go\"");
    struct metric *depth = metrics_gauge(metrics, "sos_queue_depth", "Waiting.", "");
    struct metric *jvm =
        metrics_counter(metrics, "sos_builds_total", "Builds.", "language=\"jvm\"");
    struct buf text;

    metric_add(go, 2);
    metric_add(jvm, 1);
    metric_set(depth, 7);
    metric_add(depth, -0.5);
    assert_ptr_equal(metrics_counter(metrics, "sos_builds_total", "Builds.", "language=\"go\""),
                     go);
    buf_init(&text, 1 << 16);
    metrics_write(metrics, &text);
    assert_string_equal(text.data, "# HELP sos_builds_total Builds.\n"
                                   "# TYPE sos_builds_total counter\n"
                                   "sos_builds_total{language=\"go\"} 2\n"
                                   "sos_builds_total{language=\"jvm\"} 1\n"
                                   "# HELP sos_queue_depth Waiting.\n"
                                   "# TYPE sos_queue_depth gauge\n"
                                   "sos_queue_depth 6.5\n");
    buf_done(&text);
    metrics_free(metrics);
}

static void gauges_of_one_name_begin_anew(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *go = metrics_gauge(metrics, "sos_age", "Age.", "pool=\"go\"");
    struct metric *jvm = metrics_gauge(metrics, "sos_age", "Age.", "pool=\"jvm\"");
    struct metric *other = metrics_gauge(metrics, "sos_other", "Other.", "");
    struct buf text;

    metric_set(go, 3);
    metric_set(jvm, 4);
    metric_set(other, 5);
    metrics_zero(metrics, "sos_age");
    metric_max(go, 2);
    metric_max(go, 1);
    buf_init(&text, 1 << 16);
    metrics_write(metrics, &text);
    assert_non_null(strstr(text.data, "sos_age{pool=\"go\"} 2\n"));
    assert_non_null(strstr(text.data, "sos_age{pool=\"jvm\"} 0\n"));
    assert_non_null(strstr(text.data, "sos_other 5\n"));
    buf_done(&text);
    metrics_free(metrics);
}

static void buckets_of_a_histogram_add_up(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *wait = metrics_histogram(metrics, "sos_wait_seconds", "Wait.", "pool=\"go\"");
    struct buf text;

    metric_observe(wait, 0.001);
    metric_observe(wait, 0.3);
    metric_observe(wait, 7200);
    buf_init(&text, 1 << 16);
    metrics_write(metrics, &text);
    assert_non_null(strstr(text.data, "sos_wait_seconds_bucket{pool=\"go\",le=\"0.001\"} 1\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_bucket{pool=\"go\",le=\"0.25\"} 1\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_bucket{pool=\"go\",le=\"0.5\"} 2\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_bucket{pool=\"go\",le=\"3600\"} 2\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_bucket{pool=\"go\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_sum{pool=\"go\"} 7200.301\n"));
    assert_non_null(strstr(text.data, "sos_wait_seconds_count{pool=\"go\"} 3\n"));
    buf_done(&text);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_one_name_stand_together),
        cmocka_unit_test(gauges_of_one_name_begin_anew),
        cmocka_unit_test(buckets_of_a_histogram_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
