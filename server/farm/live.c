/* live.c - the builds that are not final, by id, each where its state says. */
#include <assert.h>
#include <string.h>

#include "server/farm/state.h"

/* --- the table --- */

static size_t id_hash(const char *id)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 1099511628211u;
    return (size_t)hash;
}

static struct live **bucket_of(struct farm *farm, const char *id)
{
    return &farm->buckets[id_hash(id) % farm->buckets_count];
}

struct live *live_find(struct farm *farm, const char *id)
{
    if (!farm->buckets_count)
        return NULL;
    for (struct live *live = *bucket_of(farm, id); live; live = live->next_in_bucket)
        if (strcmp(live->build->msg.id, id) == 0)
            return live;
    return NULL;
}

static void table_put(struct farm *farm, struct live *live)
{
    struct live **bucket = bucket_of(farm, live->build->msg.id);

    live->next_in_bucket = *bucket;
    *bucket = live;
}

static void table_grow(struct farm *farm)
{
    struct live **old = farm->buckets;
    size_t old_count = farm->buckets_count;

    farm->buckets_count = old_count ? old_count * 2 : 64;
    farm->buckets = xcalloc(farm->buckets_count, sizeof *farm->buckets);
    for (size_t i = 0; i < old_count; i++)
        for (struct live *live = old[i], *next; live; live = next) {
            next = live->next_in_bucket;
            table_put(farm, live);
        }
    free(old);
}

static void table_remove(struct farm *farm, struct live *live)
{
    struct live **at = bucket_of(farm, live->build->msg.id);

    while (*at != live)
        at = &(*at)->next_in_bucket;
    *at = live->next_in_bucket;
}

/* --- from and to rows --- */

struct build_row live_row(const struct build *build)
{
    struct build_row row = { .msg = build->msg,
                             .revision = build->revision,
                             .fence = build->fence };

    memcpy(row.session, build->session, sizeof row.session);
    memcpy(row.fingerprint, build->fingerprint, sizeof row.fingerprint);
    return row;
}

struct build *build_from_row(const struct build_row *row)
{
    struct build *build = build_new(&row->msg);

    build->seq = row->msg.number;
    build->revision = row->revision;
    build->fence = row->fence;
    memcpy(build->session, row->session, sizeof build->session);
    memcpy(build->fingerprint, row->fingerprint, sizeof build->fingerprint);
    return build;
}

/* --- live builds --- */

/* The wall clock counts only the time before this life of ours. */
static int64_t expiry_of(const struct farm *farm, const struct build *build)
{
    int64_t waited_ms = clock_wall_ms() - build->msg.create_time_ms;

    if (farm->config.queue_ttl_ms == 0)
        return INT64_MAX;
    return clock_mono_ms() + farm->config.queue_ttl_ms - (waited_ms > 0 ? waited_ms : 0);
}

struct live *live_add(struct farm *farm, struct build *build)
{
    struct live *live = xcalloc(1, sizeof *live);

    live->farm = farm;
    live->build = build;
    live->slot = -1;
    live->expire_mono_ms = expiry_of(farm, build);
    list_init(&live->changes);
    list_init(&live->waits);
    list_init(&live->log_waits);
    if (farm->live_count >= farm->buckets_count)
        table_grow(farm);
    table_put(farm, live);
    farm->live_count++;
    live_enter(live);
    return live;
}

void live_leave(struct live *live)
{
    struct farm *farm = live->farm;
    enum sos_build_state state = live->build->msg.state;

    sched_remove(&farm->sched, live->build);
    if (list_empty(&live->build->link))
        return;
    list_remove(&live->build->link);
    if (build_is_leased(state))
        farm->leased_count--;
    else
        farm->storing_count--;
}

void live_enter(struct live *live)
{
    struct farm *farm = live->farm;
    struct build *build = live->build;

    if (build_is_leased(build->msg.state)) {
        list_append(&farm->leased, &build->link);
        farm->leased_count++;
    } else {
        live->slot = -1;
    }
    if (build_is_final(build->msg.state))
        counters_ended(farm, &build->msg);
    if (build->msg.state == SOS_BUILD_STATE_QUEUED)
        sched_add(&farm->sched, build);
    if (build->msg.state == SOS_BUILD_STATE_STORING) {
        list_append(&farm->storing, &build->link);
        farm->storing_count++;
    }
    farm->queue_revision++;
    waits_wake(farm, &live->waits);
    waits_wake(farm, &live->log_waits);
}

static void files_free(struct live *live)
{
    while (live->files) {
        struct known_file *file = live->files;
        live->files = file->next;
        free(file);
    }
}

static void live_free(struct live *live)
{
    assert(!live->running && list_empty(&live->waits) && list_empty(&live->log_waits));
    live_leave(live);
    table_remove(live->farm, live);
    live->farm->live_count--;
    files_free(live);
    publish_free(live->publishing);
    build_free(live->build);
    free(live);
}

void live_drop_final(struct live *live)
{
    if (build_is_final(live->build->msg.state) && !live->running && list_empty(&live->changes))
        live_free(live);
}

void live_free_all(struct farm *farm)
{
    for (size_t i = 0; i < farm->buckets_count; i++)
        while (farm->buckets[i])
            live_free(farm->buckets[i]);
    free(farm->buckets);
    farm->buckets = NULL;
    farm->buckets_count = 0;
}

/* --- files of the attempt --- */

void live_know_file(struct live *live, const struct digests *digests)
{
    if (live_known_file(live, digests->sha256))
        return;
    struct known_file *file = xcalloc(1, sizeof *file);
    file->digests = *digests;
    file->next = live->files;
    live->files = file;
}

const struct digests *live_known_file(const struct live *live, const char *sha256)
{
    for (const struct known_file *file = live->files; file; file = file->next)
        if (strcmp(file->digests.sha256, sha256) == 0)
            return &file->digests;
    return NULL;
}

/* --- what is told --- */

void view_init(struct build_view *view, struct live *live)
{
    struct build *build = live->build;

    *view = (struct build_view){ .msg = build->msg };
    view->msg.queue = NULL;
    if (build->msg.state == SOS_BUILD_STATE_QUEUED) {
        struct why_pool pool = worker_pool(live->farm, build_image(build));
        why_fill(build, &pool, &view->place);
        view->msg.queue = &view->place;
    }
    if (build_is_leased(build->msg.state)) {
        view->log.size_bytes = live->log_size;
        view->msg.log = &view->log;
    }
}

void view_done(struct build_view *view)
{
    sos_queue_place_done(&view->place);
}
