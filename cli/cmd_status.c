/* cmd_status.c - sos status, cancel, list: builds by name. */
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/artifact.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/text.h"
#include "sos/base/auto.h"

void print_message(const struct wire_type *type, const void *message)
{
    auto_free char *text = wire_text(type, message, NULL);
    printf("%s\n", text);
}

static const char *state_name(const struct sos_build *build)
{
    return wire_enum_name(&sos_build_state_enum, (int)build->state);
}

static void build_print(const struct sos_build *build)
{
    char took[TEXT_MAX], age[TEXT_MAX];
    printf("#%d %s  %s@%s  %s\n", build->number, build->id, build->project, build->version,
           state_name(build));
    printf("  image    %s %.19s\n", build->image ? build->image->name : "-",
           build->image && build->image->build_digest ? build->image->build_digest : "");
    printf("  by       %s, %s ago%s%s\n", build->created_by, text_age(build->create_time_ms, age),
           build->worker ? ", worker " : "", build->worker ? build->worker : "");
    for (size_t i = 0; build->queue && i < build->queue->reasons_count; i++)
        printf("  waiting  position %d: %s %s\n", build->queue->position,
               build->queue->reasons[i].code,
               build->queue->reasons[i].detail ? build->queue->reasons[i].detail : "");
    for (size_t i = 0; i < build->steps_count; i++) {
        const struct sos_step *step = &build->steps[i];
        printf("  %-8s %-9s %s\n", step->id, wire_enum_name(&sos_step_state_enum, (int)step->state),
               step->finish_time_ms
                   ? text_duration(step->finish_time_ms - step->start_time_ms, took)
                   : "");
    }
    if (build->result && build->result->reason)
        printf("  result   %s%s%s\n",
               wire_enum_name(&sos_result_reason_enum, (int)build->result->reason),
               build->result->message ? ": " : "",
               build->result->message ? build->result->message : "");
    for (size_t i = 0; build->artifact && i < build->artifact->files_count; i++)
        printf("  artifact %s  %s\n  sha256   %s\n", build->artifact->files[i].path,
               build->artifact->files[i].url, build->artifact->files[i].sha256);
}

static const struct config_item status_items[] = {
    { .name = "exit-status",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "exit with the build's own code" },
    { .name = "wait", .type = CONFIG_BOOL, .flag_only = true, .help = "until it is finished" },
};

static int status_run(struct cli *cli)
{
    struct err err = { 0 };
    auto_free char *id = NULL;
    struct sos_build build = { 0 };
    char etag[32] = "";
    if (cli_build_id(cli, cli->args_count ? cli->args[0] : "@last", &id, &err) < 0)
        return cli_fail(cli, &err);
    int rc = api_watch_build(cli, id, 0, etag, &build, &err);
    interrupts_catch();
    while (rc >= 0 && config_bool(cli->config, "wait") && !build_is_final(&build) &&
           !interrupted()) {
        struct sos_build now = { 0 };
        rc = api_watch_build(cli, id, 20, etag, &now, &err);
        if (rc == 1) {
            sos_build_done(&build);
            build = now;
        }
    }
    if (rc < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        print_message(&sos_build_type, &build);
    else
        build_print(&build);
    int code = config_bool(cli->config, "exit-status") ? cli_build_exit(&build) : EXIT_OK;
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
    if (cli->args_count == 0)
        return cli_usage(cli, "which build?");
    for (size_t i = 0; i < cli->args_count; i++) {
        auto_free char *id = NULL;
        if (cli_build_id(cli, cli->args[i], &id, &err) < 0 ||
            cancel_build(cli, id, config_string(cli->config, "reason"), &err) < 0)
            return cli_fail(cli, &err);
        if (!cli->quiet)
            fprintf(stderr, "canceling %s\n", id);
    }
    return EXIT_OK;
}

static const struct config_item list_items[] = {
    { .name = "project", .type = CONFIG_STRING, .flag_only = true, .help = "only this project's" },
    { .name = "state",
      .type = CONFIG_STRING,
      .flag_only = true,
      .help = "only in this state (QUEUED, FAILED …)" },
    { .name = "limit",
      .type = CONFIG_INT,
      .fallback = "20",
      .flag_only = true,
      .help = "how many" },
};

static int list_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_list_builds_response list = { 0 };
    auto_free char *project = client_escape(config_string(cli->config, "project"));
    auto_free char *state = client_escape(config_string(cli->config, "state"));
    auto_free char *path =
        xasprintf("/v1/builds?pageSize=%lld%s%s%s%s", (long long)config_int(cli->config, "limit"),
                  project[0] ? "&project=" : "", project, state[0] ? "&state=" : "", state);
    if (api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_builds_response_type, &list, NULL,
                 &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        print_message(&sos_list_builds_response_type, &list);
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

const struct command command_status = { "status",
                                        "[BUILD]",
                                        "Show a build (the latest when none is named).",
                                        status_items,
                                        countof(status_items),
                                        status_run };
const struct command command_cancel = {
    "cancel", "BUILD...", "Cancel builds.", cancel_items, countof(cancel_items), cancel_run
};
const struct command command_list = {
    "list", "", "List recent builds.", list_items, countof(list_items), list_run
};
