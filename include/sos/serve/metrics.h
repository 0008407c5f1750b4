/* metrics.h - counters, gauges and histograms in Prometheus' text format 0.0.4.
 *
 * Made once at start, changed on the loop thread, low in cardinality: no build,
 * user or project is ever a label. */
#pragma once
#include <stdint.h>

#include "sos/base/buf.h"

struct metrics;
struct metric;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
/* `labels` is "language=\"go\",outcome=\"SUCCESS\"" or ""; one metric for each set of labels, found
 * again by name and labels. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *labels);
/* Seconds, in fixed buckets from 1 ms to 1 h. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels);
void metric_add(struct metric *metric, double value);       /* counter, gauge */
void metric_set(struct metric *metric, double value);       /* gauge */
void metric_max(struct metric *metric, double value);       /* gauge: unless it is higher already */
void metric_observe(struct metric *metric, double seconds); /* histogram */
/* All gauges of a name back to 0, whatever their labels: before those that are true now are set. */
void metrics_zero(struct metrics *metrics, const char *name);
void metrics_write(const struct metrics *metrics, struct buf *ret);
