#include "worker/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "worker/disk.h"

enum {
    READ_BYTES = 64 * 1024,
    TICK_MS = 50,
    WATCH_MS = 250,
    DRAIN_READS = 64,        /* more than a pipe holds */
    PIDS_REFUSED_MAX = 1000, /* whoever still forks then will not stop */
};

struct state {
    const struct pump *pump;
    struct pump_result *result;
    bool ended; /* result->end says why */
    int64_t last_output_ms;
    int64_t watch_at_ms;
    char line[PUMP_LINE_MAX];
    size_t line_len;
};

/* --- output --- */

static void on_line(struct state *state)
{
    state->line[state->line_len] = '\0';
    if (strstr(state->line, "No space left on device"))
        state->result->disk_was_full = true;
    char clean[PUMP_LINE_MAX];
    verdict_clean(state->line, state->line_len, clean, sizeof clean);
    if (clean[strspn(clean, " ")])
        memcpy(state->result->line, clean, sizeof clean);
    state->line_len = 0;
}

/* Remember the last line; of a long one its beginning. */
static void lines_feed(struct state *state, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n')
            on_line(state);
        else if (state->line_len < PUMP_LINE_MAX - 1)
            state->line[state->line_len++] = data[i];
    }
}

static void end(struct state *state, enum pump_end why)
{
    if (!state->ended)
        state->result->end = why;
    state->ended = true;
}

static void on_output(struct state *state, const char *data, size_t len)
{
    struct attempt *attempt = state->pump->attempt;
    state->last_output_ms = clock_mono_ms();
    int64_t room = state->pump->log_bytes_max - attempt->output_bytes;
    if (state->pump->log_bytes_max > 0 && (int64_t)len > room) {
        len = room > 0 ? (size_t)room : 0;
        attempt->log_truncated = true;
        end(state, PUMP_LOG_LIMIT);
    }
    lines_feed(state, data, len);
    attempt_output(attempt, data, len);
}

/* Gives the bytes read, 0 at the end, less when there is nothing now. */
static ssize_t output_read(struct state *state)
{
    char data[READ_BYTES];
    ssize_t got = read(state->pump->out_fd, data, sizeof data);
    if (got > 0)
        on_output(state, data, (size_t)got);
    return got;
}

/* --- limits --- */

static void watch(struct state *state, int64_t now_ms)
{
    const struct pump *pump = state->pump;
    state->watch_at_ms = now_ms + WATCH_MS;
    for (size_t i = 0; pump->disks && pump->disks[i]; i++)
        if (disk_is_full(pump->disks[i]))
            state->result->disk_was_full = true;
    if (!pump->cgroups)
        return;
    cgroup_usage(pump->cgroups, pump->cgroup, &state->result->usage);
    if (state->result->usage.oom_kills > 0)
        end(state, PUMP_OOM);
    else if (state->result->usage.pids_refused > PIDS_REFUSED_MAX)
        end(state, PUMP_PIDS);
}

static void tick(struct state *state)
{
    const struct pump *pump = state->pump;
    int64_t now_ms = clock_mono_ms();
    if (now_ms >= pump->build_until_ms)
        end(state, PUMP_BUILD_TIMEOUT);
    else if (pump->step_until_ms > 0 && now_ms >= pump->step_until_ms)
        end(state, PUMP_STEP_TIMEOUT);
    else if (pump->silence_ms > 0 && now_ms - state->last_output_ms >= pump->silence_ms)
        end(state, PUMP_SILENT);
    if (now_ms >= state->watch_at_ms)
        watch(state, now_ms);
    if (attempt_tick(pump->attempt, *pump->stop) != ATTEMPT_GO)
        end(state, PUMP_WORD);
}

/* --- the loop --- */

/* True when the process has ended. */
static bool wait_once(struct state *state, int pidfd)
{
    struct attempt *attempt = state->pump->attempt;
    /* A full log is not read on: the pipe fills and the build waits for the server. */
    bool full = attempt_log_is_full(attempt);
    struct pollfd fds[] = { { .fd = pidfd, .events = POLLIN },
                            { .fd = full ? -1 : state->pump->out_fd, .events = POLLIN } };
    if (poll(fds, countof(fds), TICK_MS) <= 0)
        return false;
    if (fds[1].revents & POLLIN)
        (void)output_read(state);
    else if (fds[1].revents && !fds[0].revents)
        usleep(TICK_MS * 1000); /* it closed its output and lives on */
    return fds[0].revents != 0;
}

/* What is still in the pipe. All who could write are dead, so it ends. */
static void drain(struct state *state)
{
    for (int i = 0; i < DRAIN_READS && output_read(state) > 0; i++)
        ;
    if (state->line_len > 0)
        on_line(state);
}

void pump_run(const struct pump *pump, struct pump_result *ret)
{
    *ret = (struct pump_result){ .end = PUMP_EXITED };
    struct state state = { .pump = pump, .result = ret, .last_output_ms = clock_mono_ms() };
    auto_close int pidfd = pidfd_open(pump->pid, 0);
    /* The build can open its own output to read: what poll() saw may be gone. */
    fcntl(pump->out_fd, F_SETFL, O_NONBLOCK);
    while (pidfd >= 0 && !state.ended && !wait_once(&state, pidfd))
        tick(&state);

    /* By itself or not, process 1 of the sandbox goes first and takes all others with it. */
    if (state.ended || pidfd < 0)
        kill(pump->pid, SIGKILL);
    while (waitpid(pump->pid, &ret->status, 0) < 0 && errno == EINTR)
        ;
    drain(&state);
    watch(&state, 0);
}
