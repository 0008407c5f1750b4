#include "worker/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "worker/collect.h"
#include "worker/gateway.h"
#include "worker/image.h"
#include "worker/room.h"
#include "worker/transfer.h"

enum {
    MINUTE_MS = 60 * 1000,
    ENV_MAX = 64,
    EPOCH_OF_ZIP_S = 315532800, /* 1980-01-01, the first day that zip files know */
};

static int copy_artifact(struct job *job, struct verdict *ret);

/* --- source --- */

/* src, out and tmp of one sandbox on the scratch disk, before any build could fill it. */
static int work_make(const struct job *job, const char *name, struct err *err)
{
    static const char *const folders[] = { "src", "out", "tmp" };
    uid_t uid = sandbox_uid(job->sandbox->slot);
    auto_free char *work = xasprintf(ROOM "/scratch/%s", name);
    if (mkdir(work, 0711) < 0)
        return err_errno(err, "create %s", work);
    for (size_t i = 0; i < countof(folders); i++) {
        auto_free char *path = xasprintf("%s/%s", work, folders[i]);
        if (mkdir(path, 0755) < 0 || chown(path, uid, uid) < 0)
            return err_errno(err, "create %s", path);
    }
    return 0;
}

static int step_source(struct job *job, const struct step *step, struct verdict *ret)
{
    (void)step;
    struct err err = { 0 };
    if (work_make(job, "build", &err) < 0 || work_make(job, "check", &err) < 0)
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    return job_call(job, transfer_source, ret);
}

/* --- image --- */

/* In a child process. */
static int prepare_images(struct job *job, struct verdict *ret)
{
    const struct sos_image *image = job->lease->image;
    auto_free char *rootfs = xasprintf("%s/rootfs", job->settings->state);
    const char *images = job->settings->images;
    struct err err = { 0 };
    if (image_prepare(images, rootfs, image->build->digest, &err) < 0 ||
        image_prepare(images, rootfs, image->run->digest, &err) < 0)
        return verdict_error(ret, SOS_RESULT_REASON_IMAGE_UNAVAILABLE, &err);
    return 0;
}

static int step_image(struct job *job, const struct step *step, struct verdict *ret)
{
    (void)step;
    const struct sos_image *image = job->lease->image;
    if (job_call(job, prepare_images, ret) < 0)
        return -1;
    auto_free char *rootfs = xasprintf("%s/rootfs", job->settings->state);
    auto_free char *build = image_root(rootfs, image->build->digest);
    auto_free char *run = image_root(rootfs, image->run->digest);
    struct err err = { 0 };
    if (room_bind(build, ROOM "/build-root", true, &err) < 0 ||
        room_bind(run, ROOM "/run-root", true, &err) < 0)
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    attempt_say(&job->attempt, "image %s, build %.19s, run %.19s", image->name,
                image->build->digest, image->run->digest);
    job->attempt.state = SOS_BUILD_STATE_RUNNING;
    return 0;
}

/* --- the recipe's verbs --- */

/* NULL-terminated, owned: its members and itself. */
static char **recipe_env(const struct job *job, const struct step *step)
{
    static const char *const fixed[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/tmp/home",
        "TZ=UTC",
        "LC_ALL=C.UTF-8",
    };
    static const char *const authority[] = {
        "SSL_CERT_FILE",      "NODE_EXTRA_CA_CERTS", "PIP_CERT",
        "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",      "GIT_SSL_CAINFO",
    };
    const struct sos_build *build = job->lease->build;
    char **env = xcalloc(ENV_MAX, sizeof *env);
    size_t n = 0;
    for (size_t i = 0; i < countof(fixed); i++)
        env[n++] = xstrdup(fixed[i]);
    env[n++] = xasprintf("SOS_PROJECT=%s", build->project);
    env[n++] = xasprintf("SOS_VERSION=%s", build->version);
    env[n++] = xasprintf("SOS_ENTRY=%s", build->entry ? build->entry : "");
    env[n++] = xasprintf("SOS_NETWORK=%s", !step->network           ? "none"
                                           : job->settings->gateway ? "gateway"
                                                                    : "host");
    int64_t epoch_s = build->source_date_epoch > 0 ? build->source_date_epoch : EPOCH_OF_ZIP_S;
    env[n++] = xasprintf("SOURCE_DATE_EPOCH=%" PRId64, epoch_s);
    if (!step->network)
        return env;
    if (job->settings->gateway) {
        gateway_env(job->settings, env, n, ENV_MAX - 1);
        return env;
    }
    for (size_t i = 0; job->settings->ca_bundle[0] && i < countof(authority); i++)
        env[n++] = xasprintf("%s=/run/sos/ca.crt", authority[i]);
    for (char **more = job->settings->fetch_env; *more && n < ENV_MAX - 1; more++)
        env[n++] = xstrdup(*more);
    return env;
}

static void env_free(char **env)
{
    for (char **at = env; *at; at++)
        free(*at);
    free(env);
}

static int timed_out(struct verdict *ret, enum sos_result_reason reason, const char *step)
{
    verdict_fail(ret, reason, "%s",
                 reason == SOS_RESULT_REASON_SILENT_TIMEOUT ? "no output for too long"
                 : reason == SOS_RESULT_REASON_STEP_TIMEOUT ? "the step took too long"
                                                            : "the build took too long");
    snprintf(ret->hint, sizeof ret->hint, "the step %s was stopped; is it waiting for something?",
             step);
    ret->outcome = SOS_RESULT_OUTCOME_TIMEOUT;
    return -1;
}

static int exit_code_of(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int judge_exit(const struct step *step, const struct pump_result *result,
                      struct verdict *ret)
{
    int signal_number = ret->exit_code - 128;
    if (ret->exit_code == 0)
        return 0;
    if (result->disk_was_full || signal_number == SIGXFSZ)
        return verdict_fail(ret, SOS_RESULT_REASON_DISK_FULL, "no space left on the build's disk");
    if (signal_number > 0 && signal_number < NSIG) {
        const char *name = sigabbrev_np(signal_number);
        return verdict_fail(ret, SOS_RESULT_REASON_SIGNALED, "%s died of SIG%s", step->id,
                            name ? name : "?");
    }
    return verdict_fail(ret, step->reason, "%s",
                        result->line[0] ? result->line : "it said nothing");
}

int step_judge(const struct step *step, const struct pump_result *result,
               const struct sos_limits *limits, struct verdict *ret)
{
    ret->exit_code = exit_code_of(result->status);
    bool failed = result->end != PUMP_EXITED || ret->exit_code != 0;
    if (result->end == PUMP_OOM || result->usage.oom_kills > 0)
        return verdict_fail(ret, SOS_RESULT_REASON_OOM, "more than %" PRId64 " MiB of memory",
                            limits->memory_bytes >> 20);
    if (result->end == PUMP_PIDS || (failed && result->usage.pids_refused > 0))
        return verdict_fail(ret, SOS_RESULT_REASON_PIDS_LIMIT, "more than %d processes at once",
                            limits->pids);
    switch (result->end) {
    case PUMP_BUILD_TIMEOUT:
        return timed_out(ret, SOS_RESULT_REASON_BUILD_TIMEOUT, step->id);
    case PUMP_STEP_TIMEOUT:
        return timed_out(ret, SOS_RESULT_REASON_STEP_TIMEOUT, step->id);
    case PUMP_SILENT:
        return timed_out(ret, SOS_RESULT_REASON_SILENT_TIMEOUT, step->id);
    case PUMP_LOG_LIMIT:
        return verdict_fail(ret, SOS_RESULT_REASON_LOG_LIMIT, "more than %" PRId64 " MiB of output",
                            limits->log_bytes >> 20);
    default:
        return judge_exit(step, result, ret);
    }
}

/* What the recipe itself says about its failure, if it is well-formed. */
static void read_failure(const char *work, struct verdict *ret)
{
    auto_free char *path = xasprintf("%s/out", work);
    auto_close int out = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int fd =
        out < 0 ? -1 : fs_open_beneath(out, "failure.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > VERDICT_FILE_MAX)
        return;
    auto_free char *text = xmalloc(VERDICT_FILE_MAX);
    ssize_t got = read(fd, text, VERDICT_FILE_MAX);
    if (got > 0)
        (void)verdict_parse_failure(text, (size_t)got, ret, NULL);
}

/* One sandbox from its start until nothing of it is left. */
static int sandbox_pump(struct job *job, const struct step *step, const struct sandbox_run *run,
                        struct pump_result *ret, struct err *err)
{
    static const char *const disks[] = { ROOM "/scratch", ROOM "/cache", NULL };
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(err, "pipe");
    auto_close int in = fds[0];
    auto_close int out = fds[1];
    struct pump pump = {
        .attempt = &job->attempt,
        .out_fd = in,
        .build_until_ms = job->build_until_ms,
        .step_until_ms = step->timeout_ms ? clock_mono_ms() + step->timeout_ms : 0,
        .silence_ms = run->limits->silence_ms,
        .log_bytes_max = run->limits->log_bytes,
        .cgroups = &job->sandbox->cgroups,
        .cgroup = job->sandbox->cgroup,
        .disks = disks,
        .stop = job->stop,
    };
    pid_t gateway = 0;
    int rc = run->gateway
                 ? gateway_start(job->settings, job->sandbox->slot, run->limits, &gateway, err)
                 : 0;
    if (rc == 0)
        rc = sandbox_start(job->sandbox, run, out, &pump.pid, err);
    close(take_fd(out));
    if (rc == 0)
        pump_run(&pump, ret);
    if (rc == 0 && gateway > 0)
        rc = gateway_end(gateway, err);
    int end = sandbox_end(job->sandbox, rc == 0 ? err : NULL);
    return rc < 0 ? rc : end;
}

/* What the gateway of a step has let through, and what not. */
static int downloads_take(struct job *job, struct err *err)
{
    struct downloads news = { 0 };
    int rc = downloads_read(&news, GATEWAY_RECORD, err);
    for (size_t i = 0; i < news.troubles_count && i < DOWNLOADS_TROUBLES_MAX; i++)
        attempt_say(&job->attempt, "gateway: %s", news.troubles[i]);
    if (news.troubles_count > DOWNLOADS_TROUBLES_MAX)
        attempt_say(&job->attempt, "gateway: and %zu more",
                    news.troubles_count - DOWNLOADS_TROUBLES_MAX);
    downloads_join(&news, &job->downloads);
    downloads_done(&job->downloads);
    job->downloads = news;
    return rc;
}

static int too_much(struct verdict *ret, enum sos_result_reason reason)
{
    verdict_fail(ret, reason,
                 "more was downloaded than goes on record: %d files or %d MiB of names",
                 DOWNLOADS_MAX, DOWNLOADS_BYTES_MAX >> 20);
    snprintf(ret->hint, sizeof ret->hint,
             "files that the project's cache holds count too; that cache is not kept now");
    return -1;
}

static int run_recipe(struct job *job, const struct step *step, struct sandbox_run *run,
                      struct verdict *ret)
{
    const char *const plain[] = { "/run/sos/init", "--", "/opt/sos/recipe", step->id, NULL };
    const char *const forwarded[] = { "/run/sos/init", "--forward", GATEWAY_PORT,
                                      SANDBOX_GATEWAY, "--",        "/opt/sos/recipe",
                                      step->id,        NULL };
    bool by_gateway = step->network && job->settings->gateway;
    char **env = recipe_env(job, step);
    run->args = by_gateway ? forwarded : plain;
    run->env = (const char *const *)env;
    run->network = step->network && !by_gateway;
    run->gateway = by_gateway ? GATEWAY_SOCKET : NULL;
    run->limits = job->lease->image->limits;
    auto_free char *old = xasprintf("%s/out/failure.json", run->work);
    (void)unlink(old);

    struct pump_result result = { 0 };
    struct err err = { 0 };
    int rc = sandbox_pump(job, step, run, &result, &err);
    env_free(env);
    if (rc == 0 && by_gateway)
        rc = downloads_take(job, &err);
    if (rc < 0)
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    if (result.end == PUMP_WORD)
        return job_word(job, ret);
    rc = step_judge(step, &result, run->limits, ret);
    /* Its gateway may have cut it for that; and what is not all on record is no success. */
    if (by_gateway && job->downloads.over && (rc == 0 || ret->reason == step->reason))
        return too_much(ret, step->reason);
    if (rc < 0 && (ret->reason == step->reason || ret->reason == SOS_RESULT_REASON_SIGNALED))
        read_failure(run->work, ret);
    return rc;
}

static int step_recipe(struct job *job, const struct step *step, struct verdict *ret)
{
    struct sandbox_run run = { .rootfs = ROOM "/build-root",
                               .work = ROOM "/scratch/build",
                               .cache = ROOM "/cache" };
    return run_recipe(job, step, &run, ret);
}

/* The files are taken at once, before anything else runs: what is checked is what is sent. */
static int step_build(struct job *job, const struct step *step, struct verdict *ret)
{
    int rc = step_recipe(job, step, ret);
    return rc < 0 ? rc : job_call(job, copy_artifact, ret);
}

static int step_check(struct job *job, const struct step *step, struct verdict *ret)
{
    struct sandbox_run run = { .rootfs = ROOM "/run-root",
                               .work = ROOM "/scratch/check",
                               .artifact = ROOM "/artifact" };
    return run_recipe(job, step, &run, ret);
}

/* --- the artifact --- */

/* In a child process. */
static int copy_artifact(struct job *job, struct verdict *ret)
{
    struct err err = { 0 };
    int rc =
        collect_copy(ROOM "/scratch/build/out", sandbox_uid(job->sandbox->slot),
                     job->lease->image->limits, ROOM "/artifact", &job->shared->collected, &err);
    if (rc == 0)
        return 0;
    int reason = err.reason ? wire_enum_value(&sos_result_reason_enum, err.reason) : -1;
    if (reason < 0)
        return verdict_error(ret, SOS_RESULT_REASON_SANDBOX, &err);
    return verdict_fail(ret, (enum sos_result_reason)reason, "%s", err.text);
}

static int step_collect(struct job *job, const struct step *step, struct verdict *ret)
{
    (void)step;
    return job_call(job, transfer_artifact, ret);
}

const struct step steps[STEPS] = {
    { "source", step_source, SOS_RESULT_REASON_SOURCE_UNAVAILABLE, 0, false },
    { "image", step_image, SOS_RESULT_REASON_IMAGE_UNAVAILABLE, 0, false },
    { "inspect", step_recipe, SOS_RESULT_REASON_CHECK, 5 * MINUTE_MS, false },
    { "fetch", step_recipe, SOS_RESULT_REASON_DEPENDENCIES, 0, true },
    { "build", step_build, SOS_RESULT_REASON_COMPILE, 0, false },
    { "check", step_check, SOS_RESULT_REASON_PACKAGE, 10 * MINUTE_MS, false },
    { "collect", step_collect, SOS_RESULT_REASON_ARTIFACT_REFUSED, 0, false },
};
