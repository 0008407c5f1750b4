/* cmd_status.c - sos status, cancel, list: builds by name. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/artifact.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"

enum { STATUS_WAIT_S = 20 };

void message_print(const struct wire_type *type, const void *message)
{
    auto_free char *text = wire_text(type, message, NULL);
    printf("%s\n", text);
}

static const char *state_name(const struct sos_build *build)
{
    return wire_enum_name(&sos_build_state_enum, (int)build->state);
}

static const char *or_dash(const char *text)
{
    return text && text[0] ? text : "-";
}

static void row(const struct cli *cli, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void row(const struct cli *cli, const char *label, const char *fmt, ...)
{
    auto_free char *raw = NULL;
    struct buf shown;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&raw, fmt, args) < 0)
        abort();
    va_end(args);
    text_shown(raw, cli->utf8, &shown);
    printf("  %-9s %s\n", label, shown.data);
    buf_done(&shown);
}

static void steps_print(const struct cli *cli, const struct sos_build *build)
{
    char took[TEXT_MAX];
    for (size_t i = 0; i < build->steps_count; i++) {
        const struct sos_step *step = &build->steps[i];
        const char *state = wire_enum_name(&sos_step_state_enum, (int)step->state);
        int64_t end = step->finish_time_ms ? step->finish_time_ms : clock_wall_ms();
        row(cli, or_dash(step->id), "%-9s %s", or_dash(state),
            step->start_time_ms ? text_duration(end - step->start_time_ms, took) : "");
    }
}

static void outcome_print(const struct cli *cli, const struct sos_build *build)
{
    char size[TEXT_MAX];
    const struct sos_result *result = build->result;
    if (result && result->reason) {
        const char *reason = wire_enum_name(&sos_result_reason_enum, (int)result->reason);
        row(cli, "result", "%s%s%s", or_dash(reason), result->message ? ": " : "",
            result->message ? result->message : "");
        if (result->hint)
            row(cli, "try", "%s", result->hint);
    }
    for (size_t i = 0; build->artifact && i < build->artifact->files_count; i++) {
        const struct sos_artifact_file *file = &build->artifact->files[i];
        row(cli, "artifact", "%s  %s", or_dash(file->path), text_bytes(file->size_bytes, size));
        row(cli, "sha256", "%s", or_dash(file->sha256));
        row(cli, "where", "%s", or_dash(file->url));
    }
}

static void build_print(const struct cli *cli, const struct sos_build *build)
{
    char age[TEXT_MAX];
    printf("#%d %s  %s@%s  %s\n", build->number, build->id, build->project, build->version,
           or_dash(state_name(build)));
    row(cli, "image", "%s %.19s", build->image ? or_dash(build->image->name) : "-",
        build->image && build->image->build_digest ? build->image->build_digest : "");
    row(cli, "by", "%s, %s ago%s%s", or_dash(build->created_by),
        text_age(build->create_time_ms, age), build->worker ? ", worker " : "",
        build->worker ? build->worker : "");
    for (size_t i = 0; build->queue && i < build->queue->reasons_count; i++)
        row(cli, "waiting", "position %d: %s %s", build->queue->position,
            or_dash(build->queue->reasons[i].code),
            build->queue->reasons[i].detail ? build->queue->reasons[i].detail : "");
    steps_print(cli, build);
    outcome_print(cli, build);
}

static const struct config_item status_items[] = {
    { .name = "exit-status",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "exit with the build's own code" },
    { .name = "wait", .type = CONFIG_BOOL, .flag_only = true, .help = "until it is finished" },
};

static int status_watch(struct cli *cli, const char *id, bool wait, struct sos_build *build,
                        struct err *err)
{
    struct api_patience patience = { 0 };
    char etag[32] = "";
    int rc = api_watch_build(cli, id, 0, etag, build, err);
    while (wait && (rc >= 0 || api_again(&patience, rc)) && !build_is_final(build) &&
           !interrupted()) {
        struct sos_build now = { 0 };
        rc = api_watch_build(cli, id, STATUS_WAIT_S, etag, &now, err);
        if (rc != 1)
            continue;
        sos_build_done(build);
        *build = now;
    }
    return interrupted() ? 0 : rc;
}

static int status_run(struct cli *cli)
{
    struct err err = { 0 };
    auto_free char *id = NULL;
    struct sos_build build = { 0 };
    if (cli->args_count > 1)
        return cli_usage(cli, "one build, not %zu", cli->args_count);
    interrupts_catch();
    if (cli_build_id(cli, cli->args_count ? cli->args[0] : "@last", &id, &err) < 0)
        return cli_fail(cli, &err);
    int code = EXIT_OK;
    if (status_watch(cli, id, config_bool(cli->config, "wait"), &build, &err) < 0)
        code = cli_fail(cli, &err);
    else if (interrupted())
        code = 128 + interrupted();
    else if (cli->json)
        message_print(&sos_build_type, &build);
    else
        build_print(cli, &build);
    if (code == EXIT_OK && config_bool(cli->config, "exit-status"))
        code = cli_build_exit(&build);
    sos_build_done(&build);
    return code;
}

static const struct config_item cancel_items[] = {
    { .name = "reason",
      .type = CONFIG_STRING,
      .flag_only = true,
      .help = "why; shown on the build" },
};

static int cancel_run(struct cli *cli)
{
    struct err err = { 0 };
    int code = EXIT_OK;
    if (cli->args_count == 0)
        return cli_usage(cli, "which build?");
    for (size_t i = 0; i < cli->args_count; i++) {
        auto_free char *id = NULL;
        if (cli_build_id(cli, cli->args[i], &id, &err) < 0 ||
            cancel_build(cli, id, config_string(cli->config, "reason"), &err) < 0)
            code = cli_fail(cli, &err); /* the others are canceled all the same */
        else if (!cli->quiet)
            fprintf(stderr, "canceling %s\n", id);
    }
    return code;
}

static const struct config_item list_items[] = {
    { .name = "project", .type = CONFIG_STRING, .flag_only = true, .help = "only this project's" },
    { .name = "state",
      .type = CONFIG_STRING,
      .flag_only = true,
      .help = "only in this state: queued, failed ..." },
    { .name = "limit",
      .type = CONFIG_INT,
      .fallback = "20",
      .flag_only = true,
      .help = "how many, at most 1000" },
};

enum { LIST_MAX = 1000 };

/* The farm names states in capitals; people need not. */
static char *state_wish(const struct cli *cli)
{
    char *state = xstrdup(config_string(cli->config, "state"));
    for (char *p = state; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return state;
}

static int list_run(struct cli *cli)
{
    int64_t limit = config_int(cli->config, "limit");
    if (limit < 1 || limit > LIST_MAX)
        return cli_usage(cli, "--limit is from 1 to %d", LIST_MAX);
    auto_free char *wish = state_wish(cli);
    if (wish[0] && wire_enum_value(&sos_build_state_enum, wish) <= 0)
        return cli_usage(cli, "there is no state \"%s\"; `sos help states` has them", wish);
    struct err err = { 0 };
    struct sos_list_builds_response list = { 0 };
    auto_free char *project = client_escape(config_string(cli->config, "project"));
    auto_free char *state = client_escape(wish);
    auto_free char *path =
        xasprintf("/v1/builds?pageSize=%lld%s%s%s%s", (long long)limit,
                  project[0] ? "&project=" : "", project, state[0] ? "&state=" : "", state);
    if (api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_builds_response_type, &list, NULL,
                 &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_list_builds_response_type, &list);
    else
        builds_print(list.builds, list.builds_count);
    sos_list_builds_response_done(&list);
    return EXIT_OK;
}

void builds_print(const struct sos_build *builds, size_t count)
{
    struct table *table = table_new(8);
    table_row(table, (const char *const[]){ "BUILD", "STATE", "PROJECT@VERSION", "USER", "AGE",
                                            "RUN", "WORKER", "WHY" });
    for (size_t i = 0; i < count; i++) {
        const struct sos_build *b = &builds[i];
        char age[TEXT_MAX], took[TEXT_MAX] = "", number[TEXT_MAX];
        auto_free char *name = xasprintf("%s@%s", b->project, b->version);
        const char *why = b->queue && b->queue->reasons_count ? b->queue->reasons[0].code
                          : b->result && b->state != SOS_BUILD_STATE_SUCCEEDED
                              ? wire_enum_name(&sos_result_reason_enum, (int)b->result->reason)
                              : "";
        snprintf(number, sizeof number, "#%d", b->number);
        if (b->start_time_ms && b->finish_time_ms)
            text_duration(b->finish_time_ms - b->start_time_ms, took);
        table_row(table,
                  (const char *const[]){ number, state_name(b), name, b->created_by,
                                         text_age(b->create_time_ms, age), took, b->worker, why });
    }
    table_print(table, stdout);
}

const struct command command_status = {
    .name = "status",
    .args = "[BUILD]",
    .summary = "Show a build (the latest when none is named).",
    .items = status_items,
    .items_count = countof(status_items),
    .run = status_run,
};
const struct command command_cancel = {
    .name = "cancel",
    .args = "BUILD...",
    .summary = "Cancel builds.",
    .items = cancel_items,
    .items_count = countof(cancel_items),
    .run = cancel_run,
};
const struct command command_list = {
    .name = "list",
    .args = "",
    .summary = "List recent builds.",
    .items = list_items,
    .items_count = countof(list_items),
    .run = list_run,
};
