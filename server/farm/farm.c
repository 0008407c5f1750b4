/* farm.c - the farm is opened, takes up what lived before, and is closed.
 *
 *   farm_start: database, blobs, logs, tokens | what lives --> queue, leases, outbox | strands,
 * timer farm_stop:  waits answered --> strands drained --> closed
 */
#include <string.h>

#include "server/disk/farmdb.h"
#include "server/farm/state.h"
#include "sos/base/fs.h"

/* --- events --- */

void farm_break(struct farm *farm, const struct err *err)
{
    if (!farm->ready)
        return;
    farm->ready = false;
    farm->on_broken(farm->broken_ctx, err);
}

static void on_strand_broken(void *ctx, const struct err *err)
{
    farm_break(ctx, err);
}

/* --- what lived before --- */

static void on_token(void *ctx, const struct auth_token *token)
{
    auth_put(((struct farm *)ctx)->auth, token);
}

static int on_worker(void *ctx, struct sos_worker *msg, const char *session)
{
    worker_load(ctx, msg, session);
    return 0;
}

static int on_live_row(void *ctx, struct build_row *row)
{
    live_add(ctx, build_from_row(row));
    return 0;
}

static int on_publication(void *ctx, struct publication *publication)
{
    struct live *live = live_find(ctx, publication->build);

    if (live && live->build->msg.state == SOS_BUILD_STATE_STORING)
        publish_begin(live, &publication->artifact, publication->tries);
    else
        log_warn("publish", "outbox row without a build that is STORING, leaving it", "build=%s",
                 publication->build);
    return 0;
}

/* Each lease gets one full ttl of grace; the slot that holds it is known again. */
static int leases_resume(struct farm *farm, struct err *err)
{
    list_each (link, &farm->leased) {
        struct build *build = list_item(link, struct build, link);
        struct live *live = live_find(farm, build->msg.id);
        struct attempt_row row;
        int rc = attempts_get(farm->db, build->msg.id, build->msg.attempt, &row, err);
        if (rc < 0)
            return rc;
        live->slot = row.slot;
        attempt_row_done(&row);
        auto_close int fd = -1;
        if (log_open(farm->logs, build->msg.id, build->msg.attempt, &fd, &live->log_size, NULL) < 0)
            live->log_size = 0;
        lease_extend(build, &farm->rules, clock_mono_ms());
    }
    return 0;
}

/* Leases of a session that its worker ended; the crash came before they were lost. */
static void orphans_end(struct farm *farm)
{
    list_each (link, &farm->leased) {
        struct build *build = list_item(link, struct build, link);
        struct worker *worker = build->msg.worker ? worker_find(farm, build->msg.worker) : NULL;
        if (worker && lease_is_orphaned(build, worker->msg.name, worker->session))
            lease_lose(live_find(farm, build->msg.id));
    }
}

static int farm_load(struct farm *farm, struct err *err)
{
    int rc = tokens_first(farm, err);

    if (rc == 0)
        rc = tokens_load(farm->db, on_token, farm, err);
    if (rc == 0)
        rc = workers_load(farm->db, on_worker, farm, err);
    if (rc == 0)
        rc = builds_live(farm->db, on_live_row, farm, err);
    if (rc == 0)
        rc = leases_resume(farm, err);
    return rc;
}

/* --- opening --- */

static void config_copy(struct farm_config *ret, const struct farm_config *config)
{
    *ret = *config;
    ret->state_dir = xstrdup(config->state_dir);
    ret->images_dir = xstrdup(config->images_dir);
    ret->store_url = xstrdup(config->store_url);
    ret->store_token = xstrdup(config->store_token);
    ret->store_repository = xstrdup(config->store_repository);
}

static void config_free(struct farm_config *config)
{
    char *token = (char *)(uintptr_t)config->store_token;

    if (token)
        explicit_bzero(token, strlen(token));
    free((void *)(uintptr_t)config->state_dir);
    free((void *)(uintptr_t)config->images_dir);
    free((void *)(uintptr_t)config->store_url);
    free(token);
    free((void *)(uintptr_t)config->store_repository);
}

static int disk_open(struct farm *farm, struct err *err)
{
    const char *dir = farm->config.state_dir;
    auto_free char *db = xasprintf("%s/farm.db", dir);
    auto_free char *blobs = xasprintf("%s/blobs", dir);
    auto_free char *logs = xasprintf("%s/logs", dir);
    auto_free char *cache = xasprintf("%s/cache", dir);
    int rc = fs_mkdirs_durable(dir, 0700, err);

    if (rc == 0)
        rc = farmdb_open(db, &farm->db, err);
    if (rc == 0)
        rc = db_open_reader(db, &farm->read_db, err);
    if (rc == 0)
        rc = blobs_open(blobs, &farm->blobs, err);
    if (rc == 0)
        rc = logs_open(logs, farm->config.log_bytes_max, &farm->logs, err);
    if (rc == 0 && !(farm->cache = cache_new(cache, farm->config.cache_bytes_max, err)))
        rc = -(int)err->code;
    return rc;
}

static void strands_open(struct farm *farm)
{
    struct strand_batch batch;
    struct strand **plain[] = { &farm->reader,      &farm->appender,  &farm->archiver,
                                &farm->fetcher,     &farm->publisher, &farm->uploaders[0],
                                &farm->uploaders[1] };

    db_batch(farm->db, &batch);
    farm->writer = strand_new(farm->loop, &batch, on_strand_broken, farm);
    for (size_t i = 0; i < countof(plain); i++)
        *plain[i] = strand_new(farm->loop, NULL, on_strand_broken, farm);
}

static void farm_free(struct farm *farm)
{
    if (farm->metrics)
        live_free_all(farm);
    worker_free_all(farm);
    sched_done(&farm->sched);
    store_free(farm->store);
    cache_free(farm->cache);
    catalogue_free(farm->catalogue);
    auth_free(farm->auth);
    metrics_free(farm->metrics);
    if (farm->logs)
        logs_close(farm->logs);
    blobs_close(farm->blobs);
    if (farm->read_db)
        db_close(farm->read_db);
    if (farm->db)
        db_close(farm->db);
    config_free(&farm->config);
    free(farm);
}

static struct farm *farm_new(uv_loop_t *loop, const struct farm_config *config,
                             farm_broken_fn on_broken, void *ctx)
{
    struct farm *farm = xcalloc(1, sizeof *farm);

    farm->loop = loop;
    farm->on_broken = on_broken;
    farm->broken_ctx = ctx;
    config_copy(&farm->config, config);
    farm->queue_revision = clock_wall_ms(); /* an ETag of the life before must not come again */
    farm->rules = (struct lease_rules){ config->lease_ttl_ms, config->renew_interval_ms };
    sched_init(&farm->sched);
    list_init(&farm->leased);
    list_init(&farm->storing);
    list_init(&farm->workers);
    list_init(&farm->parked);
    list_init(&farm->leasing);
    list_init(&farm->waits_due);
    farm->auth = auth_new();
    farm->catalogue = catalogue_new(config->images_dir);
    counters_init(farm);
    return farm;
}

int farm_start(uv_loop_t *loop, const struct farm_config *config, farm_broken_fn on_broken,
               void *ctx, struct farm **ret, struct err *err)
{
    struct farm *farm = farm_new(loop, config, on_broken, ctx);
    int rc = disk_open(farm, err);

    if (rc == 0)
        rc = farm_load(farm, err);
    if (rc < 0) {
        farm_free(farm);
        return rc;
    }
    farm->store = store_new(&farm->config, farm->blobs);
    if (!farm->config.publish) {
        farm->config.publish = store_publish;
        farm->config.publish_ctx = farm->store;
    }
    strands_open(farm);
    farm->ready = true;
    orphans_end(farm);
    rc = publications_each(farm->read_db, on_publication, farm, err);
    if (rc < 0) {
        err_wrap(err, "read the outbox");
        farm->on_broken(farm->broken_ctx, err);
    }
    sweep_start(farm);
    log_info("farm", "started", "live=%zu workers=%zu images=%zu", farm->live_count,
             farm->workers_count, catalogue_count(farm->catalogue));
    *ret = farm;
    return 0;
}

/* --- closing --- */

static void farm_stopped(struct farm *farm)
{
    void (*stopped)(void *ctx) = farm->stopped;
    void *ctx = farm->stopped_ctx;

    farm_free(farm);
    stopped(ctx);
}

/* One after the other: what the last tasks of a strand post goes to one that closes later, the
 * writer at the end. */
static void on_strand_closed(void *ctx)
{
    struct farm *farm = ctx;
    struct strand *order[] = { farm->reader,    farm->archiver,     farm->fetcher,
                               farm->appender,  farm->uploaders[0], farm->uploaders[1],
                               farm->publisher, farm->writer };

    if (farm->strands_closed == countof(order))
        farm_stopped(farm);
    else
        strand_close(order[farm->strands_closed++], on_strand_closed, farm);
}

static void on_timer_closed(uv_handle_t *timer)
{
    on_strand_closed(timer->data);
}

void farm_stop(struct farm *farm, void (*stopped)(void *ctx), void *ctx)
{
    farm->ready = false;
    farm->stopping = true;
    farm->stopped = stopped;
    farm->stopped_ctx = ctx;
    store_stop(farm->store);
    farm_sweep(farm);
    uv_timer_stop(&farm->sweep_timer);
    uv_close((uv_handle_t *)&farm->sweep_timer, on_timer_closed);
}

bool farm_is_ready(const struct farm *farm)
{
    return farm->ready;
}

struct auth *farm_auth(struct farm *farm)
{
    return farm->auth;
}
