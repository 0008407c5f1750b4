/* queue.c - snapshots from memory: the queue, the images, the gauges. */
#include <string.h>

#include "server/farm/state.h"

/* --- pools: the slots that serve one image --- */

static struct sos_pool *pool_of(struct sos_queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->pools_count; i++)
        if (strcmp(queue->pools[i].name, name) == 0)
            return &queue->pools[i];
    return NULL;
}

static void pool_add(struct farm *farm, struct sos_queue *queue, const char *name,
                     const char *image)
{
    const struct sched_pool *waiting = sched_pool(&farm->sched, image);
    struct why_pool slots = worker_pool(farm, image);

    if (pool_of(queue, name))
        return;
    struct sos_pool *pool = &queue->pools[queue->pools_count++];
    *pool = (struct sos_pool){
        .name = xstrdup(name),
        .slots = slots.slots,
        .busy = slots.slots_busy,
        .queued = waiting ? (int32_t)sched_pool_size(waiting) : 0,
    };
    struct sched_class classes[SCHED_CLASSES_MAX];
    size_t count = waiting ? sched_pool_classes(waiting, classes) : 0;
    for (size_t i = 0; i < count; i++)
        if (!pool->oldest_time_ms || classes[i].first->msg.create_time_ms < pool->oldest_time_ms)
            pool->oldest_time_ms = classes[i].first->msg.create_time_ms;
}

static size_t pools_waiting(const struct farm *farm)
{
    size_t count = 0;

    list_each (link, &farm->sched.pools)
        count++;
    return count;
}

/* Those of the catalogue, and those of older digests for which builds still wait. */
static void pools_fill(struct farm *farm, struct sos_queue *queue)
{
    size_t images = catalogue_count(farm->catalogue);

    queue->pools = xcalloc(images + pools_waiting(farm) + 1, sizeof *queue->pools);
    for (size_t i = 0; i < images; i++) {
        const struct sos_image *image = catalogue_at(farm->catalogue, i);
        pool_add(farm, queue, image->name, image->build->digest);
    }
    list_each (link, &farm->sched.pools) {
        const struct sched_pool *pool = list_item(link, struct sched_pool, link);
        if (!catalogue_name_of(farm->catalogue, pool->image))
            pool_add(farm, queue, pool->image, pool->image);
    }
}

/* --- builds --- */

static void build_add(struct farm *farm, struct sos_queue *queue, const struct build *build)
{
    struct build_view view;

    if (queue->builds_count == FARM_QUEUE_BUILDS_MAX)
        return;
    view_init(&view, live_find(farm, build->msg.id));
    sos_build_copy(&queue->builds[queue->builds_count++], &view.msg);
    view_done(&view);
}

static bool goes_before(const struct build *a, const struct build *b)
{
    if (a->msg.priority != b->msg.priority)
        return a->msg.priority > b->msg.priority;
    return a->seq < b->seq;
}

/* The pools, each in order, merged into one order. */
static void waiting_add(struct farm *farm, struct sos_queue *queue)
{
    size_t count = pools_waiting(farm);
    auto_free size_t *next = xcalloc(count + 1, sizeof *next);

    while (queue->builds_count < FARM_QUEUE_BUILDS_MAX) {
        struct build *first = NULL;
        size_t from = 0, i = 0;
        list_each (link, &farm->sched.pools) {
            struct build *build = sched_pool_at(list_item(link, struct sched_pool, link), next[i]);
            if (build && (!first || goes_before(build, first))) {
                first = build;
                from = i;
            }
            i++;
        }
        if (!first)
            return;
        next[from]++;
        build_add(farm, queue, first);
    }
}

int64_t farm_queue(struct farm *farm, struct sos_queue *ret)
{
    *ret = (struct sos_queue){
        .accepting = farm->ready && !farm->stopping,
        .running = (int32_t)(farm->leased_count + farm->storing_count),
        .queued = (int32_t)farm->sched.queued,
        .snapshot_time_ms = clock_wall_ms(),
        .builds = xcalloc(FARM_QUEUE_BUILDS_MAX, sizeof *ret->builds),
    };
    pools_fill(farm, ret);
    list_each (link, &farm->leased)
        build_add(farm, ret, list_item(link, struct build, link));
    list_each (link, &farm->storing)
        build_add(farm, ret, list_item(link, struct build, link));
    waiting_add(farm, ret);
    return farm->queue_revision;
}

/* --- images --- */

static void image_add_workers(struct farm *farm, struct sos_image *image)
{
    image->workers = xcalloc(farm->workers_count + 1, sizeof *image->workers);
    list_each (link, &farm->workers) {
        const struct worker *worker = list_item(link, struct worker, link);
        for (size_t i = 0; i < worker->msg.images_count; i++)
            if (strcmp(worker->msg.images[i].build_digest, image->build->digest) == 0) {
                image->workers[image->workers_count++] = xstrdup(worker->msg.name);
                break;
            }
    }
}

void farm_images(struct farm *farm, struct sos_list_images_response *ret)
{
    size_t count = catalogue_count(farm->catalogue);

    *ret = (struct sos_list_images_response){ .images = xcalloc(count + 1, sizeof *ret->images) };
    for (size_t i = 0; i < count; i++) {
        sos_image_copy(&ret->images[i], catalogue_at(farm->catalogue, i));
        image_add_workers(farm, &ret->images[i]);
    }
    ret->images_count = count;
}

int farm_image(struct farm *farm, const char *name, struct sos_image *ret, struct err *err)
{
    const struct sos_image *image = catalogue_find(farm->catalogue, name);

    if (!image)
        return err_set(err, ERR_NOT_FOUND, "no image is called %.80s", name);
    sos_image_copy(ret, image);
    image_add_workers(farm, ret);
    return 0;
}

/* --- figures --- */

void counters_init(struct farm *farm)
{
    struct metrics *m = farm->metrics = metrics_new();
    struct farm_counters *count = &farm->count;

    metric_set(metrics_gauge(m, "sos_build_info", "What runs.", "version=\"" SOS_VERSION "\""), 1);
    count->submitted = metrics_counter(m, "sos_builds_submitted_total", "Builds accepted.", "");
    count->reused = metrics_counter(m, "sos_builds_reused_total",
                                    "Builds answered with an identical one's artifact.", "");
    count->leases = metrics_counter(m, "sos_leases_total", "Attempts given to workers.", "");
    count->lost =
        metrics_counter(m, "sos_worker_leases_lost_total", "Leases that ended without a word.", "");
    count->upload_bytes = metrics_counter(m, "sos_upload_bytes_total",
                                          "Bytes of sources and artifacts received.", "");
    count->log_bytes = metrics_counter(m, "sos_log_bytes_total", "Bytes of logs received.", "");
    count->publish_retries = metrics_counter(m, "sos_publish_retries_total",
                                             "Publications that had to be tried again.", "");
    count->running = metrics_gauge(m, "sos_builds_running", "Builds that a worker has.", "");
    count->storing =
        metrics_gauge(m, "sos_builds_storing", "Builds on their way to the store.", "");
    count->waits = metrics_gauge(m, "sos_waits", "Requests that wait for something.", "");
    count->workers_idle = metrics_gauge(m, "sos_workers", "Workers.", "state=\"idle\"");
    count->workers_busy = metrics_gauge(m, "sos_workers", "Workers.", "state=\"busy\"");
    count->workers_offline = metrics_gauge(m, "sos_workers", "Workers.", "state=\"offline\"");
}

void counters_ended(struct farm *farm, const struct sos_build *build)
{
    static const char outcomes[][16] = { "unspecified",  "success", "failure", "error",
                                         "cancellation", "timeout", "skip" };
    unsigned outcome = build->result ? (unsigned)build->result->outcome : 0;
    auto_free char *labels = xasprintf("language=\"%s\",outcome=\"%s\"", build->language,
                                       outcomes[outcome < countof(outcomes) ? outcome : 0]);

    metric_add(metrics_counter(farm->metrics, "sos_builds_total", "Builds that ended.", labels), 1);
    if (build->start_time_ms && build->finish_time_ms >= build->start_time_ms)
        metric_observe(metrics_histogram(farm->metrics, "sos_build_duration_seconds",
                                         "From the last lease to the end.", ""),
                       (double)(build->finish_time_ms - build->start_time_ms) / 1000.0);
}

/* By the image's name: a digest that is no longer of the catalogue would be a label for ever. */
static const char *pool_label(const struct farm *farm, const char *image)
{
    const char *name = catalogue_name_of(farm->catalogue, image);

    return name ? name : "other";
}

void counters_leased(struct farm *farm, const struct sos_build *build)
{
    auto_free char *labels = xasprintf("pool=\"%s\"", pool_label(farm, build->image->build_digest));

    metric_add(farm->count.leases, 1);
    metric_observe(metrics_histogram(farm->metrics, "sos_queue_wait_seconds",
                                     "From submission to the first and later leases.", labels),
                   (double)(clock_wall_ms() - build->create_time_ms) / 1000.0);
}

/* The word of a worker; only the contract's own steps become labels. */
static bool step_is_known(const char *id)
{
    static const char *const known[] = { "source", "image", "inspect", "fetch",
                                         "build",  "check", "collect" };

    for (size_t i = 0; id && i < countof(known); i++)
        if (strcmp(known[i], id) == 0)
            return true;
    return false;
}

void counters_steps(struct farm *farm, const struct sos_build *build)
{
    for (size_t i = 0; i < build->steps_count; i++) {
        const struct sos_step *step = &build->steps[i];
        if (!step_is_known(step->id) || !step->start_time_ms ||
            step->finish_time_ms < step->start_time_ms)
            continue;
        auto_free char *labels =
            xasprintf("language=\"%s\",step=\"%s\"", build->language, step->id);
        metric_observe(metrics_histogram(farm->metrics, "sos_build_step_duration_seconds",
                                         "Of one step of an attempt.", labels),
                       (double)(step->finish_time_ms - step->start_time_ms) / 1000.0);
    }
}

struct metrics *farm_metrics(struct farm *farm)
{
    return farm->metrics;
}

static struct metric *depth_gauge(struct farm *farm, const char *pool, int priority)
{
    auto_free char *labels = xasprintf("pool=\"%s\",priority=\"%s\"", pool,
                                       wire_enum_name(&sos_priority_enum, priority));

    return metrics_gauge(farm->metrics, "sos_queue_depth", "Builds that wait for a slot.", labels);
}

static struct metric *oldest_gauge(struct farm *farm, const char *pool)
{
    auto_free char *labels = xasprintf("pool=\"%s\"", pool);

    return metrics_gauge(farm->metrics, "sos_queue_oldest_seconds",
                         "How long the first of them waits.", labels);
}

static void pool_gauge(struct farm *farm, const struct sched_pool *pool)
{
    const char *label = pool_label(farm, pool->image);
    struct sched_class classes[SCHED_CLASSES_MAX];
    size_t count = sched_pool_classes(pool, classes);

    for (size_t i = 0; i < count; i++) {
        const struct sos_build *first = &classes[i].first->msg;
        double age_s = (double)(clock_wall_ms() - first->create_time_ms) / 1000.0;
        metric_add(depth_gauge(farm, label, (int)first->priority), (double)classes[i].count);
        metric_max(oldest_gauge(farm, label), age_s);
    }
}

/* An image without a build that waits has its zeros. */
static void pool_gauge_begin(struct farm *farm, const char *pool)
{
    for (int priority = SOS_PRIORITY_LOW; wire_enum_name(&sos_priority_enum, priority); priority++)
        depth_gauge(farm, pool, priority);
    oldest_gauge(farm, pool);
}

static void pools_gauge(struct farm *farm)
{
    metrics_zero(farm->metrics, "sos_queue_depth");
    metrics_zero(farm->metrics, "sos_queue_oldest_seconds");
    for (size_t i = 0; i < catalogue_count(farm->catalogue); i++)
        pool_gauge_begin(farm, catalogue_at(farm->catalogue, i)->name);
    list_each (link, &farm->sched.pools)
        pool_gauge(farm, list_item(link, struct sched_pool, link));
}

void farm_gauge(struct farm *farm)
{
    int idle = 0, busy = 0, offline = 0;

    list_each (link, &farm->workers) {
        const struct worker *worker = list_item(link, struct worker, link);
        if (!worker->online)
            offline++;
        else if (worker_busy(farm, worker->msg.name))
            busy++;
        else
            idle++;
    }
    pools_gauge(farm);
    metric_set(farm->count.running, (double)farm->leased_count);
    metric_set(farm->count.storing, (double)farm->storing_count);
    metric_set(farm->count.waits, (double)farm->waits_count);
    metric_set(farm->count.workers_idle, idle);
    metric_set(farm->count.workers_busy, busy);
    metric_set(farm->count.workers_offline, offline);
}
