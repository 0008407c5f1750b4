#include "cli/follow.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "sos/base/clock.h"

enum { QUEUE_WAIT_S = 2, LOG_WAIT_S = 1, LOST_MAX_MS = 60000, RETRY_MS = 500 };

static volatile sig_atomic_t signal_seen;

static void on_signal(int number)
{
    signal_seen = number;
}

void interrupts_catch(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
    return signal_seen != 0;
}

bool build_is_final(const struct sos_build *build)
{
    return build->state >= SOS_BUILD_STATE_SUCCEEDED;
}

struct follow {
    struct cli *cli;
    struct screen *screen;
    struct sos_build *build;
    char etag[32];
    int64_t offset;
    int attempt;
    bool log_complete;
};

static int on_log(void *ctx, const void *data, size_t len)
{
    struct follow *f = ctx;
    screen_log(f->screen, data, len);
    return 0;
}

static int build_refresh(struct follow *f, int wait_s, struct err *err)
{
    struct sos_build now = { 0 };
    int rc = api_watch_build(f->cli, f->build->id, wait_s, f->etag, &now, err);
    if (rc <= 0)
        return rc;
    if (now.attempt != f->build->attempt) {
        f->offset = 0;
        f->attempt = 0;
        f->log_complete = false;
    }
    sos_build_done(f->build);
    *f->build = now;
    return 0;
}

static int log_refresh(struct follow *f, int wait_s, struct err *err)
{
    if (f->log_complete || f->build->attempt == 0)
        return 0;
    f->attempt = f->build->attempt;
    return api_read_log(f->cli, f->build->id, &f->offset, &f->attempt, wait_s, on_log, f,
                        &f->log_complete, err);
}

/* One round: while it runs the log's long poll is the clock, else the build's. */
static int follow_round(struct follow *f, struct err *err)
{
    bool has_log =
        f->build->attempt > 0 && !f->log_complete && f->build->state != SOS_BUILD_STATE_QUEUED;
    int rc = build_refresh(f, has_log ? 0 : QUEUE_WAIT_S, err);
    if (rc == 0 && !build_is_final(f->build))
        screen_build(f->screen, f->build);
    if (rc == 0 && f->build->attempt > 0 && f->build->state != SOS_BUILD_STATE_QUEUED)
        rc = log_refresh(f, build_is_final(f->build) ? 0 : LOG_WAIT_S, err);
    return rc;
}

static void log_drain(struct follow *f)
{
    struct err ignored;
    int64_t before = -1;
    while (!f->log_complete && f->offset != before && !interrupted()) {
        before = f->offset;
        if (log_refresh(f, 0, &ignored) < 0)
            return;
    }
}

int follow_build(struct cli *cli, struct screen *screen, struct sos_build *build, int64_t wait_ms,
                 enum follow_end *ret_end, struct err *err)
{
    struct follow f = { .cli = cli, .screen = screen, .build = build };
    int64_t start = clock_mono_ms(), lost_since = 0;
    screen_build(screen, build);
    while (!build_is_final(build)) {
        if (interrupted() || (wait_ms > 0 && clock_mono_ms() - start > wait_ms)) {
            *ret_end = interrupted() ? FOLLOW_INTERRUPTED : FOLLOW_TIMED_OUT;
            return 0;
        }
        int rc = follow_round(&f, err);
        if (rc == 0) {
            lost_since = 0;
            continue;
        }
        if (rc != -ERR_IO || (lost_since && clock_mono_ms() - lost_since > LOST_MAX_MS))
            return rc;
        lost_since = lost_since ? lost_since : clock_mono_ms();
        const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
        nanosleep(&pause, NULL); /* between tries to reach a server that is away */
    }
    log_drain(&f);
    screen_build(screen, build);
    *ret_end = FOLLOW_FINAL;
    return 0;
}
