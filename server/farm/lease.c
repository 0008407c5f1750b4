/* lease.c - where parked slots and waiting builds meet.
 *
 *   farm_lease --> PARKED --a build waits--> LEASING --committed--> answered
 *                    |  ^                       |
 *          time is up|  +---- build is gone ----+
 *                    v
 *                 answered: nothing to do
 *
 * An answer may get lost on its way.  So a slot that asks again while its lease is ASSIGNED, not
 * yet confirmed by a renewal, gets the same lease again; a slot that asks while its build is past
 * that lost its process, and the lease ends. */
#include <string.h>

#include "server/farm/state.h"

struct park {
    struct wait wait;
    struct list leasing_link;
    struct change change;
    struct farm *farm;
    char worker[ID_MAX * 2];
    char session[ID_MAX];
    char subject[ID_MAX * 2 + 8];
    int slot;
    int64_t until_mono_ms;
    farm_lease_fn done;
    void *ctx;
};

/* --- answers --- */

static void park_answer(struct park *park, int rc, const struct sos_lease *lease,
                        const struct err *err)
{
    park->done(park->ctx, rc, lease, err);
    free(park);
}

/* The image a build was accepted for, with the rules of today when it is still in the catalogue. */
static void image_fill(struct farm *farm, const struct sos_build *build, struct sos_image *ret)
{
    const struct sos_image *image = catalogue_find(farm->catalogue, build->image->name);

    if (image) {
        sos_image_copy(ret, image);
    } else {
        *ret = (struct sos_image){ .name = xstrdup(build->image->name),
                                   .language = xstrdup(build->language) };
    }
    if (!ret->build)
        ret->build = xcalloc(1, sizeof *ret->build);
    if (!ret->run)
        ret->run = xcalloc(1, sizeof *ret->run);
    free(ret->build->digest);
    ret->build->digest = xstrdup(build->image->build_digest);
    free(ret->run->digest);
    ret->run->digest = xstrdup(build->image->run_digest);
}

static void lease_answer(struct park *park, struct live *live)
{
    struct farm *farm = park->farm;
    char attempt[ATTEMPT_ID_MAX];
    struct build_view view;
    struct sos_image image;

    attempt_id_format(live->build, attempt);
    view_init(&view, live);
    image_fill(farm, &view.msg, &image);
    struct sos_lease lease = {
        .attempt_id = attempt,
        .fence = live->build->fence,
        .ttl_ms = farm->rules.ttl_ms,
        .renew_interval_ms = farm->rules.renew_ms,
        .build = &view.msg,
        .image = &image,
    };
    park_answer(park, 0, &lease, NULL);
    sos_image_done(&image);
    view_done(&view);
}

static int session_over(struct err *err)
{
    err_set(err, ERR_CONFLICT, "this session of the worker is over: register again");
    err_reason(err, "STALE_SESSION");
    return -ERR_CONFLICT;
}

static bool session_is_current(struct farm *farm, const char *worker, const char *session)
{
    const struct worker *known = worker ? worker_find(farm, worker) : NULL;

    return known && session && strcmp(known->session, session) == 0;
}

/* --- events --- */

static void on_park_over(struct wait *wait)
{
    park_answer(container_of(wait, struct park, wait), 0, NULL, NULL);
}

static void park_begin(struct park *park, int64_t wait_ms)
{
    struct err err = { 0 };

    if (!session_is_current(park->farm, park->worker, park->session))
        park_answer(park, session_over(&err), NULL, &err);
    else if (!wait_begin(park->farm, &park->wait, &park->farm->parked, wait_ms, on_park_over))
        park_answer(park, 0, NULL, NULL);
}

static int on_lease_prepare(struct change *change, struct err *err)
{
    struct park *park = container_of(change, struct park, change);
    struct build_move move = {
        .event = BUILD_LEASE,
        .now_wall_ms = clock_wall_ms(),
        .worker = park->worker,
        .session = park->session,
    };

    if (!session_is_current(park->farm, park->worker, park->session))
        return session_over(err);
    return change_apply(change, &move, park->subject, err);
}

static int lease_also(struct change *change, struct db *db, struct err *err)
{
    struct park *park = container_of(change, struct park, change);
    struct attempt_row row = {
        .attempt = change->next->msg.attempt,
        .fence = change->next->fence,
        .worker = park->worker,
        .slot = park->slot,
        .lease_wall_ms = change->event.wall_ms,
    };
    int rc = attempts_begin(db, change->next->msg.id, &row, err);
    return rc < 0 ? rc : dependencies_forget(db, change->next->msg.id, row.attempt, err);
}

static void on_leased(struct change *change, int rc, const struct err *err)
{
    struct park *park = container_of(change, struct park, change);
    struct farm *farm = park->farm;
    struct live *live = change->live;

    list_remove(&park->leasing_link);
    if (rc < 0) {
        log_info("lease", "not given", "build=%s worker=%s why=\"%s\"", live->build->msg.id,
                 park->worker, err->text);
        if (live->build->msg.state == SOS_BUILD_STATE_QUEUED) {
            live_leave(live); /* back to its queue */
            live_enter(live);
        }
        park_begin(park, park->until_mono_ms - clock_mono_ms());
        return;
    }
    const struct sos_build *msg = &live->build->msg;
    live->slot = park->slot;
    live->log_size = 0;
    lease_extend(live->build, &farm->rules, clock_mono_ms());
    counters_leased(farm, msg);
    log_info("build", "leased", "build=%s attempt=%d worker=%s slot=%d", msg->id, msg->attempt,
             park->worker, park->slot);
    if (!session_is_current(farm, park->worker, park->session)) {
        lease_lose(live); /* the worker registered while this was on its way to the disk */
        park_begin(park, park->until_mono_ms - clock_mono_ms());
        return;
    }
    lease_answer(park, live);
}

/* --- meeting --- */

static struct build *pick_for(struct farm *farm, const struct worker *worker)
{
    const char *images[FARM_IMAGES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < worker->msg.images_count && count < FARM_IMAGES_MAX; i++)
        images[count++] = worker->msg.images[i].build_digest;
    return sched_pick(&farm->sched, images, count);
}

static void park_dispatch(struct park *park)
{
    struct farm *farm = park->farm;
    struct worker *worker = worker_find(farm, park->worker);
    struct build *build = worker ? pick_for(farm, worker) : NULL;
    struct live *live = build ? live_find(farm, build->msg.id) : NULL;

    if (!live || live->changes_count >= FARM_CHANGES_MAX)
        return;
    wait_end(farm, &park->wait);
    sched_remove(&farm->sched, build);
    list_append(&farm->leasing, &park->leasing_link);
    park->change =
        (struct change){ .prepare = on_lease_prepare, .also = lease_also, .told = on_leased };
    change_post(live, &park->change);
}

void farm_dispatch(struct farm *farm)
{
    if (farm->stopping || farm->sched.queued == 0 || clock_mono_ms() < farm->full_until_mono_ms)
        return;
    /* Who is refused at once parks again, behind the last: it is not looked at twice. */
    const struct list *last = farm->parked.prev;
    list_each (link, &farm->parked) {
        park_dispatch(container_of(list_item(link, struct wait, link), struct park, wait));
        if (link == last)
            return;
    }
}

/* --- asking --- */

/* A slot asks in one call at a time: the older call is answered with nothing. */
static void park_replace(struct farm *farm, const char *worker, int slot)
{
    list_each (link, &farm->parked) {
        struct wait *wait = list_item(link, struct wait, link);
        struct park *park = container_of(wait, struct park, wait);
        if (park->slot == slot && strcmp(park->worker, worker) == 0) {
            wait_end(farm, wait);
            park_answer(park, 0, NULL, NULL);
            return;
        }
    }
}

void parks_end(struct farm *farm, const char *worker, const char *session)
{
    struct err err = { 0 };

    list_each (link, &farm->parked) {
        struct wait *wait = list_item(link, struct wait, link);
        struct park *park = container_of(wait, struct park, wait);
        if (strcmp(park->worker, worker) != 0 || strcmp(park->session, session) == 0)
            continue;
        wait_end(farm, wait);
        park_answer(park, session_over(&err), NULL, &err);
    }
}

/* The slot's lease is being committed for a call that it gave up: this call gets the answer. */
static bool lease_take_over(struct farm *farm, const struct sos_lease_request *request,
                            int64_t wait_ms, farm_lease_fn done, void *ctx)
{
    list_each (link, &farm->leasing) {
        struct park *park = list_item(link, struct park, leasing_link);
        if (park->slot != request->slot || strcmp(park->worker, request->worker) != 0 ||
            strcmp(park->session, request->session) != 0)
            continue;
        park->done(park->ctx, 0, NULL, NULL);
        park->done = done;
        park->ctx = ctx;
        park->until_mono_ms = clock_mono_ms() + wait_ms;
        return true;
    }
    return false;
}

static struct live *lease_of_slot(struct farm *farm, const char *worker, int slot)
{
    list_each (link, &farm->leased) {
        struct build *build = list_item(link, struct build, link);
        if (build->msg.worker && strcmp(build->msg.worker, worker) == 0) {
            struct live *live = live_find(farm, build->msg.id);
            if (live->slot == slot)
                return live;
        }
    }
    return NULL;
}

static int lease_check_request(struct farm *farm, const struct sos_lease_request *request,
                               struct err *err)
{
    if (!session_is_current(farm, request->worker, request->session))
        return session_over(err);
    int slots = worker_find(farm, request->worker)->msg.slots;
    if (request->slot < 0 || request->slot >= slots)
        return err_set(err, ERR_INVALID, "slot %d of a worker with %d", request->slot, slots);
    return images_check(request->images, request->images_count, err);
}

void farm_lease(struct farm *farm, const struct sos_lease_request *request, int64_t wait_ms,
                farm_lease_fn done, void *ctx)
{
    struct err err = { 0 };

    if (lease_check_request(farm, request, &err) < 0) {
        done(ctx, -(int)err.code, NULL, &err);
        return;
    }
    worker_seen(farm, request->worker);
    worker_announce(farm, worker_find(farm, request->worker), request->images,
                    request->images_count);
    if (lease_take_over(farm, request, wait_ms, done, ctx))
        return;
    struct park *park = xcalloc(1, sizeof *park);
    *park = (struct park){ .farm = farm, .slot = request->slot, .done = done, .ctx = ctx };
    snprintf(park->worker, sizeof park->worker, "%s", request->worker);
    snprintf(park->session, sizeof park->session, "%s", request->session);
    snprintf(park->subject, sizeof park->subject, "worker:%s", request->worker);
    park_replace(farm, park->worker, park->slot);

    struct live *live = lease_of_slot(farm, park->worker, park->slot);
    if (live && live->build->msg.state == SOS_BUILD_STATE_ASSIGNED && !live->running) {
        lease_extend(live->build, &farm->rules, clock_mono_ms());
        lease_answer(park, live);
        return;
    }
    if (live)
        lease_lose(live);
    /* Who would not wait is parked for a moment all the same: only what is parked is dispatched to.
     */
    wait_ms = wait_ms > 0 ? wait_ms : 1;
    park->until_mono_ms = clock_mono_ms() + wait_ms;
    park_begin(park, wait_ms);
    farm_dispatch(farm);
}
