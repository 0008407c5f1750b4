/* cmd_artifact.c - sos artifact list|show|get. */
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/artifact.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "sos/base/auto.h"

static int list_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_list_artifacts_response list = { 0 };
    auto_free char *name = cli->args_count ? client_escape(cli->args[0]) : NULL;
    auto_free char *path =
        name ? xasprintf("/v1/artifacts?name=%s", name) : xstrdup("/v1/artifacts");
    if (api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_artifacts_response_type, &list, NULL,
                 &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_list_artifacts_response_type, &list);
    else {
        struct table *table = table_new(5);
        table_row(table, (const char *const[]){ "ARTIFACT", "PLATFORM", "SIZE", "SHA256", "AGE" });
        for (size_t i = 0; i < list.artifacts_count; i++) {
            const struct sos_artifact *a = &list.artifacts[i];
            char size[TEXT_MAX] = "", age[TEXT_MAX];
            auto_free char *id = xasprintf("%s@%s", a->name, a->version);
            if (a->files_count > 0)
                text_bytes(a->files[0].size_bytes, size);
            auto_free char *sha = xasprintf("%.16s", a->files_count ? a->files[0].sha256 : "");
            table_row(table, (const char *const[]){ id, a->platform, size, sha,
                                                    text_age(a->create_time_ms, age) });
        }
        table_print(table, stdout);
    }
    sos_list_artifacts_response_done(&list);
    return EXIT_OK;
}

static int show_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_artifact artifact = { 0 };
    if (cli->args_count != 1)
        return cli_usage(cli, "which artifact? NAME@VERSION");
    if (artifact_find(cli, cli->args[0], &artifact, &err) < 0)
        return cli_fail(cli, &err);
    if (cli->json)
        message_print(&sos_artifact_type, &artifact);
    else {
        printf("%s@%s  %s  build %s\n", artifact.name, artifact.version,
               artifact.platform ? artifact.platform : "-", artifact.build ? artifact.build : "-");
        for (size_t i = 0; i < artifact.files_count; i++)
            printf("  %s\n    size    %lld\n    sha256  %s\n    where   %s\n",
                   artifact.files[i].path, (long long)artifact.files[i].size_bytes,
                   artifact.files[i].sha256, artifact.files[i].url);
        printf("  run     %s\n", artifact.run ? artifact.run : "-");
    }
    sos_artifact_done(&artifact);
    return EXIT_OK;
}

static const struct config_item get_items[] = {
    { .name = "output",
      .type = CONFIG_STRING,
      .letter = 'o',
      .fallback = ".",
      .flag_only = true,
      .help = "file or folder to write to" },
};

static int get_run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_artifact artifact = { 0 };
    if (cli->args_count != 1)
        return cli_usage(cli, "which artifact? NAME@VERSION");
    if (artifact_find(cli, cli->args[0], &artifact, &err) < 0)
        return cli_fail(cli, &err);
    interrupts_catch();
    int rc = artifact_download(cli, &artifact, config_string(cli->config, "output"), &err);
    if (rc == 0 && cli->json)
        message_print(&sos_artifact_type, &artifact);
    sos_artifact_done(&artifact);
    return rc < 0 ? cli_fail(cli, &err) : EXIT_OK;
}

const struct command command_artifact_list = {
    .name = "artifact list",
    .args = "[NAME]",
    .summary = "List artifacts, newest first.",
    .run = list_run,
};
const struct command command_artifact_show = {
    .name = "artifact show",
    .args = "NAME[@VERSION]",
    .summary = "Show an artifact and its digests.",
    .run = show_run,
};
const struct command command_artifact_get = {
    .name = "artifact get",
    .args = "NAME[@VERSION]",
    .summary = "Download an artifact, verified.",
    .items = get_items,
    .items_count = countof(get_items),
    .run = get_run,
};
