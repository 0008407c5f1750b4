#include "worker/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "worker/disk.h"
#include "worker/isolate.h"
#include "worker/room.h"
#include "worker/steps.h"

enum { TIMEOUT_MS = 60 * 60 * 1000 /* when neither build nor image says one */ };

/* --- children --- */

int job_word(const struct job *job, struct verdict *ret)
{
    enum attempt_word word = job->attempt.word;
    if (word == ATTEMPT_CANCEL) {
        verdict_fail(ret, SOS_RESULT_REASON_CANCELED_BY_USER, "canceled");
        ret->outcome = SOS_RESULT_OUTCOME_CANCELLATION;
        return -1;
    }
    verdict_fail(ret, SOS_RESULT_REASON_WORKER_LOST, "%s",
                 word == ATTEMPT_STOP ? "the worker was stopped" : "the lease was lost");
    ret->outcome = SOS_RESULT_OUTCOME_ERROR;
    return -1;
}

static void child_main(struct job *job, job_fn fn)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_DFL);
    int rc = fn(job, &job->shared->verdict);
    _exit(rc == 0 ? 0 : 1);
}

static int call_judge(struct job *job, const struct pump_result *result, struct verdict *ret)
{
    if (result->end == PUMP_WORD)
        return job_word(job, ret);
    if (result->end == PUMP_BUILD_TIMEOUT) {
        verdict_fail(ret, SOS_RESULT_REASON_BUILD_TIMEOUT, "the build took too long");
        ret->outcome = SOS_RESULT_OUTCOME_TIMEOUT;
        return -1;
    }
    if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0)
        return 0;
    *ret = job->shared->verdict;
    if (ret->outcome != SOS_RESULT_OUTCOME_UNSPECIFIED)
        return -1;
    struct err err;
    err_set(&err, ERR_IO, "a process of the worker died with status %d", result->status);
    return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
}

int job_call(struct job *job, job_fn fn, struct verdict *ret)
{
    int fds[2];
    struct err err = { 0 };
    if (pipe2(fds, O_CLOEXEC) < 0) {
        err_errno(&err, "pipe");
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    }
    auto_close int in = fds[0];
    auto_close int out = fds[1];
    job->shared->verdict = (struct verdict){ 0 };
    pid_t pid = fork();
    if (pid == 0)
        child_main(job, fn);
    if (pid < 0) {
        err_errno(&err, "fork");
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    }
    close(take_fd(out));

    struct pump pump = { .attempt = &job->attempt,
                         .pid = pid,
                         .out_fd = in,
                         .build_until_ms = job->build_until_ms,
                         .stop = job->stop };
    struct pump_result result;
    pump_run(&pump, &result);
    /* A killed child leaves the program that it was waiting for. */
    isolate_kill_rest();
    return call_judge(job, &result, ret);
}

/* --- before and after --- */

/* What a step needs of the lease, all of it said by the server. */
static int lease_check(const struct sos_lease *lease, struct err *err)
{
    const struct sos_build *build = lease->build;
    const struct sos_image *image = lease->image;
    if (!build || !build->id || !build->project || !build->version || !build->source)
        return err_set(err, ERR_INVALID, "the lease names no build");
    if (!image || !image->name || !image->build || !image->run || !image->limits)
        return err_set(err, ERR_INVALID, "the lease names no image");
    const struct sos_limits *limits = image->limits;
    if (limits->memory_bytes <= 0 || limits->cpu_millis <= 0 || limits->pids <= 0 ||
        limits->disk_bytes <= 0 || limits->cache_bytes <= 0)
        return err_set(err, ERR_INVALID, "image %s has no limits", image->name);
    if (strchr(build->project, '/') || build->project[0] == '.' || strchr(image->name, '/') ||
        image->name[0] == '.')
        return err_set(err, ERR_INVALID, "a project or image is no plain name");
    return 0;
}

static int64_t build_timeout_ms(const struct sos_lease *lease)
{
    if (lease->build->timeout_ms > 0)
        return lease->build->timeout_ms;
    return lease->image->limits->timeout_ms > 0 ? lease->image->limits->timeout_ms : TIMEOUT_MS;
}

/* The build's disk, whose file is gone from its folder at once: only the mount keeps it. */
static int scratch_open(struct job *job, struct err *err)
{
    auto_free char *file = xasprintf("%s/scratch.ext4", job->slot_dir);
    int rc = disk_make(file, job->lease->image->limits->disk_bytes, 0, 0, err);
    if (rc == 0)
        rc = disk_mount(file, ROOM "/scratch", err);
    (void)unlink(file);
    job->scratch_mounted = rc == 0;
    if (rc == 0 && chmod(ROOM "/scratch", 0711) < 0)
        rc = err_errno(err, "chmod " ROOM "/scratch");
    return rc;
}

static int artifact_open(const struct job *job, struct err *err)
{
    auto_free char *folder = xasprintf("%s/artifact", job->slot_dir);
    if (mkdir(folder, 0755) < 0)
        return err_errno(err, "create %s", folder);
    return room_bind(folder, ROOM "/artifact", false, err);
}

/* What earlier builds put into the cache that this one found. */
static int record_open(struct job *job, struct err *err)
{
    struct downloads earlier = { 0 };
    if (!job->settings->gateway || access(job->cache.record, F_OK) < 0)
        return 0;
    int rc = downloads_read(&earlier, job->cache.record, err);
    if (rc == 0)
        downloads_join(&job->downloads, &earlier);
    downloads_done(&earlier);
    return rc;
}

/* What lies in the cache now came from there.  With the host's network nobody knows: such a cache
 * has no record. */
static bool record_keep(const struct job *job)
{
    struct err err = { 0 };
    if (!job->settings->gateway) {
        (void)unlink(job->cache.record);
        return true;
    }
    size_t len;
    auto_free char *text = downloads_text(&job->downloads, &len);
    if (!text)
        err_set(&err, ERR_LIMIT, "it holds more files than go on record");
    else if (fs_write_atomic(job->cache.record, text, len, 0600, &err) == 0)
        return true;
    log_warn("job", "no record, dropping the cache", "error=\"%s\"", err.text);
    return false;
}

static int job_open(struct job *job, struct err *err)
{
    const struct sos_lease *lease = job->lease;
    int rc = fs_remove_tree(job->slot_dir, err);
    if (rc == 0)
        rc = fs_mkdirs(job->slot_dir, 0700, err);
    if (rc == 0)
        rc = scratch_open(job, err);
    if (rc == 0)
        rc = artifact_open(job, err);
    if (rc < 0)
        return rc;
    auto_free char *caches = xasprintf("%s/caches", job->settings->state);
    rc =
        cache_open(caches, job->slot_dir, lease->build->project, lease->image->name,
                   lease->image->limits->cache_bytes, sandbox_uid(job->sandbox->slot),
                   ROOM "/cache", lease->build->no_cache, job->settings->gateway, &job->cache, err);
    return rc < 0 ? rc : record_open(job, err);
}

/* Only a build that came to its own end leaves a cache that can be trusted to be whole. */
static bool cache_is_good(const struct verdict *verdict)
{
    bool own_end = verdict->outcome == SOS_RESULT_OUTCOME_SUCCESS ||
                   (verdict->outcome == SOS_RESULT_OUTCOME_FAILURE &&
                    verdict->reason <= SOS_RESULT_REASON_PACKAGE);
    return own_end && !disk_is_full(ROOM "/cache");
}

/* False when something of it is left, which only the end of the slot's namespaces can remove. */
static bool job_close(struct job *job, const struct verdict *verdict)
{
    struct err err = { 0 };
    bool clean = true;
    if (sandbox_end(job->sandbox, &err) < 0) {
        log_error("job", "control group left behind", "error=\"%s\"", err.text);
        clean = false;
    }
    auto_free char *caches = xasprintf("%s/caches", job->settings->state);
    bool keep = job->cache.mounted && cache_is_good(verdict) && record_keep(job);
    cache_close(&job->cache, caches, ROOM "/cache", keep, job->settings->cache_total_bytes);
    room_unbind(ROOM "/build-root");
    room_unbind(ROOM "/run-root");
    room_unbind(ROOM "/artifact");
    if (job->scratch_mounted && disk_discard(ROOM "/scratch", &err) < 0) {
        log_error("job", "scratch disk left mounted", "error=\"%s\"", err.text);
        clean = false;
    }
    if (fs_remove_tree(job->slot_dir, &err) < 0) {
        log_error("job", "files left behind", "error=\"%s\"", err.text);
        clean = false;
    }
    return clean;
}

/* --- the attempt --- */

static int run_step(struct job *job, size_t at, struct verdict *ret)
{
    struct attempt *attempt = &job->attempt;
    *ret = (struct verdict){ .outcome = SOS_RESULT_OUTCOME_SUCCESS };
    attempt_step_begin(attempt, at);
    enum attempt_word word = attempt_tick(attempt, *job->stop);
    int rc = word == ATTEMPT_GO ? steps[at].run(job, &steps[at], ret) : job_word(job, ret);
    attempt_step_end(attempt, at, rc == 0, ret->exit_code);
    return rc;
}

static const char *run_steps(struct job *job, struct verdict *ret)
{
    struct err err = { 0 };
    if (lease_check(job->lease, &err) < 0 || job_open(job, &err) < 0) {
        verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
        return steps[0].id;
    }
    job->build_until_ms = clock_mono_ms() + build_timeout_ms(job->lease);
    for (size_t i = 0; i < STEPS; i++)
        if (run_step(job, i, ret) < 0)
            return steps[i].id;
    return NULL;
}

static void say_verdict(struct job *job, const struct verdict *verdict, const char *step)
{
    struct attempt *attempt = &job->attempt;
    if (verdict->outcome == SOS_RESULT_OUTCOME_SUCCESS) {
        for (size_t i = 0; i < job->shared->collected.count; i++)
            attempt_say(attempt, "artifact %s, %" PRId64 " bytes, sha256 %s",
                        job->shared->collected.files[i].name,
                        job->shared->collected.files[i].digests.size_bytes,
                        job->shared->collected.files[i].digests.sha256);
        return;
    }
    const char *reason = wire_enum_name(&sos_result_reason_enum, (int)verdict->reason);
    attempt_say(attempt, "%s ended with %s: %s", step, reason ? reason : "failure",
                verdict->message);
    if (verdict->hint[0])
        attempt_say(attempt, "hint: %s", verdict->hint);
}

static void job_finish(struct job *job, const struct verdict *verdict, const char *step)
{
    const char *reason = wire_enum_name(&sos_result_reason_enum, (int)verdict->reason);
    say_verdict(job, verdict, step);
    struct err err = { 0 };
    int rc = 0;
    const struct attempt_end end = { .verdict = verdict,
                                     .step = step,
                                     .collected = &job->shared->collected,
                                     .downloads = &job->downloads };
    if (job->attempt.word != ATTEMPT_LOST)
        rc = attempt_finish(&job->attempt, &end, &err);
    if (rc < 0)
        log_warn("job", "result not taken, leaving it to the lease", "attempt=%s error=\"%s\"",
                 job->lease->attempt_id, err.text);
    log_info("job", "ended", "attempt=%s outcome=%s reason=%s step=%s", job->lease->attempt_id,
             wire_enum_name(&sos_result_outcome_enum, (int)verdict->outcome), reason ? reason : "-",
             step ? step : "-");
}

bool job_run(const struct settings *settings, const struct sandbox *sandbox, struct client *client,
             const char *slot_dir, const volatile int *stop, const struct sos_lease *lease)
{
    const char *ids[STEPS];
    for (size_t i = 0; i < STEPS; i++)
        ids[i] = steps[i].id;
    struct job job = {
        .settings = settings, .sandbox = sandbox, .lease = lease, .stop = stop, .slot_dir = slot_dir
    };
    job.shared =
        mmap(NULL, sizeof *job.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(job.shared != MAP_FAILED);
    attempt_init(&job.attempt, settings, client, lease, ids, STEPS);
    log_info("job", "begins", "attempt=%s slot=%d", lease->attempt_id, sandbox->slot);

    struct verdict verdict = { 0 };
    const char *step = run_steps(&job, &verdict);
    /* First nothing of it is left, then it is said to have ended. */
    bool clean = job_close(&job, &verdict);
    job_finish(&job, &verdict, step);

    attempt_done(&job.attempt);
    downloads_done(&job.downloads);
    munmap(job.shared, sizeof *job.shared);
    return clean && verdict.reason != SOS_RESULT_REASON_SANDBOX;
}
