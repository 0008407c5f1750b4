/* cmd_logs.c - sos logs: print or follow a build's log. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "sos/base/auto.h"

enum { ATTEMPT_MAX = 1000 };

static const struct config_item items[] = {
    { .name = "follow",
      .type = CONFIG_BOOL,
      .letter = 'f',
      .flag_only = true,
      .help = "until the build ends, through all its attempts" },
    { .name = "attempt",
      .type = CONFIG_INT,
      .fallback = "0",
      .flag_only = true,
      .help = "only this one (default: the newest)" },
    { .name = "since-offset",
      .type = CONFIG_INT,
      .fallback = "0",
      .flag_only = true,
      .help = "first byte" },
    { .name = "raw",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "bytes as they are, escapes too" },
};

struct printer {
    struct text_filter filter;
    bool raw;
};

static int on_bytes(void *ctx, const void *data, size_t len)
{
    struct printer *printer = ctx;
    if (printer->raw)
        return fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : -ERR_CONFLICT;
    struct buf clean;
    buf_init(&clean, len * 2 + 64);
    text_filter(&printer->filter, data, len, &clean);
    size_t wrote = clean.len ? fwrite(clean.data, 1, clean.len, stdout) : 0;
    bool good = wrote == clean.len && fflush(stdout) == 0;
    buf_done(&clean);
    return good ? 0 : -ERR_CONFLICT;
}

/* To its present end. */
static int print_log(struct cli *cli, const char *id, int attempt, int64_t offset,
                     struct printer *printer, struct err *err)
{
    bool complete = false;
    int rc = 0;
    for (int64_t before = -1; rc == 0 && !complete && offset != before && !interrupted();) {
        before = offset;
        rc = api_read_log(cli, id, &offset, &attempt, 0, on_bytes, printer, &complete, err);
    }
    return rc;
}

static int run(struct cli *cli)
{
    struct err err = { 0 };
    auto_free char *id = NULL;
    int64_t offset = config_int(cli->config, "since-offset");
    int64_t attempt = config_int(cli->config, "attempt");
    struct printer printer = { .filter = { .color = cli->color && isatty(STDOUT_FILENO) },
                               .raw = config_bool(cli->config, "raw") };
    if (cli->args_count > 1)
        return cli_usage(cli, "one build, not %zu", cli->args_count);
    if (offset < 0 || attempt < 0 || attempt > ATTEMPT_MAX)
        return cli_usage(cli, "--attempt and --since-offset count from 0");
    interrupts_catch();
    int rc = cli_build_id(cli, cli->args_count ? cli->args[0] : "@last", &id, &err);
    if (rc == 0 && config_bool(cli->config, "follow"))
        rc = follow_log(cli, id, (int)attempt, offset, on_bytes, &printer, &err);
    else if (rc == 0)
        rc = print_log(cli, id, (int)attempt, offset, &printer, &err);
    if (printer.filter.color)
        fputs("\033[0m", stdout);
    if (rc < 0 && !ferror(stdout)) /* main() tells what is wrong with the output */
        return cli_fail(cli, &err);
    return interrupted() ? 128 + interrupted() : EXIT_OK;
}

const struct command command_logs = {
    .name = "logs",
    .args = "[BUILD]",
    .summary = "Print or follow a build's log.",
    .items = items,
    .items_count = countof(items),
    .run = run,
};
