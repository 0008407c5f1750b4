#include "cli/follow.h"

#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "cli/interrupt.h"
#include "sos/base/clock.h"

enum { QUEUE_WAIT_S = 1, LOG_WAIT_S = 1, LOG_ONLY_WAIT_S = 10, PACE_MS = 50 };

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
    bool lost; /* it was told that the farm is away */
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
    screen_build(f->screen, f->build);
    return 0;
}

/* Anything but a lost connection ends the log, not the wait for the verdict. */
static int log_refresh(struct follow *f, int wait_s, struct err *err)
{
    if (f->log_complete || f->build->attempt == 0)
        return 0;
    f->attempt = f->build->attempt;
    int rc = api_read_log(f->cli, f->build->id, &f->offset, &f->attempt, wait_s, on_log, f,
                          &f->log_complete, err);
    if (rc == 0 || rc == -ERR_IO || interrupted())
        return rc;
    f->log_complete = true;
    screen_line(f->screen, '!', "log", "cannot be read: %s", err->text);
    return 0;
}

/* A log that grows fast is taken in parts of that much time, not byte by byte. */
static void pace(int64_t since_ms)
{
    int64_t left = PACE_MS - (clock_mono_ms() - since_ms);
    const struct timespec pause = { .tv_nsec = left * 1000000L };
    if (left > 0)
        nanosleep(&pause, NULL);
}

/* One round: while it runs the log's long poll is the clock, else the build's. */
static int follow_round(struct follow *f, struct err *err)
{
    int64_t start = clock_mono_ms();
    bool running = f->build->attempt > 0 && f->build->state != SOS_BUILD_STATE_QUEUED;
    int rc = build_refresh(f, running && !f->log_complete ? 0 : QUEUE_WAIT_S, err);
    screen_tick(f->screen, f->build);
    if (rc == 0 && !build_is_final(f->build) && f->build->attempt > 0 &&
        f->build->state != SOS_BUILD_STATE_QUEUED)
        rc = log_refresh(f, LOG_WAIT_S, err);
    pace(start);
    return rc;
}

static void log_drain(struct follow *f)
{
    struct api_patience patience = { 0 };
    struct err err = { 0 };
    int64_t before = -1;
    int rc = 0;
    while (!f->log_complete && !interrupted() && (rc < 0 || f->offset != before)) {
        before = f->offset;
        rc = log_refresh(f, 0, &err);
        if (rc < 0 && !api_again(&patience, rc)) {
            screen_line(f->screen, '!', "log", "its end cannot be read: %s", err.text);
            return;
        }
    }
}

/* Says once that the connection is lost, and once that it is back. */
static void lost_say(struct follow *f, int rc, const struct err *err)
{
    bool lost = rc == -ERR_IO && !interrupted();
    if (lost != f->lost)
        screen_line(f->screen, lost ? '!' : '+', "farm", "%s",
                    lost ? err->text : "is back; the build was not touched");
    f->lost = lost;
}

int follow_build(struct cli *cli, struct screen *screen, struct sos_build *build, int64_t wait_ms,
                 enum follow_end *ret_end, struct err *err)
{
    struct follow f = { .cli = cli, .screen = screen, .build = build };
    struct api_patience patience = { 0 };
    int64_t start = clock_mono_ms();
    screen_build(screen, build);
    while (!build_is_final(build)) {
        if (interrupted() || (wait_ms > 0 && clock_mono_ms() - start > wait_ms)) {
            *ret_end = interrupted() ? FOLLOW_INTERRUPTED : FOLLOW_TIMED_OUT;
            return 0;
        }
        int rc = follow_round(&f, err);
        lost_say(&f, rc, err);
        if (!api_again(&patience, rc) && rc < 0 && !interrupted())
            return rc;
    }
    log_drain(&f);
    *ret_end = FOLLOW_FINAL;
    return 0;
}

/* The log of attempt `*attempt` is over.  1 when another one follows, 0 when none will. */
static int next_attempt(struct cli *cli, const char *id, char etag[32], struct sos_build *build,
                        int *attempt, struct err *err)
{
    struct sos_build now = { 0 };
    int rc = api_watch_build(cli, id, LOG_ONLY_WAIT_S, etag, &now, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        sos_build_done(build);
        *build = now;
    }
    if (build->attempt > *attempt) {
        *attempt = build->attempt;
        return 1;
    }
    return build_is_final(build) ? 0 : 2;
}

struct log_follow {
    const char *id;
    int attempt;
    bool pinned;
    bool complete;
    bool over;
    int64_t offset;
    char etag[32];
    struct sos_build build;
};

static int log_round(struct cli *cli, struct log_follow *f,
                     int (*write)(void *ctx, const void *data, size_t len), void *ctx,
                     struct err *err)
{
    if (!f->complete) {
        int rc = api_read_log(cli, f->id, &f->offset, &f->attempt, LOG_ONLY_WAIT_S, write, ctx,
                              &f->complete, err);
        f->over = rc == 0 && f->complete && f->pinned;
        return rc;
    }
    int rc = next_attempt(cli, f->id, f->etag, &f->build, &f->attempt, err);
    if (rc == 1) {
        f->complete = false;
        f->offset = 0;
    }
    f->over = rc == 0;
    return rc < 0 ? rc : 0;
}

int follow_log(struct cli *cli, const char *id, int attempt, int64_t offset,
               int (*write)(void *ctx, const void *data, size_t len), void *ctx, struct err *err)
{
    struct log_follow f = { .id = id, .attempt = attempt, .pinned = attempt > 0, .offset = offset };
    struct api_patience patience = { 0 };
    int rc = 0;
    do {
        int64_t start = clock_mono_ms();
        rc = log_round(cli, &f, write, ctx, err);
        pace(start);
    } while (!f.over && !interrupted() && (api_again(&patience, rc) || rc == 0));
    sos_build_done(&f.build);
    return interrupted() ? 0 : rc;
}
