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
    for (size_t i = 0; waiting && i < sched_pool_size(waiting) && i < 1000; i++) {
        int64_t time_ms = sched_pool_at(waiting, i)->msg.create_time_ms;
        if (!pool->oldest_time_ms || time_ms < pool->oldest_time_ms)
            pool->oldest_time_ms = time_ms;
    }
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
    count->queue_wait = metrics_histogram(m, "sos_queue_wait_seconds",
                                          "From submission to the first and later leases.", "");
    count->queued = metrics_gauge(m, "sos_queue_depth", "Builds that wait for a slot.", "");
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

struct metrics *farm_metrics(struct farm *farm)
{
    return farm->metrics;
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
    metric_set(farm->count.queued, (double)farm->sched.queued);
    metric_set(farm->count.running, (double)farm->leased_count);
    metric_set(farm->count.storing, (double)farm->storing_count);
    metric_set(farm->count.waits, (double)farm->waits_count);
    metric_set(farm->count.workers_idle, idle);
    metric_set(farm->count.workers_busy, busy);
    metric_set(farm->count.workers_offline, offline);
}
