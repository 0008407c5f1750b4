/* farm_sim.c - the whole farm in one thread with its own time: seeds decide everything.
 *
 *   farm_sim FIRST COUNT        run the seeds FIRST … FIRST+COUNT-1
 *
 * The farm, its database and its blobs are the real ones; strands are stepped one by one
 * (strand_sim.h), the clocks and the ids come from the seed (linked by --wrap), clients and workers
 * are scripts that die, lie, come late and repeat themselves, and the store is a table that fails.
 * A crash is a real one: each life of the server is a process of its own that ends without a word;
 * the world, in shared memory, goes on.
 *
 * After every step: what was acknowledged is there; a final state and a revision never go back;
 * only the newest fence is believed; a build is published once at most, with the bytes of one
 * attempt. And once the faults stop, every build ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/farm/state.h"
#include "sos/base/blobstream.h"
#include "sos/base/fs.h"
#include "tests/sim/strand_sim.h"

enum {
    BUILDS = 5,
    WORKERS = 3,
    STRANDS = 8,
    FAULT_STEPS = 900, /* then everybody behaves */
    STEPS_MAX = 60000, /* and by then everything has ended */
    TTL_MS = 10000,
    LIVES_MAX = 60,
};

enum life_end { LIFE_DONE = 0, LIFE_CRASHED = 10, LIFE_WRONG = 11 };

enum phase {
    WORKER_OFF,
    WORKER_IDLE,
    WORKER_PREPARE,
    WORKER_RUN,
    WORKER_LOG,
    WORKER_UPLOAD,
    WORKER_FINISH,
    WORKER_GONE
};

/* What a client remembers of one build. */
struct order {
    char id[ID_MAX]; /* "": not acknowledged */
    enum sos_build_state seen;
    int64_t revision;
    int stored_attempt; /* whose success was accepted; 0: none */
    char published[SHA256_HEX];
};

struct actor {
    char name[8];
    char session[ID_MAX];
    enum phase phase;
    char attempt[ATTEMPT_ID_MAX];
    char build[ID_MAX];
    int number;
    int64_t fence;
    enum sos_result_outcome outcome;
    bool cancel;
    bool lying; /* in the call that is out */
    bool out;   /* a call waits for its answer, in this life */
    int64_t awake_ms;
};

/* All that outlives a crash. */
struct world {
    uint64_t rng;
    int64_t now_ms;
    int steps;
    uint64_t ids;
    struct order orders[BUILDS];
    struct actor actors[WORKERS];
    char source[80];
    char wrong[400];
};

static struct world *world;
static struct farm *farm;

/* --- chance, time and names: from the seed --- */

static uint64_t chance(uint64_t of)
{
    uint64_t z = (world->rng += 0x9e3779b97f4a7c15u); /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % of;
}

int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_wall_ms(void);
void __wrap_id_new(const char *prefix, int64_t wall_ms, char ret_id[ID_MAX]);

int64_t __wrap_clock_mono_ms(void)
{
    return world->now_ms;
}

int64_t __wrap_clock_wall_ms(void)
{
    return 1795000000000 + world->now_ms;
}

void __wrap_id_new(const char *prefix, int64_t wall_ms, char ret_id[ID_MAX])
{
    (void)wall_ms;
    snprintf(ret_id, ID_MAX, "%s_%026llu", prefix, (unsigned long long)++world->ids);
}

static bool faults(void)
{
    return world->steps < FAULT_STEPS;
}

/* --- what must never be --- */

static void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void wrong(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(world->wrong, sizeof world->wrong, fmt, args);
    va_end(args);
    _exit(LIFE_WRONG);
}

static struct order *order_of(const char *build)
{
    for (int i = 0; i < BUILDS; i++)
        if (strcmp(world->orders[i].id, build) == 0)
            return &world->orders[i];
    return NULL;
}

static void see(const struct sos_build *build, int64_t revision)
{
    struct order *order = order_of(build->id);

    if (!order)
        return;
    if (build->attempt > BUILD_ATTEMPTS_MAX)
        wrong("%s is in attempt %d", build->id, build->attempt);
    if (revision < order->revision)
        wrong("%s went back from revision %lld to %lld", build->id, (long long)order->revision,
              (long long)revision);
    if (build_is_final(order->seen) && build->state != order->seen)
        wrong("%s left the final state %s for %s", build->id, build_state_name(order->seen),
              build_state_name(build->state));
    if (revision == order->revision && order->seen && build->state != order->seen)
        wrong("%s changed its state and not its revision", build->id);
    if (build->state == SOS_BUILD_STATE_SUCCEEDED && !order->published[0])
        wrong("%s succeeded and was not published", build->id);
    order->revision = revision;
    order->seen = build->state;
}

/* --- the store: a table that fails --- */

static int sim_publish(void *ctx, const struct publish_order *given, struct err *err)
{
    const struct sos_build *build = given->build;
    struct order *order = order_of(build->id);

    (void)ctx;
    if (faults() && chance(3) == 0)
        return err_set(err, ERR_IO, "the store is down");
    if (!order)
        wrong("%s is published and nobody knows it", build->id);
    const char *sha256 = given->artifact->files[0].sha256;
    if (order->published[0] && strcmp(order->published, sha256) != 0)
        wrong("%s is published twice, with other bytes", build->id);
    if (build_is_final(order->seen) && order->seen != SOS_BUILD_STATE_SUCCEEDED)
        wrong("%s is published and was %s", build->id, build_state_name(order->seen));
    snprintf(order->published, sizeof order->published, "%s", sha256);
    if (faults() && chance(4) == 0)
        return err_set(err, ERR_IO, "the answer got lost");
    return 0;
}

/* --- clients --- */

static void on_ordered(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                       const struct err *err)
{
    struct order *order = ctx;

    if (rc < 0)
        wrong("a submission failed: %s", err->text);
    if (order->id[0] && strcmp(order->id, build->id) != 0)
        wrong("one key made %s and %s", order->id, build->id);
    snprintf(order->id, sizeof order->id, "%s", build->id);
    see(build, revision);
}

static void client_submits(struct order *order)
{
    char key[16];
    struct sos_create_build_request request = {
        .project = (char *)(uintptr_t) "demo",
        .version = key,
        .language = (char *)(uintptr_t) "sim",
        .source = world->source,
        .no_cache = true,
        .priority = SOS_PRIORITY_NORMAL,
    };
    struct farm_submission submission = {
        .subject = "client", .idempotency_key = key, .request_sha256 = key, .request = &request
    };

    snprintf(key, sizeof key, "v%d", (int)(order - world->orders));
    farm_submit(farm, &submission, on_ordered, order);
}

static void on_seen(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                    const struct err *err)
{
    const struct order *order = ctx;

    if (rc < 0)
        wrong("%s was acknowledged and is not there: %s", order->id, err->text);
    see(build, revision);
}

static void on_cancel_told(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                           const struct err *err)
{
    (void)ctx;
    if (rc < 0 && rc != -ERR_CONFLICT)
        wrong("a cancel failed: %s", err->text);
    if (rc == 0)
        see(build, revision);
}

static void client_acts(void)
{
    struct order *order = &world->orders[chance(BUILDS)];

    if (!order->id[0] || (faults() && chance(8) == 0))
        client_submits(order);
    else if (faults() && chance(60) == 0)
        farm_cancel(farm, order->id, NULL, "client", "enough", on_cancel_told, order);
    else
        farm_build_get(farm, order->id, chance(2) ? order->revision : -1, (int64_t)chance(3000),
                       on_seen, order);
}

/* --- workers --- */

static int64_t fence_said(struct actor *actor)
{
    actor->lying = faults() && chance(15) == 0;
    return actor->lying ? actor->fence + (chance(2) ? 1 : -1) : actor->fence;
}

/* The answer to a call about an attempt: goes on, tries again, or gives up. */
static bool actor_hears(struct actor *actor, int rc, const struct err *err, const char *what)
{
    bool stale = rc < 0 && err->reason && strcmp(err->reason, "STALE_LEASE") == 0;

    actor->out = false;
    if (actor->lying && rc >= 0)
        wrong("%s of %s was believed with a false fence", what, actor->attempt);
    if (actor->lying)
        return false;
    if (stale)
        actor->phase = WORKER_IDLE;
    else if (rc < 0)
        wrong("%s of %s failed: %s", what, actor->attempt, err->text);
    return rc >= 0;
}

static void actor_goes_on(struct actor *actor, enum phase next)
{
    if (!(faults() && chance(6) == 0)) /* else: says it again */
        actor->phase = next;
}

static void on_sim_session(void *ctx, int rc, const char *session, const struct err *err)
{
    struct actor *actor = ctx;

    actor->out = false;
    if (rc < 0)
        wrong("a registration failed: %s", err->text);
    snprintf(actor->session, sizeof actor->session, "%s", session);
    actor->phase = WORKER_IDLE;
}

static void actor_registers(struct actor *actor)
{
    struct sos_worker_image image = { .build_digest = (char *)(uintptr_t) "sha256:sim" };
    struct sos_register_worker_request request = {
        .name = actor->name, .slots = 1, .images = &image, .images_count = 1
    };

    farm_register(farm, &request, on_sim_session, actor);
}

static void on_sim_lease(void *ctx, int rc, const struct sos_lease *lease, const struct err *err)
{
    struct actor *actor = ctx;

    actor->out = false;
    if (rc < 0) {
        if (!err->reason || strcmp(err->reason, "STALE_SESSION") != 0)
            wrong("a lease failed: %s", err->text);
        actor->phase = WORKER_OFF;
        return;
    }
    if (!lease || actor->phase != WORKER_IDLE) /* or the answer came to a call given up */
        return;
    snprintf(actor->attempt, sizeof actor->attempt, "%s", lease->attempt_id);
    snprintf(actor->build, sizeof actor->build, "%s", lease->build->id);
    actor->number = lease->build->attempt;
    actor->fence = lease->fence;
    actor->cancel = false;
    actor->outcome = SOS_RESULT_OUTCOME_SUCCESS;
    if (chance(3) == 0)
        actor->outcome = (enum sos_result_outcome)(1 + chance(5));
    actor->phase = WORKER_PREPARE;
}

static void actor_leases(struct actor *actor)
{
    struct sos_lease_request request = { .worker = actor->name, .session = actor->session };

    farm_lease(farm, &request, (int64_t)chance(20000), on_sim_lease, actor);
}

static void on_sim_update(void *ctx, int rc, const struct sos_update_attempt_response *answer,
                          const struct err *err)
{
    struct actor *actor = ctx;

    if (!actor_hears(actor, rc, err, "an update"))
        return;
    const struct live *live = live_find(farm, actor->build);
    if (live && live->build->fence != actor->fence)
        wrong("an update of %s was believed, the fence is %lld", actor->attempt,
              (long long)live->build->fence);
    actor->cancel |= answer->cancel;
    actor_goes_on(actor, actor->cancel ? WORKER_FINISH : actor->phase + 1);
}

static void actor_updates(struct actor *actor)
{
    struct sos_step step = { .id = (char *)(uintptr_t) "build",
                             .state = SOS_STEP_STATE_RUNNING,
                             .log_offset = (int64_t)chance(3) };
    struct sos_update_attempt_request request = {
        .fence = fence_said(actor),
        .state =
            actor->phase == WORKER_PREPARE ? SOS_BUILD_STATE_PREPARING : SOS_BUILD_STATE_RUNNING,
        .steps = &step,
        .steps_count = chance(2),
    };

    farm_update(farm, actor->attempt, &request, on_sim_update, actor);
}

static void on_sim_log(void *ctx, int rc, const struct err *err)
{
    struct actor *actor = ctx;

    if (actor_hears(actor, rc, err, "a log"))
        actor_goes_on(actor, WORKER_UPLOAD);
}

static void bytes_of(const struct actor *actor, char ret[64], char ret_sha256[SHA256_HEX])
{
    snprintf(ret, 64, "bytes of %s", actor->attempt);
    sha256_hex(ret, strlen(ret), ret_sha256);
}

static void on_sim_uploaded(void *ctx, int rc, const struct sos_artifact_file *file,
                            const struct err *err)
{
    (void)file;
    if (actor_hears(ctx, rc, err, "an upload"))
        actor_goes_on(ctx, WORKER_FINISH);
}

struct sim_upload {
    struct actor *actor;
    struct farm_upload *upload;
};

static void on_sim_written(void *ctx, int rc, const struct err *err)
{
    struct sim_upload *sim = ctx;

    if (rc < 0)
        wrong("a write failed: %s", err->text);
    farm_artifact_end(sim->upload, on_sim_uploaded, sim->actor);
    free(sim);
}

static void on_sim_upload(void *ctx, int rc, struct farm_upload *upload, const struct err *err)
{
    struct actor *actor = ctx;
    char bytes[64], sha256[SHA256_HEX];

    if (rc < 0) {
        actor_hears(actor, rc, err, "an upload");
        return;
    }
    struct sim_upload *sim = xcalloc(1, sizeof *sim);
    *sim = (struct sim_upload){ actor, upload };
    bytes_of(actor, bytes, sha256);
    farm_upload_write(upload, bytes, strlen(bytes), on_sim_written, sim);
}

static void actor_uploads(struct actor *actor)
{
    char bytes[64], sha256[SHA256_HEX];

    bytes_of(actor, bytes, sha256);
    farm_artifact_open(farm, actor->attempt, fence_said(actor), sha256, on_sim_upload, actor);
}

static void on_sim_finish(void *ctx, int rc, const struct sos_build *build, int64_t revision,
                          const struct err *err)
{
    struct actor *actor = ctx;

    if (rc == -ERR_CONFLICT && !actor->lying && err->reason &&
        strcmp(err->reason, "ARTIFACT_MISSING") == 0) {
        actor->out = false;
        actor->phase = WORKER_UPLOAD;
        return;
    }
    if (!actor_hears(actor, rc, err, "a finish"))
        return;
    struct order *order = order_of(build->id);
    bool stored =
        build->state == SOS_BUILD_STATE_STORING || build->state == SOS_BUILD_STATE_SUCCEEDED;
    if (order && stored && actor->outcome == SOS_RESULT_OUTCOME_SUCCESS) {
        if (order->stored_attempt && order->stored_attempt != actor->number)
            wrong("%s took the success of attempts %d and %d", build->id, order->stored_attempt,
                  actor->number);
        order->stored_attempt = actor->number;
    }
    see(build, revision);
    actor_goes_on(actor, WORKER_IDLE);
}

static void actor_finishes(struct actor *actor)
{
    char bytes[64], sha256[SHA256_HEX];
    struct sos_artifact_file file = { .path = (char *)(uintptr_t) "demo.bin", .sha256 = sha256 };
    struct sos_result result = {
        .outcome = actor->cancel ? SOS_RESULT_OUTCOME_CANCELLATION : actor->outcome,
        .reason = actor->outcome == SOS_RESULT_OUTCOME_ERROR ? SOS_RESULT_REASON_SANDBOX
                                                             : SOS_RESULT_REASON_UNSPECIFIED,
    };
    struct sos_finish_attempt_request request = { .fence = fence_said(actor),
                                                  .result = &result,
                                                  .artifacts = &file };

    bytes_of(actor, bytes, sha256);
    request.artifacts_count = result.outcome == SOS_RESULT_OUTCOME_SUCCESS;
    farm_finish(farm, actor->attempt, &request, on_sim_finish, actor);
}

/* Dies (and forgets, or comes back as if nothing had been), sleeps past its lease. */
static bool actor_fails(struct actor *actor)
{
    if (!faults())
        return false;
    if (chance(40) == 0) {
        actor->phase = WORKER_OFF;
        return true;
    }
    if (actor != world->actors && chance(150) == 0) { /* for ever; the first one stays */
        actor->phase = WORKER_GONE;
        return true;
    }
    if (chance(40) == 0) {
        actor->awake_ms = world->now_ms + (int64_t)chance(3 * TTL_MS);
        return true;
    }
    return false;
}

/* Its call broke off and it does not wait for the answer: it asks again. */
static void actor_asks_twice(struct actor *actor)
{
    if (actor->out && actor->phase == WORKER_IDLE && faults() && chance(10) == 0)
        actor->out = false;
}

static void actor_acts(struct actor *actor)
{
    actor_asks_twice(actor);
    if (actor->phase == WORKER_GONE || actor->out || world->now_ms < actor->awake_ms ||
        actor_fails(actor))
        return;
    actor->out = true;
    switch (actor->phase) {
    case WORKER_OFF:
        actor_registers(actor);
        break;
    case WORKER_IDLE:
        actor_leases(actor);
        break;
    case WORKER_PREPARE:
    case WORKER_RUN:
        actor_updates(actor);
        break;
    case WORKER_LOG:
        farm_log_append(farm, actor->attempt, fence_said(actor), 0, "log\n", 4, on_sim_log, actor);
        break;
    case WORKER_UPLOAD:
        actor_uploads(actor);
        break;
    case WORKER_FINISH:
        actor_finishes(actor);
        break;
    case WORKER_GONE:
        break;
    }
}

/* --- one life of the server --- */

static void on_sim_broken(void *ctx, const struct err *err)
{
    (void)ctx;
    wrong("the disk broke: %s", err->text);
}

static void step_strand(void)
{
    struct strand *strands[STRANDS] = { farm->writer,       farm->reader,      farm->appender,
                                        farm->archiver,     farm->fetcher,     farm->publisher,
                                        farm->uploaders[0], farm->uploaders[1] };

    strand_sim_step(strands[chance(STRANDS)]);
}

static void step_time(void)
{
    world->now_ms += (int64_t)chance(TTL_MS / 8);
    farm_sweep(farm);
}

static bool all_ended(void)
{
    for (int i = 0; i < BUILDS; i++)
        if (!build_is_final(world->orders[i].seen))
            return false;
    return true;
}

static void settle(void)
{
    while (strand_sim_step_any())
        ;
}

/* At rest: the farm has forgotten nothing and holds nothing. */
static void check_end(void)
{
    for (int i = 0; i < BUILDS; i++) {
        const struct order *order = &world->orders[i];
        if (order->published[0] && order->seen != SOS_BUILD_STATE_SUCCEEDED)
            wrong("%s was published and is %s", order->id, build_state_name(order->seen));
    }
    if (farm->live_count || farm->sched.queued || farm->leased_count || farm->storing_count)
        wrong("all builds ended, %zu live, %zu queued, %zu leased, %zu storing", farm->live_count,
              farm->sched.queued, farm->leased_count, farm->storing_count);
}

static void on_farm_stopped(void *ctx)
{
    *(bool *)ctx = true;
}

static void life_stop(uv_loop_t *loop)
{
    bool stopped = false;

    farm_stop(farm, on_farm_stopped, &stopped);
    for (int i = 0; i < 1000 && !stopped; i++) {
        settle();
        uv_run(loop, UV_RUN_NOWAIT);
    }
    if (!stopped)
        wrong("the farm does not stop");
    uv_loop_close(loop);
}

static void life_step(void)
{
    uint64_t what = chance(100);

    world->steps++;
    if (what < 55)
        step_strand();
    else if (what < 65)
        client_acts();
    else if (what < 92)
        actor_acts(&world->actors[chance(WORKERS)]);
    else
        step_time();
}

static void on_source_ready(void *ctx, int rc, const struct sos_source *source,
                            const struct wire_fault *fault, const struct err *err)
{
    (void)ctx;
    (void)fault;
    if (rc < 0)
        wrong("the source failed: %s", err->text);
    snprintf(world->source, sizeof world->source, "%s", source->id);
}

/* A source of one empty file, whose blob is put into the folder before. */
static void life_source(void)
{
    struct blob_writer *writer;
    struct digests digests;
    struct err err = { 0 };
    char sha256[SHA256_HEX];

    sha256_hex("", 0, sha256);
    if (blob_begin(farm->blobs, &writer, &err) < 0 || blob_commit(writer, NULL, &digests, &err) < 0)
        wrong("blob: %s", err.text);
    auto_free char *manifest =
        xasprintf("{\"files\":[{\"path\":\"a\",\"mode\":\"REGULAR\",\"sha256\":\"%s\"}]}", sha256);
    farm_source_create(farm, manifest, strlen(manifest), on_source_ready, NULL);
    settle();
}

static void life(const char *dir, const char *images)
{
    uv_loop_t loop;
    struct err err = { 0 };
    struct farm_config config = {
        .state_dir = dir,
        .images_dir = images,
        .store_url = "",
        .store_token = "",
        .store_repository = "",
        .lease_ttl_ms = TTL_MS,
        .renew_interval_ms = TTL_MS / 4,
        .publish_retry_ms = 1000,
        .log_bytes_max = 1 << 20,
        .source_bytes_max = 1 << 20,
        .cache_bytes_max = 1 << 20,
        .publish = sim_publish,
    };

    uv_loop_init(&loop);
    if (farm_start(&loop, &config, on_sim_broken, NULL, &farm, &err) < 0)
        wrong("start: %s", err.text);
    for (int i = 0; i < WORKERS; i++)
        world->actors[i].out = false;
    if (!world->source[0])
        life_source();
    while (!all_ended() || faults()) {
        if (world->steps > STEPS_MAX)
            wrong("after %d steps something has not ended", world->steps);
        if (faults() && chance(250) == 0)
            _exit(LIFE_CRASHED);
        life_step();
    }
    settle();
    check_end();
    life_stop(&loop);
}

/* --- a seed: lives until it is done --- */

static const char image_json[] =
    "{\"name\":\"sim-1\",\"language\":\"sim\",\"build\":{\"digest\":\"sha256:sim\"},"
    "\"run\":{\"digest\":\"sha256:run\"}}";

static int run_life(const char *dir, const char *images)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        life(dir, images);
        exit(LIFE_DONE);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return LIFE_WRONG;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    snprintf(world->wrong, sizeof world->wrong, "died of signal %d", WTERMSIG(status));
    return LIFE_WRONG;
}

static bool run_seed(uint64_t seed, const char *root)
{
    auto_free char *dir = xasprintf("%s/%llu", root, (unsigned long long)seed);
    int end = LIFE_CRASHED;

    memset(world, 0, sizeof *world);
    world->rng = seed;
    world->now_ms = 1000000;
    for (int i = 0; i < WORKERS; i++)
        snprintf(world->actors[i].name, sizeof world->actors[i].name, "w%d", i);
    for (int lives = 0; end == LIFE_CRASHED && lives < LIVES_MAX; lives++)
        end = run_life(dir, root);
    fs_remove_tree(dir, NULL);
    if (end == LIFE_DONE)
        return true;
    fprintf(stderr, "seed %llu, step %d: %s\n  again: farm_sim %llu 1\n", (unsigned long long)seed,
            world->steps, world->wrong, (unsigned long long)seed);
    return false;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char root[64];
    uint64_t failed = 0;

    snprintf(root, sizeof root, "%s/sos-farm-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED || !mkdtemp(root))
        return 2;
    auto_free char *image = xasprintf("%s/sim-1.json", root);
    if (fs_write_atomic(image, image_json, strlen(image_json), 0600, NULL) < 0)
        return 2;
    log_level_set(count == 1 ? LOG_INFO : LOG_ERROR);
    for (uint64_t seed = first; seed < first + count && failed < 5; seed++)
        failed += !run_seed(seed, root);
    fs_remove_tree(root, NULL);
    printf("%llu seeds, %llu failed\n", (unsigned long long)count, (unsigned long long)failed);
    return failed ? 1 : 0;
}
