/* cmd_logs.c - sos logs: print or follow a build's log. */
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/text.h"
#include "sos/base/auto.h"

static const struct config_item items[] = {
    { .name = "follow",
      .type = CONFIG_BOOL,
      .letter = 'f',
      .flag_only = true,
      .help = "until the build ends" },
    { .name = "attempt",
      .type = CONFIG_INT,
      .fallback = "0",
      .flag_only = true,
      .help = "which attempt (the newest)" },
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
        return fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : -1;
    struct buf clean;
    buf_init(&clean, len * 2 + 64);
    text_filter(&printer->filter, data, len, &clean);
    size_t wrote = clean.len ? fwrite(clean.data, 1, clean.len, stdout) : 0;
    bool good = wrote == clean.len && fflush(stdout) == 0;
    buf_done(&clean);
    return good ? 0 : -1;
}

static int run(struct cli *cli)
{
    struct err err = { 0 };
    auto_free char *id = NULL;
    bool complete = false, follow = config_bool(cli->config, "follow");
    int64_t offset = config_int(cli->config, "since-offset");
    int attempt = (int)config_int(cli->config, "attempt");
    struct printer printer = { .filter = { .color = cli->color },
                               .raw = config_bool(cli->config, "raw") };
    if (cli_build_id(cli, cli->args_count ? cli->args[0] : "@last", &id, &err) < 0)
        return cli_fail(cli, &err);
    interrupts_catch();
    while (!complete && !interrupted()) {
        int64_t before = offset;
        if (api_read_log(cli, id, &offset, &attempt, follow ? 10 : 0, on_bytes, &printer, &complete,
                         &err) < 0)
            return cli_fail(cli, &err);
        if (!follow && offset == before)
            break;
    }
    return EXIT_OK;
}

const struct command command_logs = { "logs", "[BUILD]",      "Print or follow a build's log.",
                                      items,  countof(items), run };
