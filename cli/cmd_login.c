/* cmd_login.c - sos login, logout, whoami. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/login.h"
#include "sos/base/auto.h"

static const struct config_item items[] = {
    { .name = "token-stdin",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "read the token from standard input" },
};

/* A secret is typed unseen; from a pipe it is just a line. */
static char *token_ask(const struct cli *cli)
{
    struct termios before, silent;
    char line[512] = "";
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        fprintf(stderr, "token for %s (not shown): ", cli->server);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    interrupts_catch(); /* whoever stops here wants to see again what is typed */
    char *got = fgets(line, sizeof line, stdin);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    line[strcspn(line, "\r\n")] = '\0';
    return got && line[0] ? xstrdup(line) : NULL;
}

static int whoami_print(struct cli *cli, struct err *err)
{
    struct sos_whoami who = { 0 };
    int rc =
        api_call(cli, "GET", "/v1/whoami", NULL, NULL, NULL, &sos_whoami_type, &who, NULL, err);
    if (rc < 0)
        return rc;
    if (cli->json)
        message_print(&sos_whoami_type, &who);
    else
        printf("%s (%s) at %s\n", who.subject, wire_enum_name(&sos_role_enum, (int)who.role),
               cli->server);
    sos_whoami_done(&who);
    return 0;
}

static int login_run(struct cli *cli)
{
    struct err err = { 0 };
    bool from_stdin = config_bool(cli->config, "token-stdin");
    if (!from_stdin && !config_string(cli->config, "token-file")[0] && !isatty(STDIN_FILENO))
        return cli_usage(cli, "no terminal to ask on; give --token-file FILE or --token-stdin");
    auto_free char *token = from_stdin || !config_string(cli->config, "token-file")[0]
                                ? token_ask(cli)
                                : login_token(cli);
    if (interrupted())
        return 128 + interrupted();
    if (!token || !token[0])
        return cli_usage(cli, "no token was given");
    cli->client = client_new(token, NULL);
    if (whoami_print(cli, &err) < 0 || login_keep(cli, token, &err) < 0)
        return cli_fail(cli, &err);
    return EXIT_OK;
}

static int logout_run(struct cli *cli)
{
    struct err err = { 0 };
    if (login_forget(cli, &err) < 0)
        return cli_fail(cli, &err);
    if (!cli->quiet)
        fprintf(stderr, "logged out of %s\n", cli->server);
    if (getenv("SOS_TOKEN") || config_string(cli->config, "token-file")[0])
        fputs("  note: SOS_TOKEN or a token file is still used\n", stderr);
    return EXIT_OK;
}

static int whoami_run(struct cli *cli)
{
    struct err err = { 0 };
    return whoami_print(cli, &err) < 0 ? cli_fail(cli, &err) : EXIT_OK;
}

const struct command command_login = {
    .name = "login",
    .args = "",
    .summary = "Keep a token for the farm, after asking the farm whose it is.",
    .items = items,
    .items_count = countof(items),
    .run = login_run,
};
const struct command command_logout = {
    .name = "logout",
    .args = "",
    .summary = "Forget the token for the farm.",
    .run = logout_run,
};
const struct command command_whoami = {
    .name = "whoami",
    .args = "",
    .summary = "Who the farm takes you for.",
    .run = whoami_run,
};
