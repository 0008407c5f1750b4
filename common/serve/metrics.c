/* metrics.c - Prometheus' text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). */
#include "sos/serve/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/list.h"

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,
                                 2.5,   5,      10,    30,   60,    120,  300, 600,  1800, 3600 };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

static const char *const type_names[] = { "counter", "gauge", "histogram" };

struct metric {
    struct list link;
    enum metric_type type;
    char *name;
    char *help;
    char *labels;
    double value;                     /* of a histogram: the sum */
    uint64_t counts[countof(bounds)]; /* each bucket alone; the text adds them up */
    uint64_t count;
};

struct metrics {
    struct list all; /* in order of making */
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = xcalloc(1, sizeof *metrics);

    list_init(&metrics->all);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (struct list *link; (link = list_pop(&metrics->all));) {
        struct metric *metric = list_item(link, struct metric, link);
        free(metric->name);
        free(metric->help);
        free(metric->labels);
        free(metric);
    }
    free(metrics);
}

static struct metric *metric_get(struct metrics *metrics, enum metric_type type, const char *name,
                                 const char *help, const char *labels)
{
    list_each (link, &metrics->all) {
        struct metric *metric = list_item(link, struct metric, link);
        if (strcmp(metric->name, name) != 0)
            continue;
        assert(metric->type == type);
        if (strcmp(metric->labels, labels) == 0)
            return metric;
    }
    struct metric *metric = xcalloc(1, sizeof *metric);
    metric->type = type;
    metric->name = xstrdup(name);
    metric->help = xstrdup(help);
    metric->labels = xstrdup(labels);
    list_append(&metrics->all, &metric->link);
    return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels)
{
    return metric_get(metrics, METRIC_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *labels)
{
    return metric_get(metrics, METRIC_GAUGE, name, help, labels);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels)
{
    return metric_get(metrics, METRIC_HISTOGRAM, name, help, labels);
}

void metric_add(struct metric *metric, double value)
{
    assert(metric->type != METRIC_HISTOGRAM);
    assert(metric->type == METRIC_GAUGE || value >= 0);
    metric->value += value;
}

void metric_set(struct metric *metric, double value)
{
    assert(metric->type == METRIC_GAUGE);
    metric->value = value;
}

void metric_max(struct metric *metric, double value)
{
    if (value > metric->value)
        metric_set(metric, value);
}

void metrics_zero(struct metrics *metrics, const char *name)
{
    list_each (link, &metrics->all) {
        struct metric *metric = list_item(link, struct metric, link);
        if (metric->type == METRIC_GAUGE && strcmp(metric->name, name) == 0)
            metric->value = 0;
    }
}

void metric_observe(struct metric *metric, double seconds)
{
    assert(metric->type == METRIC_HISTOGRAM);
    metric->value += seconds;
    metric->count++;
    for (size_t i = 0; i < countof(bounds); i++)
        if (seconds <= bounds[i]) {
            metric->counts[i]++;
            return;
        }
}

/* --- the text --- */

static void value_write(double value, struct buf *ret)
{
    bool small = value > -1e15 && value < 1e15;
    bool whole = small && value == (double)(int64_t)value;

    buf_printf(ret, whole ? "%.0f\n" : "%.9g\n", value);
}

static void histogram_write(const struct metric *metric, struct buf *ret)
{
    const char *comma = *metric->labels ? "," : "";
    const char *open = *metric->labels ? "{" : "";
    const char *close = *metric->labels ? "}" : "";
    uint64_t below = 0;

    for (size_t i = 0; i < countof(bounds); i++) {
        below += metric->counts[i];
        buf_printf(ret, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", metric->name, metric->labels,
                   comma, bounds[i], below);
    }
    buf_printf(ret, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", metric->name, metric->labels, comma,
               metric->count);
    buf_printf(ret, "%s_sum%s%s%s ", metric->name, open, metric->labels, close);
    value_write(metric->value, ret);
    buf_printf(ret, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open, metric->labels, close,
               metric->count);
}

static void metric_write(const struct metric *metric, struct buf *ret)
{
    if (metric->type == METRIC_HISTOGRAM) {
        histogram_write(metric, ret);
        return;
    }
    buf_printf(ret, *metric->labels ? "%s{%s} " : "%s%s ", metric->name, metric->labels);
    value_write(metric->value, ret);
}

static bool is_first_of_its_name(const struct metrics *metrics, const struct metric *metric)
{
    list_each (link, &metrics->all) {
        const struct metric *other = list_item(link, struct metric, link);
        if (strcmp(other->name, metric->name) == 0)
            return other == metric;
    }
    return false;
}

/* All lines of one name stand together, under one HELP and TYPE: the format asks for it. */
void metrics_write(const struct metrics *metrics, struct buf *ret)
{
    list_each (link, &metrics->all) {
        const struct metric *first = list_item(link, struct metric, link);
        if (!is_first_of_its_name(metrics, first))
            continue;
        buf_printf(ret, "# HELP %s %s\n# TYPE %s %s\n", first->name, first->help, first->name,
                   type_names[first->type]);
        list_each (same, &metrics->all) {
            const struct metric *metric = list_item(same, struct metric, link);
            if (strcmp(metric->name, first->name) == 0)
                metric_write(metric, ret);
        }
    }
}
