/* agent.c - workers: who they are, and what they tell of their attempts. */
#include <string.h>

#include "server/farm/state.h"

/* --- the list of workers --- */

struct worker *worker_find(struct farm *farm, const char *name)
{
    list_each (link, &farm->workers) {
        struct worker *worker = list_item(link, struct worker, link);
        if (strcmp(worker->msg.name, name) == 0)
            return worker;
    }
    return NULL;
}

static struct worker *worker_add(struct farm *farm)
{
    struct worker *worker = xcalloc(1, sizeof *worker);

    list_append(&farm->workers, &worker->link);
    farm->workers_count++;
    return worker;
}

/* Takes msg, and a worker of the database is given one ttl to be heard of. */
bool worker_load(struct farm *farm, struct sos_worker *msg, const char *session)
{
    if (farm->workers_count >= FARM_WORKERS_MAX)
        return false;
    struct worker *worker = worker_add(farm);
    worker->msg = *msg;
    *msg = (struct sos_worker){ 0 };
    snprintf(worker->session, sizeof worker->session, "%s", session);
    worker->seen_mono_ms = clock_mono_ms();
    worker->seen_wall_ms = worker->msg.last_seen_time_ms;
    worker->online = true;
    return true;
}

void worker_free_all(struct farm *farm)
{
    for (struct list *link; (link = list_pop(&farm->workers));) {
        struct worker *worker = list_item(link, struct worker, link);
        sos_worker_done(&worker->msg);
        free(worker);
    }
}

int worker_busy(struct farm *farm, const char *name)
{
    int busy = 0;

    list_each (link, &farm->leased) {
        const struct build *build = list_item(link, struct build, link);
        busy += build->msg.worker && strcmp(build->msg.worker, name) == 0;
    }
    return busy;
}

static bool worker_has(const struct worker *worker, const char *image)
{
    for (size_t i = 0; i < worker->msg.images_count; i++)
        if (worker->msg.images[i].build_digest &&
            strcmp(worker->msg.images[i].build_digest, image) == 0)
            return true;
    return false;
}

struct why_pool worker_pool(struct farm *farm, const char *image)
{
    struct why_pool pool = { 0 };

    list_each (link, &farm->workers) {
        const struct worker *worker = list_item(link, struct worker, link);
        if (!worker_has(worker, image))
            continue;
        pool.workers++;
        if (!worker->online)
            continue;
        pool.workers_online++;
        pool.slots += worker->msg.slots;
        pool.slots_busy += worker_busy(farm, worker->msg.name);
    }
    return pool;
}

void farm_workers(struct farm *farm, struct sos_list_workers_response *ret)
{
    size_t count = 0;

    *ret = (struct sos_list_workers_response){ .workers = xcalloc(farm->workers_count + 1,
                                                                  sizeof *ret->workers) };
    list_each (link, &farm->workers) {
        const struct worker *worker = list_item(link, struct worker, link);
        struct sos_worker *msg = &ret->workers[count++];
        sos_worker_copy(msg, &worker->msg);
        msg->last_seen_time_ms = worker->seen_wall_ms;
        msg->builds = xcalloc(farm->leased_count + 1, sizeof *msg->builds);
        list_each (at, &farm->leased) {
            const struct build *build = list_item(at, struct build, link);
            if (build->msg.worker && strcmp(build->msg.worker, msg->name) == 0)
                msg->builds[msg->builds_count++] = xstrdup(build->msg.id);
        }
        msg->state = !worker->online         ? SOS_WORKER_STATE_OFFLINE
                     : msg->builds_count > 0 ? SOS_WORKER_STATE_BUSY
                                             : SOS_WORKER_STATE_IDLE;
    }
    ret->workers_count = count;
}

/* --- registering --- */

/* A registration on its way to the disk, or what a worker said later of its images. */
struct registering {
    struct task task;
    struct farm *farm;
    struct sos_worker msg;
    char session[ID_MAX];
    farm_session_fn done;
    void *ctx;
};

static void register_work(struct task *task)
{
    struct registering *registering = container_of(task, struct registering, task);

    task->rc =
        workers_put(registering->farm->db, &registering->msg, registering->session, &task->err);
}

/* Builds that an earlier session held are lost at once; the slots it parked are sent away. */
static void sessions_end(struct farm *farm, const char *worker, const char *session)
{
    parks_end(farm, worker, session);
    list_each (link, &farm->leased) {
        struct build *build = list_item(link, struct build, link);
        if (lease_is_orphaned(build, worker, session))
            lease_lose(live_find(farm, build->msg.id));
    }
}

static void on_registered(struct task *task)
{
    struct registering *registering = container_of(task, struct registering, task);
    struct farm *farm = registering->farm;

    if (task->rc == 0) {
        struct worker *worker = worker_find(farm, registering->msg.name);
        if (!worker)
            worker = worker_add(farm);
        sos_worker_done(&worker->msg);
        worker->msg = registering->msg;
        registering->msg = (struct sos_worker){ 0 };
        memcpy(worker->session, registering->session, sizeof worker->session);
        worker->seen_mono_ms = clock_mono_ms();
        worker->seen_wall_ms = clock_wall_ms();
        worker->online = true;
        farm->queue_revision++;
        log_info("worker", "registered", "worker=%s slots=%d images=%zu", worker->msg.name,
                 worker->msg.slots, worker->msg.images_count);
        sessions_end(farm, worker->msg.name, worker->session);
    }
    registering->done(registering->ctx, task->rc, registering->session, &task->err);
    sos_worker_done(&registering->msg);
    free(registering);
}

static bool worker_name_is_valid(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return len > 0 && len <= 63 && strspn(name, letters) == len;
}

int images_check(const struct sos_worker_image *images, size_t count, struct err *err)
{
    if (count > FARM_IMAGES_MAX)
        return err_set(err, ERR_INVALID, "at most %d images", FARM_IMAGES_MAX);
    for (size_t i = 0; i < count; i++)
        if (!images[i].build_digest)
            return err_set(err, ERR_INVALID, "images/%zu has no buildDigest", i);
    return 0;
}

static int register_check(struct farm *farm, const struct sos_register_worker_request *request,
                          struct err *err)
{
    if (!worker_name_is_valid(request->name))
        return err_set(err, ERR_INVALID, "name must be 1 to 63 letters, digits, '.', '_' or '-'");
    if (request->slots < 1 || request->slots > FARM_SLOTS_MAX)
        return err_set(err, ERR_INVALID, "slots must be 1 to %d", FARM_SLOTS_MAX);
    if (images_check(request->images, request->images_count, err) < 0)
        return -ERR_INVALID;
    if (!worker_find(farm, request->name) && farm->workers_count >= FARM_WORKERS_MAX)
        return err_set(err, ERR_LIMIT, "at most %d workers", FARM_WORKERS_MAX);
    return 0;
}

void farm_register(struct farm *farm, const struct sos_register_worker_request *request,
                   farm_session_fn done, void *ctx)
{
    struct err err = { 0 };
    int rc = register_check(farm, request, &err);
    int64_t now_ms = clock_wall_ms();

    if (rc < 0) {
        done(ctx, rc, NULL, &err);
        return;
    }
    struct sos_worker msg = {
        .name = request->name,
        .slots = request->slots,
        .version = request->version,
        .sandbox = request->sandbox,
        .images = request->images,
        .images_count = request->images_count,
        .register_time_ms = now_ms,
        .last_seen_time_ms = now_ms,
    };
    struct registering *registering = xcalloc(1, sizeof *registering);
    registering->farm = farm;
    registering->done = done;
    registering->ctx = ctx;
    sos_worker_copy(&registering->msg, &msg);
    id_new("ses", now_ms, registering->session);
    strand_post(farm->writer, &registering->task, register_work, on_registered);
}

/* --- news of images --- */

static void announce_work(struct task *task)
{
    struct registering *news = container_of(task, struct registering, task);

    task->rc = workers_update(news->farm->db, &news->msg, news->session, &task->err);
}

static void on_announced(struct task *task)
{
    struct registering *news = container_of(task, struct registering, task);
    struct worker *worker = worker_find(news->farm, news->msg.name);

    if (task->rc < 0) {
        log_warn("worker", "images not kept, until they are told again", "worker=%s why=\"%s\"",
                 news->msg.name, task->err.text);
    } else if (strcmp(worker->session, news->session) == 0) {
        sos_worker_done(&worker->msg);
        worker->msg = news->msg;
        news->msg = (struct sos_worker){ 0 };
        news->farm->queue_revision++;
        log_info("worker", "has other images", "worker=%s images=%zu", worker->msg.name,
                 worker->msg.images_count);
    }
    struct farm *farm = news->farm;
    sos_worker_done(&news->msg);
    free(news);
    farm_dispatch(farm);
}

static bool images_equal(const struct sos_worker *worker, const struct sos_worker_image *images,
                         size_t count)
{
    if (worker->images_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(worker->images[i].build_digest, images[i].build_digest) != 0)
            return false;
    return true;
}

void worker_announce(struct farm *farm, struct worker *worker,
                     const struct sos_worker_image *images, size_t count)
{
    if (count == 0 || images_equal(&worker->msg, images, count))
        return;
    struct registering *news = xcalloc(1, sizeof *news);
    struct sos_worker msg = worker->msg;
    msg.images = (struct sos_worker_image *)(uintptr_t)images;
    msg.images_count = count;
    news->farm = farm;
    sos_worker_copy(&news->msg, &msg);
    memcpy(news->session, worker->session, sizeof news->session);
    strand_post(farm->writer, &news->task, announce_work, on_announced);
}

/* --- news of an attempt --- */

struct live *attempt_live(struct farm *farm, const char *attempt, int64_t fence, struct err *err)
{
    char id[ID_MAX];
    int32_t number;

    if (attempt_id_parse(attempt, id, &number, err) < 0)
        return NULL;
    struct live *live = live_find(farm, id);
    if (!live || !build_is_leased(live->build->msg.state)) {
        err_set(err, ERR_CONFLICT, "no lease of %s is in force", attempt);
        err_reason(err, "STALE_LEASE");
        return NULL;
    }
    return lease_check(live->build, number, fence, err) < 0 ? NULL : live;
}

void worker_seen(struct farm *farm, const char *name)
{
    struct worker *worker = name ? worker_find(farm, name) : NULL;

    if (!worker)
        return;
    worker->seen_mono_ms = clock_mono_ms();
    worker->seen_wall_ms = clock_wall_ms();
    if (!worker->online) {
        worker->online = true;
        farm->queue_revision++;
    }
}

struct update {
    struct change change;
    struct farm *farm;
    char *attempt;
    char subject[ID_MAX * 2 + 8];
    struct sos_update_attempt_request request;
    farm_update_fn done;
    void *ctx;
};

static bool steps_equal(const struct sos_update_attempt_request *a, const struct sos_build *build)
{
    struct sos_update_attempt_request mine = { .steps = a->steps, .steps_count = a->steps_count };
    struct sos_update_attempt_request theirs = { .steps = build->steps,
                                                 .steps_count = build->steps_count };
    size_t len;
    auto_free char *one = sos_update_attempt_request_text(&mine, &len);
    auto_free char *other = sos_update_attempt_request_text(&theirs, &len);

    return strcmp(one, other) == 0;
}

void build_set_steps(struct build *build, const struct sos_step *steps, size_t count)
{
    struct sos_build fresh;
    struct sos_build only = { .steps = (struct sos_step *)(uintptr_t)steps, .steps_count = count };
    struct sos_build old = { .steps = build->msg.steps, .steps_count = build->msg.steps_count };

    sos_build_copy(&fresh, &only);
    sos_build_done(&old);
    build->msg.steps = fresh.steps;
    build->msg.steps_count = fresh.steps_count;
}

static int on_update_prepare(struct change *change, struct err *err)
{
    struct update *update = container_of(change, struct update, change);
    const struct sos_update_attempt_request *request = &update->request;
    int64_t revision = change->next->revision;
    enum build_event event;

    if (!attempt_live(update->farm, update->attempt, request->fence, err))
        return -(int)err->code;
    if (build_progress_event(change->next, request->state, &event)) {
        struct build_move move = { .event = event, .now_wall_ms = clock_wall_ms() };
        int rc = change_apply(change, &move, update->subject, err);
        if (rc < 0)
            return rc;
    }
    if (request->steps_count > 0 && !steps_equal(request, &change->next->msg)) {
        build_set_steps(change->next, request->steps, request->steps_count);
        if (change->next->revision == revision)
            change->next->revision++;
    }
    return change->next->revision == revision;
}

static void on_updated(struct change *change, int rc, const struct err *err)
{
    struct update *update = container_of(change, struct update, change);
    struct sos_update_attempt_response answer = { .ttl_ms = update->farm->rules.ttl_ms };

    answer.cancel = change->live->build->msg.state == SOS_BUILD_STATE_CANCELING;
    if (rc == -ERR_FULL)
        rc = 0; /* the lease is renewed all the same; its news comes again with the next one */
    update->done(update->ctx, rc, rc < 0 ? NULL : &answer, err);
    sos_update_attempt_request_done(&update->request);
    free(update->attempt);
    free(update);
}

void farm_update(struct farm *farm, const char *attempt,
                 const struct sos_update_attempt_request *request, farm_update_fn done, void *ctx)
{
    struct err err = { 0 };
    struct live *live = attempt_live(farm, attempt, request->fence, &err);

    if (!live) {
        done(ctx, -(int)err.code, NULL, &err);
        return;
    }
    worker_seen(farm, live->build->msg.worker);
    lease_extend(live->build, &farm->rules, clock_mono_ms());
    struct update *update = xcalloc(1, sizeof *update);
    *update = (struct update){ .farm = farm, .done = done, .ctx = ctx };
    update->change = (struct change){ .prepare = on_update_prepare, .told = on_updated };
    update->attempt = xstrdup(attempt);
    snprintf(update->subject, sizeof update->subject, "worker:%s", live->build->msg.worker);
    sos_update_attempt_request_copy(&update->request, request);
    change_post(live, &update->change);
}
