#include "cli/screen.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "cli/follow.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"

enum { LINE_MAX_BYTES = 4096, DRAW_MS = 100, HEARTBEAT_MS = 30000, LABEL_WIDTH = 9 };

static const struct {
    char mark;
    const char *utf8, *ascii, *color;
} marks[] = {
    { '+', "✓", "ok  ", "32" },
    { 'x', "✗", "FAIL", "31" },
    { '!', "!", "warn", "33" },
    { '.', "·", "-   ", "2" },
};

void screen_init(struct screen *screen, struct cli *cli)
{
    memset(screen, 0, sizeof *screen);
    screen->cli = cli;
    screen->filter.color = cli->color;
    screen->said_ms = clock_mono_ms();
    buf_init(&screen->line, LINE_MAX_BYTES);
}

static void tail_clear(struct screen *screen)
{
    for (size_t i = 0; i < SCREEN_TAIL; i++) {
        free(screen->tail[i]);
        screen->tail[i] = NULL;
    }
    screen->tail_count = 0;
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
    tail_clear(screen);
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
    struct buf text;
    va_list args;
    live_clear(screen);
    fputs("  ", stderr);
    mark_print(screen->cli, mark);
    va_start(args, fmt);
    auto_free char *raw = NULL;
    if (vasprintf(&raw, fmt, args) < 0)
        abort();
    va_end(args);
    text_shown(raw, screen->cli->utf8, &text);
    fprintf(stderr, " %-*s %s\n", LABEL_WIDTH, label, text.data);
    buf_done(&text);
    screen->said_ms = clock_mono_ms();
}

/* --- --json --- */

static void event_print(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);
    printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(event);
}

static json_t *message_json(const struct wire_type *type, const void *message)
{
    auto_free char *text = wire_text(type, message, NULL);
    return json_loads(text, 0, NULL);
}

static const char *severity_text(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : severity == SEVERITY_WARNING ? "warning" : "note";
}

static json_t *findings_json(const struct findings *findings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *f = &findings->items[i];
        json_array_append_new(list, json_pack("{ss,ss,ss,ss*}", "id", f->id, "severity",
                                              severity_text(f->severity), "what", f->what, "fix",
                                              f->fix));
    }
    return list;
}

static void project_event(const struct project *p)
{
    event_print(json_pack("{ss,s{ss,ss,ss,ss,ss,ss,sI,sI,so}}", "type", "project", "project",
                          "name", p->name, "version", p->version, "language",
                          p->detection.image->language, "image", p->detection.image->name, "entry",
                          p->entry, "source", p->id, "files", (json_int_t)p->walk.tree.count,
                          "sizeBytes", (json_int_t)tree_size(&p->walk.tree), "findings",
                          findings_json(&p->findings)));
}

void screen_result(struct screen *screen, int exit_code, const struct sos_build *build)
{
    if (!screen->cli->json)
        return;
    const struct err *failure = &screen->cli->failure;
    json_t *event = json_pack("{ss,si}", "type", "result", "exitCode", exit_code);
    if (build)
        json_object_set_new(event, "result", message_json(&sos_build_type, build));
    if (failure->code)
        json_object_set_new(event, "error",
                            json_pack("{ss,ss*,ss*}", "message", failure->text, "hint",
                                      failure->hint[0] ? failure->hint : NULL, "reason",
                                      failure->reason));
    event_print(event);
}

/* --- the project --- */

static void finding_say(struct screen *screen, const struct finding *f)
{
    struct buf what;
    text_shown(f->what, screen->cli->utf8, &what);
    fputs("      ", stderr);
    mark_print(screen->cli, f->severity == SEVERITY_ERROR ? 'x' : '!');
    fprintf(stderr, " %s: %s\n", f->id, what.data);
    if (f->fix)
        fprintf(stderr, "          fix: %s\n", f->fix);
    buf_done(&what);
}

static void findings_say(struct screen *screen, const struct findings *findings)
{
    screen_line(screen,
                findings->errors     ? 'x'
                : findings->warnings ? '!'
                                     : '+',
                "checks", "%zu passed, %zu warning%s, %zu error%s", findings->passed,
                findings->warnings, findings->warnings == 1 ? "" : "s", findings->errors,
                findings->errors == 1 ? "" : "s");
    for (size_t i = 0; i < findings->count; i++)
        if (!screen->cli->quiet || findings->items[i].severity == SEVERITY_ERROR)
            finding_say(screen, &findings->items[i]);
}

void screen_project(struct screen *screen, const struct project *p)
{
    char size[TEXT_MAX];
    const struct sos_image *image = p->detection.image;
    if (screen->cli->json) {
        project_event(p);
        return;
    }
    screen_line(screen, '+', "detect", "%s from %s, image %s %.19s", image->language,
                p->detection.evidence, image->name, image->build ? image->build->digest : "");
    if (p->detection.note[0])
        screen_line(screen, '!', "", "%s", p->detection.note);
    screen_line(screen, '+', "name", "%s (%s)", p->name, p->name_from);
    screen_line(screen, '+', "version", "%s (%s)", p->version, p->version_from);
    if (p->entry[0])
        screen_line(screen, '+', "entry", "%s (%s)", p->entry, p->entry_from);
    screen_line(screen, '+', "source", "%zu file%s, %s, %.19s (%" PRId64 " left out)",
                p->walk.tree.count, p->walk.tree.count == 1 ? "" : "s",
                text_bytes(tree_size(&p->walk.tree), size), p->id, p->walk.excluded);
    findings_say(screen, &p->findings);
}

/* --- the build --- */

static void wait_say(struct screen *screen, const struct sos_build *build)
{
    char now[sizeof screen->said_wait];
    const struct sos_queue_place *place = build->queue;
    const struct sos_wait_reason *why =
        place && place->reasons_count > 0 ? &place->reasons[0] : NULL;
    if (!why || place->position == 0)
        return; /* between two attempts, or about to be given out */
    snprintf(now, sizeof now, "position %d: %s%s%s%s", place->position,
             why->detail ? why->detail : why->code, why->hint ? " (" : "",
             why->hint ? why->hint : "", why->hint ? ")" : "");
    if (strcmp(now, screen->said_wait) == 0)
        return;
    memcpy(screen->said_wait, now, sizeof now);
    screen->waited = true;
    screen_line(screen, '.', "waiting", "%s", now);
}

/* A new attempt tells its steps anew, and that there was one before it. */
static void attempt_say(struct screen *screen, const struct sos_build *build)
{
    char took[TEXT_MAX];
    if (screen->waited && build->start_time_ms)
        screen_line(screen, '+', "waited", "%s",
                    text_duration(build->start_time_ms - build->create_time_ms, took));
    screen->waited = false;
    if (build->attempt == screen->attempt)
        return;
    if (build->attempt > 1)
        screen_line(screen, '!', "again", "attempt %d: the farm failed the one before",
                    build->attempt);
    screen->attempt = build->attempt;
    screen->steps_said = 0;
    tail_clear(screen);
    buf_clear(&screen->line);
}

static void step_ended(struct screen *screen, const struct sos_step *step)
{
    char took[TEXT_MAX] = "";
    if (step->state == SOS_STEP_STATE_SKIPPED || !step->id)
        return;
    if (step->start_time_ms && step->finish_time_ms)
        text_duration(step->finish_time_ms - step->start_time_ms, took);
    if (step->state == SOS_STEP_STATE_SUCCEEDED)
        screen_line(screen, '+', step->id, "%s", took);
    else
        screen_line(screen, 'x', step->id, "%s   exit %d", took, step->exit_code);
}

void screen_build(struct screen *screen, const struct sos_build *build)
{
    if (screen->cli->json)
        event_print(
            json_pack("{ss,so}", "type", "build", "build", message_json(&sos_build_type, build)));
    if (build->state == SOS_BUILD_STATE_QUEUED) {
        wait_say(screen, build);
        return;
    }
    attempt_say(screen, build);
    for (size_t i = screen->steps_said; i < build->steps_count; i++) {
        if (build->steps[i].state <= SOS_STEP_STATE_RUNNING)
            return;
        step_ended(screen, &build->steps[i]);
        screen->steps_said = i + 1;
    }
}

/* --- time goes by --- */

static const char *tail_last(const struct screen *screen)
{
    return screen->tail_count ? screen->tail[(screen->tail_count - 1) % SCREEN_TAIL] : "";
}

/* What it does now, and since when. */
static const char *doing(const struct sos_build *build, int64_t *ret_since_ms)
{
    *ret_since_ms = build->create_time_ms;
    if (build->state == SOS_BUILD_STATE_QUEUED)
        return "waiting";
    if (build->start_time_ms)
        *ret_since_ms = build->start_time_ms;
    for (size_t i = 0; i < build->steps_count; i++)
        if (build->steps[i].state == SOS_STEP_STATE_RUNNING && build->steps[i].id) {
            *ret_since_ms = build->steps[i].start_time_ms;
            return build->steps[i].id;
        }
    return build->state == SOS_BUILD_STATE_STORING     ? "store"
           : build->state == SOS_BUILD_STATE_CANCELING ? "canceling"
                                                       : "starting";
}

/* One line that never wraps: its end would stay when it is drawn again. */
static void live_draw(struct screen *screen, const char *what, const char *took)
{
    size_t width = text_terminal_width(stderr);
    struct buf line;
    auto_free char *raw =
        xasprintf("  %s %-*s %s  %s", screen->cli->utf8 ? "⠸" : "*   ", LABEL_WIDTH, what, took,
                  screen->said_wait[0] && strcmp(what, "waiting") == 0 ? screen->said_wait
                                                                       : tail_last(screen));
    text_cut(raw, width - 1, screen->cli->utf8, &line);
    fprintf(stderr, "\r\033[K%s", line.data);
    fflush(stderr);
    buf_done(&line);
    screen->live = true;
    screen->drawn_ms = clock_mono_ms();
}

void screen_tick(struct screen *screen, const struct sos_build *build)
{
    char took[TEXT_MAX];
    int64_t since_ms = 0, now_ms = clock_mono_ms();
    if (screen->cli->json || screen->cli->quiet || build_is_final(build))
        return;
    const char *what = doing(build, &since_ms);
    text_duration(clock_wall_ms() - since_ms, took);
    if (screen->cli->tty && !screen->log) {
        if (now_ms - screen->drawn_ms >= DRAW_MS)
            live_draw(screen, what, took);
    } else if (!screen->log && now_ms - screen->said_ms >= HEARTBEAT_MS) {
        const char *last = build->state == SOS_BUILD_STATE_QUEUED ? "" : tail_last(screen);
        screen_line(screen, '.', what, "still at it after %s%s%.120s", took, last[0] ? ": " : "",
                    last);
    }
}

/* --- its log --- */

static void log_line_say(struct screen *screen)
{
    char **place = &screen->tail[screen->tail_count++ % SCREEN_TAIL];
    free(*place);
    *place = xstrdup(screen->line.data ? screen->line.data : "");
    if (screen->log && !screen->cli->json) {
        live_clear(screen);
        printf("%s%s\n", *place, screen->cli->color ? "\033[0m" : "");
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

/* "java -jar x.jar": what starts it where it was downloaded to. */
static void run_say(const struct sos_artifact *artifact)
{
    const char *place = artifact->run ? strstr(artifact->run, "{file}") : NULL;
    if (place && artifact->files_count > 0 && artifact->files[0].path)
        fprintf(stderr, "    run       %.*s%s%s%s\n", (int)(place - artifact->run), artifact->run,
                place == artifact->run ? "./" : "", artifact->files[0].path,
                place + strlen("{file}"));
}

static void success_say(struct screen *screen, const struct sos_build *build)
{
    char size[TEXT_MAX], took[TEXT_MAX];
    const struct sos_artifact *artifact = build->artifact;
    if (build->origin == SOS_BUILD_ORIGIN_REUSED)
        screen_line(screen, '+', "reused", "%s %s, as build %s made it", build->project,
                    build->version, build->origin_build ? build->origin_build : "?");
    else
        screen_line(screen, '+', "stored", "%s %s in %s", build->project, build->version,
                    text_duration(build->finish_time_ms - build->create_time_ms, took));
    for (size_t i = 0; artifact && i < artifact->files_count; i++) {
        const struct sos_artifact_file *file = &artifact->files[i];
        fprintf(stderr, "    file      %s  %s\n    sha256    %s\n    where     %s\n", file->path,
                text_bytes(file->size_bytes, size), file->sha256, file->url ? file->url : "-");
    }
    fprintf(stderr, "    get       sos artifact get %s@%s\n", build->project, build->version);
    if (artifact)
        run_say(artifact);
}

static void tail_say(struct screen *screen, int number)
{
    size_t shown = screen->tail_count < SCREEN_TAIL ? screen->tail_count : SCREEN_TAIL;
    if (screen->log)
        return; /* it stands above */
    if (screen->tail_count > shown)
        fprintf(stderr, "     %s %zu earlier lines: sos logs %d\n", screen->cli->utf8 ? "…" : "...",
                screen->tail_count - shown, number);
    for (size_t i = screen->tail_count - shown; i < screen->tail_count; i++)
        fprintf(stderr, "     %s%s\n", screen->tail[i % SCREEN_TAIL],
                screen->cli->color ? "\033[0m" : "");
}

static void part_say(const struct screen *screen, const char *label, const char *text)
{
    struct buf shown;
    if (!text || !text[0])
        return;
    text_shown(text, screen->cli->utf8, &shown);
    fprintf(stderr, "    %-7s %s\n", label, shown.data);
    buf_done(&shown);
}

static const char *whose_fault(enum sos_build_state state)
{
    return state == SOS_BUILD_STATE_FAILED    ? " — this is a build failure, not a farm error"
           : state == SOS_BUILD_STATE_ERRORED ? " — this is a farm error, not a build failure"
                                              : "";
}

static void failure_say(struct screen *screen, const struct sos_build *build)
{
    const struct sos_result *result = build->result;
    const char *state = wire_enum_name(&sos_build_state_enum, (int)build->state);
    const char *reason =
        result ? wire_enum_name(&sos_result_reason_enum, (int)result->reason) : NULL;
    if (build->state != SOS_BUILD_STATE_CANCELED)
        tail_say(screen, build->number);
    bool quiet = screen->cli->quiet;
    screen->cli->quiet = false; /* this is what even a quiet one says */
    screen_line(screen, 'x', build->project, "%s %s%s%s%s%s%s%s", build->version,
                state ? state : "?", result && result->step ? " in step " : "",
                result && result->step ? result->step : "", reason ? " (" : "",
                reason ? reason : "", reason ? ")" : "", whose_fault(build->state));
    screen->cli->quiet = quiet;
    part_say(screen, "cause", result ? result->message : NULL);
    part_say(screen, "try", result ? result->hint : NULL);
    fprintf(stderr, "    log     sos logs %d\n", build->number);
}

void screen_verdict(struct screen *screen, const struct sos_build *build)
{
    if (screen->line.len > 0)
        log_line_say(screen);
    live_clear(screen);
    if (screen->cli->json)
        return;
    if (build->state != SOS_BUILD_STATE_SUCCEEDED)
        failure_say(screen, build);
    else if (!screen->cli->quiet)
        success_say(screen, build);
}
