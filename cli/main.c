/* main.c - find the command, read its settings, run it. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "sos/base/auto.h"

const struct command *const commands[] = {
    &command_build,
    &command_status,
    &command_logs,
    &command_deps,
    &command_cancel,
    &command_list,
    &command_queue,
    &command_workers,
    &command_images,
    &command_artifact_list,
    &command_artifact_show,
    &command_artifact_get,
    &command_up,
    &command_login,
    &command_logout,
    &command_whoami,
    &command_doctor,
    &command_completion,
    &command_version,
    &command_help,
    NULL,
};

const struct config_item global_items[] = {
    { .name = "server",
      .type = CONFIG_STRING,
      .fallback = SERVER_BUILT_IN,
      .help = "the farm's address" },
    { .name = "token-file",
      .type = CONFIG_STRING,
      .fallback = "",
      .help = "file that holds the token" },
    { .name = "json", .type = CONFIG_BOOL, .fallback = "false", .help = "machine-readable output" },
    { .name = "quiet",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .help = "only results and errors",
      .letter = 'q' },
    { .name = "no-color",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .help = "no colours",
      .flag_only = true },
};
const size_t global_items_count = countof(global_items);

/* "artifact get" takes two words of the command line; every other one. */
static const struct command *command_find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; argc > 1 && commands[i]; i++) {
        const char *name = commands[i]->name;
        const char *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[1]) != first || strncmp(argv[1], name, first) != 0)
            continue;
        if (!space || (argc > 2 && strcmp(argv[2], space + 1) == 0)) {
            *ret_words = space ? 2 : 1;
            return commands[i];
        }
    }
    return NULL;
}

/* "sos artifact": say what the second word may be. */
static bool second_word_hint(const char *word)
{
    bool said = false;
    for (size_t i = 0; commands[i]; i++) {
        size_t len = strlen(word);
        if (strncmp(commands[i]->name, word, len) != 0 || commands[i]->name[len] != ' ')
            continue;
        fprintf(stderr, "%s sos %s %s\n", said ? "      " : "usage:", commands[i]->name,
                commands[i]->args);
        said = true;
    }
    return said;
}

static void cli_init(struct cli *cli)
{
    cli->json = config_bool(cli->config, "json");
    cli->quiet = config_bool(cli->config, "quiet");
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    cli->tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    cli->color = cli->tty && !config_bool(cli->config, "no-color") && !(no_color && no_color[0]);
    cli->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    cli->server = xstrdup(config_string(cli->config, "server"));
    cli->args = config_args(cli->config, &cli->args_count);
}

static void cli_done(struct cli *cli)
{
    client_free(cli->client);
    free((char *)cli->server);
    config_free(cli->project);
    config_free(cli->config);
}

/* A command's own flags, then those of every command (gives; free()). */
static struct config_item *all_items(const struct command *command, size_t *ret_count)
{
    size_t own = command->items_count;
    struct config_item *items = xcalloc(own + global_items_count, sizeof *items);
    if (own > 0)
        memcpy(items, command->items, own * sizeof *items);
    memcpy(items + own, global_items, global_items_count * sizeof *items);
    *ret_count = own + global_items_count;
    return items;
}

void command_help_print(const struct command *command, FILE *out)
{
    size_t count = 0;
    auto_free struct config_item *items = all_items(command, &count);
    fprintf(out, "usage: sos %s%s%s\n\n%s\n\nflags:\n", command->name, command->args[0] ? " " : "",
            command->args, command->summary);
    config_help(items, count, out);
}

/* What was printed must have arrived.  A reader that has gone ends this as it ends any program. */
static int output_end(int code)
{
    struct stat st;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    fputs("error: standard output cannot be written\n", stderr);
    return code ? code : EXIT_UNEXPECTED;
}

static int command_run(const struct command *command, int words, int argc, char **argv)
{
    struct cli cli = { .command = command };
    struct err err = { 0 };
    size_t count = 0;
    auto_free struct config_item *items = all_items(command, &count);

    auto_free char *file = cli_user_file("config.yaml");
    argv[words] = argv[0];
    if (config_load(items, count, argc - words, argv + words, file, &cli.config, &err) < 0) {
        fprintf(stderr, "error: %s\n  try: sos %s --help\n", err.text, command->name);
        return EXIT_USAGE;
    }
    if (config_wants_help(cli.config)) {
        command_help_print(command, stdout);
        config_free(cli.config);
        return output_end(EXIT_OK);
    }
    cli_init(&cli);
    int code = EXIT_OK;
    if (!command->no_project && cli_project_load(&cli, ".", &err) < 0)
        code = cli_fail(&cli, &err);
    else
        code = command->run(&cli);
    cli_done(&cli);
    return output_end(code);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    int words = 0;
    const struct command *command = command_find(argc, argv, &words);
    if (command)
        return command_run(command, words, argc, argv);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return command_run(&command_version, 1, argc, argv);
    bool asked = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc > 1 && !asked && second_word_hint(argv[1]))
        return EXIT_USAGE;
    if (argc > 1 && !asked) {
        fprintf(stderr, "error: there is no command \"%s\"\n  try: sos help\n", argv[1]);
        return EXIT_USAGE;
    }
    help_print(asked ? stdout : stderr);
    return asked ? EXIT_OK : EXIT_USAGE;
}
