/* cmd_help.c - sos help [TOPIC], version, completion: all made from the command table. */
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "sos/base/auto.h"

static const char exit_codes[] =
    "exit codes\n"
    "  0  success                              8  still pending (--wait-timeout, status "
    "--exit-status)\n"
    "  1  unexpected client or server error    9  build canceled\n"
    "  2  usage error                         10  build timed out\n"
    "  3  build failed (code, tests, deps)    11  build errored (the farm's fault)\n"
    "  4  login or permission                 12  conflict: name@version exists with other bytes\n"
    "  5  not found                           13  integrity: a sha256 does not match\n"
    "  6  local checks failed, nothing sent  130  interrupted while attached (the build goes on)\n"
    "  7  server unreachable\n";

static const char environment[] =
    "environment\n"
    "  SOS_SERVER       the farm's address\n"
    "  SOS_TOKEN        the token itself; SOS_TOKEN_FILE a file that holds it\n"
    "  XDG_CONFIG_HOME  where config.yaml and credentials are (sos/ below it; ~/.config "
    "otherwise)\n"
    "  CI               when set, an interrupt cancels the build\n"
    "  NO_COLOR         no colours\n";

static const char states[] =
    "states of a build\n"
    "  QUEUED ASSIGNED PREPARING RUNNING STORING CANCELING, then one of\n"
    "  SUCCEEDED  the artifact is in the store\n"
    "  FAILED     the project's own fault: code, tests, dependencies; never tried again\n"
    "  ERRORED    the farm's fault, after it was tried again\n"
    "  TIMED_OUT  CANCELED  EXPIRED\n";

static const char ignore[] =
    "what is not sent\n"
    "  the image's excludes (node_modules, target, .venv …) < .gitignore of every folder < "
    ".sosignore;\n"
    "  all in gitignore's syntax, later ones win, \"!\" takes back in. .git is never sent.\n"
    "  sos build --list-files shows what is.\n";

static const char config[] =
    "settings, the first that says something counts\n"
    "  flags > SOS_* environment > sos.yaml (name, version, lang, image, entry, checks: skip)\n"
    "  > $XDG_CONFIG_HOME/sos/config.yaml > built-in\n";

static const struct {
    const char *name;
    const char *text;
} topics[] = {
    { "exit-codes", exit_codes }, { "environment", environment }, { "states", states },
    { "ignore", ignore },         { "config", config },
};

void help_print(FILE *out)
{
    fprintf(out, "sos: build a project remotely, in the curated image of its language\n\nusage: "
                 "sos COMMAND [ARGS]\n\n");
    for (size_t i = 0; commands[i]; i++) {
        int used = fprintf(out, "  %s %s", commands[i]->name, commands[i]->args);
        fprintf(out, "%*s%s\n", used < 30 ? 30 - used : 1, "", commands[i]->summary);
    }
    fprintf(out, "\nsos COMMAND --help tells its flags; sos help TOPIC:");
    for (size_t i = 0; i < countof(topics); i++)
        fprintf(out, " %s", topics[i].name);
    fputc('\n', out);
}

static int help_run(struct cli *cli)
{
    if (cli->args_count == 0) {
        help_print(stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; i < countof(topics); i++)
        if (strcmp(cli->args[0], topics[i].name) == 0) {
            fputs(topics[i].text, stdout);
            return EXIT_OK;
        }
    return cli_usage(cli, "there is no help on \"%s\"", cli->args[0]);
}

static int version_run(struct cli *cli)
{
    struct sos_version version = { 0 };
    printf("sos %s\n", SOS_VERSION);
    if (api_call(cli, "GET", "/v1/version", NULL, NULL, NULL, &sos_version_type, &version, NULL,
                 NULL) == 0)
        printf("sos-server %s at %s\n", version.version, cli->server);
    sos_version_done(&version);
    return EXIT_OK;
}

/* --- completion --- */

static void bash_words(const char *first, const char *prefix)
{
    for (size_t i = 0; commands[i]; i++) {
        const char *space = strchr(commands[i]->name, ' ');
        size_t len = space ? (size_t)(space - commands[i]->name) : strlen(commands[i]->name);
        if (first && (!space || strncmp(commands[i]->name, first, len) != 0 || first[len]))
            continue;
        bool again = !first && i > 0 &&
                     strncmp(commands[i - 1]->name, commands[i]->name, len + 1) == 0 && space;
        if (!again)
            printf("%s%.*s", prefix, first ? (int)strlen(space + 1) : (int)len,
                   first ? space + 1 : commands[i]->name);
        prefix = again ? prefix : " ";
    }
}

static void bash_flags(const struct config_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf(" --%s", items[i].name);
}

static int completion_run(struct cli *cli)
{
    if (cli->args_count != 1 || strcmp(cli->args[0], "bash") != 0)
        return cli_usage(cli, "which shell? bash is the one there is");
    printf("_sos() {\n    local word=${COMP_WORDS[COMP_CWORD]} words=\n    case "
           "\"$COMP_CWORD,${COMP_WORDS[1]}\" in\n"
           "    1,*) words='");
    bash_words(NULL, "");
    printf("' ;;\n    2,artifact) words='");
    bash_words("artifact", "");
    printf("' ;;\n    2,help) words='");
    for (size_t i = 0; i < countof(topics); i++)
        printf("%s%s", i ? " " : "", topics[i].name);
    printf("' ;;\n    esac\n    if [[ $word == -* ]]; then\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->items_count && !strchr(commands[i]->name, ' ')) {
            printf("        %s) words='", commands[i]->name);
            bash_flags(commands[i]->items, commands[i]->items_count);
            printf("' ;;\n");
        }
    printf("        esac\n        words+='");
    bash_flags(global_items, global_items_count);
    printf(" --help'\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
           "complete -o default -F _sos sos\n");
    return EXIT_OK;
}

const struct command command_help = { "help", "[TOPIC]", "This list, or help on a topic.",
                                      NULL,   0,         help_run };
const struct command command_version = { "version", "", "Versions of the client and the farm.",
                                         NULL,      0,  version_run };
const struct command command_completion = {
    "completion", "bash", "Print shell completion: source <(sos completion bash)",
    NULL,         0,      completion_run
};
