#include "cli/screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"

enum { LINE_MAX_BYTES = 4096 };

static const struct {
    char mark;
    const char *utf8, *ascii, *color;
} marks[] = {
    { '+', "✓", "ok", "32" }, { 'x', "✗", "FAIL", "31" }, { '!', "!", "!", "33" },
    { '.', "·", "-", "2" },   { ' ', " ", " ", "0" },
};

void screen_init(struct screen *screen, struct cli *cli)
{
    memset(screen, 0, sizeof *screen);
    screen->cli = cli;
    screen->filter.color = cli->color;
    screen->start_ms = clock_mono_ms();
    buf_init(&screen->line, LINE_MAX_BYTES);
}

static void live_clear(struct screen *screen)
{
    if (screen->live)
        fputs("\r\033[K", stderr);
    screen->live = false;
}

void screen_done(struct screen *screen)
{
    live_clear(screen);
    buf_done(&screen->line);
}

static void mark_print(const struct cli *cli, char mark)
{
    for (size_t i = 0; i < countof(marks); i++)
        if (marks[i].mark == mark) {
            const char *text = cli->utf8 ? marks[i].utf8 : marks[i].ascii;
            if (cli->color)
                fprintf(stderr, "\033[%sm%s\033[0m", marks[i].color, text);
            else
                fputs(text, stderr);
        }
}

void screen_line(struct screen *screen, char mark, const char *label, const char *fmt, ...)
{
    if (screen->cli->json || screen->cli->quiet)
        return;
    va_list args;
    live_clear(screen);
    fputs("  ", stderr);
    mark_print(screen->cli, mark);
    fprintf(stderr, " %-9s ", label);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void screen_findings(struct screen *screen, const struct project *project)
{
    const struct findings *findings = &project->findings;
    screen_line(screen, findings->errors ? 'x' : '+', "checks",
                "%zu passed, %zu warning%s, %zu error%s", findings->passed, findings->warnings,
                findings->warnings == 1 ? "" : "s", findings->errors,
                findings->errors == 1 ? "" : "s");
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *f = &findings->items[i];
        if (screen->cli->json || (screen->cli->quiet && f->severity != SEVERITY_ERROR))
            continue;
        fprintf(stderr, "      ");
        mark_print(screen->cli, f->severity == SEVERITY_ERROR ? 'x' : '!');
        fprintf(stderr, " %s  %s\n", f->id, f->what);
        if (f->fix)
            fprintf(stderr, "          fix: %s\n", f->fix);
    }
}

void screen_event(struct screen *screen, const char *type, const struct wire_type *wire,
                  const void *message)
{
    if (!screen->cli->json)
        return;
    auto_free char *text = wire_text(wire, message, NULL);
    printf("{\"type\":\"%s\",\"%s\":%s}\n", type, type, text);
    fflush(stdout);
}

/* --- the build --- */

static void wait_say(struct screen *screen, const struct sos_build *build)
{
    char now[200];
    const struct sos_queue_place *place = build->queue;
    const char *why = place && place->reasons_count > 0 ? place->reasons[0].detail : NULL;
    if (!place || place->position == 0)
        return; /* between two attempts, or about to be given out */
    snprintf(now, sizeof now, "position %d%s%s", place->position, why ? " · " : "", why ? why : "");
    if (strcmp(now, screen->said_wait) == 0)
        return;
    snprintf(screen->said_wait, sizeof screen->said_wait, "%s", now);
    screen_line(screen, '.', "waiting", "%s", now);
}

/* A new attempt tells its steps anew, and that there was one before it. */
static void attempt_say(struct screen *screen, const struct sos_build *build)
{
    if (build->attempt == screen->attempt)
        return;
    if (build->attempt > 1)
        screen_line(screen, '!', "again", "attempt %d: the farm failed the one before",
                    build->attempt);
    screen->attempt = build->attempt;
    screen->steps_said = 0;
}

static void step_ended(struct screen *screen, const struct sos_step *step)
{
    char took[TEXT_MAX];
    bool good = step->state == SOS_STEP_STATE_SUCCEEDED;
    if (step->state == SOS_STEP_STATE_SKIPPED)
        return;
    text_duration(step->finish_time_ms - step->start_time_ms, took);
    if (good)
        screen_line(screen, '+', step->id, "%s", took);
    else
        screen_line(screen, 'x', step->id, "%s   exit %d", took, step->exit_code);
}

static void live_say(struct screen *screen, const char *step)
{
    char took[TEXT_MAX];
    if (!screen->cli->tty || screen->cli->json || screen->cli->quiet || screen->log)
        return;
    const char *last =
        screen->tail_count ? screen->tail[(screen->tail_count - 1) % countof(screen->tail)] : "";
    fprintf(stderr, "\r\033[K  %s %-9s %s  %.60s", screen->cli->utf8 ? "⠸" : "*", step,
            text_duration(clock_mono_ms() - screen->start_ms, took), last);
    fflush(stderr);
    screen->live = true;
}

void screen_build(struct screen *screen, const struct sos_build *build)
{
    screen_event(screen, "build", &sos_build_type, build);
    if (build->state == SOS_BUILD_STATE_QUEUED) {
        wait_say(screen, build);
        return;
    }
    attempt_say(screen, build);
    const char *running = "starting";
    for (size_t i = 0; i < build->steps_count; i++) {
        const struct sos_step *step = &build->steps[i];
        if (step->state == SOS_STEP_STATE_RUNNING && step->id)
            running = step->id;
        if (step->state <= SOS_STEP_STATE_RUNNING || i < screen->steps_said)
            continue;
        step_ended(screen, step);
        screen->steps_said = i + 1;
    }
    if (build->state == SOS_BUILD_STATE_STORING)
        running = "store";
    live_say(screen, running);
}

/* --- its log --- */

static void log_line_say(struct screen *screen)
{
    const char *text = screen->line.data ? screen->line.data : "";
    snprintf(screen->tail[screen->tail_count++ % countof(screen->tail)], sizeof screen->tail[0],
             "%s", text);
    if (screen->log && !screen->cli->json) {
        live_clear(screen);
        printf("%s\n", text);
    }
    buf_clear(&screen->line);
}

void screen_log(struct screen *screen, const char *data, size_t len)
{
    struct buf clean;
    buf_init(&clean, len * 2 + 64);
    text_filter(&screen->filter, data, len, &clean);
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.data[i] == '\n' || screen->line.len + 2 > LINE_MAX_BYTES)
            log_line_say(screen);
        if (clean.data[i] != '\n')
            buf_add(&screen->line, &clean.data[i], 1);
    }
    buf_done(&clean);
    if (screen->log)
        fflush(stdout);
}

/* --- the verdict --- */

static void success_say(struct screen *screen, const struct sos_build *build)
{
    char size[TEXT_MAX], took[TEXT_MAX];
    const struct sos_artifact *artifact = build->artifact;
    screen_line(screen, '+', build->origin == SOS_BUILD_ORIGIN_REUSED ? "reused" : "stored",
                "%s %s  in %s%s%s", build->project, build->version,
                text_duration(build->finish_time_ms - build->create_time_ms, took),
                build->origin_build ? "  from build " : "",
                build->origin_build ? build->origin_build : "");
    for (size_t i = 0; artifact && i < artifact->files_count; i++) {
        const struct sos_artifact_file *file = &artifact->files[i];
        fprintf(stderr, "    file      %s  %s\n    sha256    %s\n    where     %s\n", file->path,
                text_bytes(file->size_bytes, size), file->sha256, file->url);
    }
    fprintf(stderr, "    get       sos artifact get %s@%s\n", build->project, build->version);
    if (artifact && artifact->run && artifact->files_count > 0) {
        const char *place = strstr(artifact->run, "{file}");
        if (place)
            fprintf(stderr, "    run       %.*s%s%s\n", (int)(place - artifact->run), artifact->run,
                    artifact->files[0].path, place + strlen("{file}"));
    }
}

static const char *state_text(enum sos_build_state state)
{
    const char *name = wire_enum_name(&sos_build_state_enum, (int)state);
    return name ? name : "?";
}

static void failure_say(struct screen *screen, const struct sos_build *build)
{
    const struct sos_result *result = build->result;
    size_t shown =
        screen->tail_count < countof(screen->tail) ? screen->tail_count : countof(screen->tail);
    for (size_t i = screen->tail_count - shown; !screen->log && i < screen->tail_count; i++)
        fprintf(stderr, "     %s\n", screen->tail[i % countof(screen->tail)]);
    screen_line(screen, 'x', build->project, "%s %s%s%s (%s)%s", build->version,
                state_text(build->state), result && result->step ? " in step " : "",
                result && result->step ? result->step : "",
                result ? wire_enum_name(&sos_result_reason_enum, (int)result->reason) : "?",
                build->state == SOS_BUILD_STATE_FAILED
                    ? " — this is a build failure, not a farm error"
                    : "");
    if (result && result->message)
        fprintf(stderr, "    cause   %s\n", result->message);
    if (result && result->hint)
        fprintf(stderr, "    try     %s\n", result->hint);
    fprintf(stderr, "    log     sos logs %d\n", build->number);
}

void screen_verdict(struct screen *screen, const struct sos_build *build)
{
    if (screen->line.len > 0)
        log_line_say(screen);
    live_clear(screen);
    screen_event(screen, "result", &sos_build_type, build);
    if (screen->cli->json)
        return;
    if (build->state == SOS_BUILD_STATE_SUCCEEDED) {
        if (!screen->cli->quiet)
            success_say(screen, build);
    } else {
        failure_say(screen, build);
    }
}
