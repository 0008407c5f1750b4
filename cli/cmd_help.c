/* cmd_help.c - sos help [TOPIC], version, completion: all made from the command table. */
#include <jansson.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "sos/base/auto.h"

static const char exit_codes[] =
    "exit codes\n"
    "    0  success\n"
    "    1  something unexpected, here or at the farm\n"
    "    2  the command line is wrong\n"
    "    3  the build FAILED: the project's code, tests or dependencies\n"
    "    4  not logged in, or not allowed\n"
    "    5  there is no such build or artifact\n"
    "    6  a check of the project failed; nothing was queued\n"
    "    7  the farm cannot be reached\n"
    "    8  not finished yet (build --wait-timeout, status --exit-status)\n"
    "    9  the build was CANCELED\n"
    "   10  the build TIMED_OUT, or EXPIRED in the queue\n"
    "   11  the build ERRORED: the farm's fault\n"
    "   12  name@version is published already, with other bytes\n"
    "   13  what was downloaded has another sha256 than was recorded\n"
    "  130  interrupted (143: terminated); a build that was queued goes on, in CI it is canceled\n";

static const char environment[] =
    "environment\n"
    "  SOS_SERVER       the farm's address, as --server\n"
    "  SOS_TOKEN        the token itself; SOS_TOKEN_FILE a file that holds it\n"
    "  SOS_CONFIG       the file of settings, as --config (sos help config)\n"
    "  SOS_JSON, SOS_QUIET  true: as --json, --quiet\n"
    "  SOS_NAME, SOS_VERSION, SOS_LANG, SOS_IMAGE, SOS_ENTRY, SOS_CHECKS_SKIP\n"
    "                   outrank what sos.yaml says\n"
    "  XDG_CONFIG_HOME  where sos/config.yaml and sos/credentials are; otherwise ~/.config\n"
    "  CI               when set, an interrupt cancels the build\n"
    "  NO_COLOR         when set, no colours\n"
    "  SSL_CERT_FILE    certificates to trust; http_proxy, https_proxy, no_proxy hold too\n";

static const char states[] =
    "states of a build\n"
    "  QUEUED     it waits for a worker; `sos queue` shows for what\n"
    "  ASSIGNED, PREPARING, RUNNING   a worker has it\n"
    "  STORING    the artifact is on its way to the store\n"
    "  CANCELING  it is being stopped\n"
    "and at its end, one of\n"
    "  SUCCEEDED  the artifact is in the store\n"
    "  FAILED     the project's own fault: code, tests, dependencies; never tried again\n"
    "  ERRORED    the farm's fault, after it was tried again\n"
    "  TIMED_OUT  it took longer than it may\n"
    "  CANCELED   somebody stopped it\n"
    "  EXPIRED    it waited longer than it may\n";

static const char ignore[] =
    "what is not sent, later ones outrank earlier ones\n"
    "  the image's excludes (node_modules, target, .venv ...)\n"
    "  git's rules: .git/info/exclude and every .gitignore, those above DIR in its work tree too\n"
    "  .sosignore of every folder of the project\n"
    "All are in gitignore's syntax; \"!\" takes back in. .git itself is never sent.\n"
    "`sos build --list-files` prints what is sent, the largest last.\n";

static const char config[] =
    "settings: the first of these that says something counts\n"
    "  flags\n"
    "  SOS_* environment\n"
    "  sos.yaml of the project, or of a folder above it in its git work tree\n"
    "  $XDG_CONFIG_HOME/sos/config.yaml, or the file of --config or SOS_CONFIG\n"
    "  what is built in\n"
    "sos.yaml may hold server, name, version, lang, image, entry, and checks: { skip: [ID] };\n"
    "config.yaml server, token-file, json, quiet.\n"
    "`sos doctor --config` prints what holds here and where each comes from.\n";

static const char checks[] =
    "checks of a project before anything is sent; each may be left out by --skip-check ID, or by\n"
    "checks: { skip: [ID] } in sos.yaml\n"
    "  lock-missing    error    the lock file that makes a build repeatable is not there\n"
    "  lock-ignored    error    it is there, but an ignore rule leaves it out\n"
    "  dirty-tree      warning  the work tree differs from its commit\n"
    "  file-size       both     a file of more than 50 MiB; of more than 100 MiB\n"
    "  total-size      both     more than 100 MiB in all; more than 500 MiB\n"
    "  file-count      error    more than 50000 files\n"
    "  empty           error    nothing is left to send\n"
    "  symlink         error    a link that leaves the project or leads nowhere\n"
    "  file-kind       error    a device, a pipe, a file that cannot be read or named\n"
    "  case-collision  warning  two names that differ in case only\n"
    "  secret-file     error    a file that looks like a secret by its name\n"
    "  built-output    warning  folders that builds make\n"
    "  lfs-pointer     error    a Git LFS pointer in the file's place\n"
    "--strict makes every warning an error.\n";

static const struct {
    const char *name;
    const char *text;
} topics[] = {
    { "exit-codes", exit_codes }, { "environment", environment }, { "states", states },
    { "ignore", ignore },         { "config", config },           { "checks", checks },
};

void help_print(FILE *out)
{
    fprintf(out, "sos: build a project remotely, in the curated image of its language\n\nusage: "
                 "sos COMMAND [ARGS]\n\n");
    for (size_t i = 0; commands[i]; i++) {
        int used = fprintf(out, "  %s %s", commands[i]->name, commands[i]->args);
        fprintf(out, "%*s%s\n", used < 33 ? 33 - used : 1, "", commands[i]->summary);
    }
    fprintf(out, "\nsos COMMAND --help tells its flags. sos help TOPIC:");
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
    auto_free char *name = cli->args_count > 1 ? xasprintf("%s %s", cli->args[0], cli->args[1])
                                               : xstrdup(cli->args[0]);
    bool found = false;
    for (size_t i = 0; commands[i]; i++) {
        bool is_group = strncmp(commands[i]->name, name, strlen(name)) == 0 &&
                        commands[i]->name[strlen(name)] == ' ';
        if (strcmp(commands[i]->name, name) != 0 && !is_group)
            continue;
        fputs(found ? "\n" : "", stdout);
        command_help_print(commands[i], stdout);
        found = true;
    }
    return found ? EXIT_OK : cli_usage(cli, "there is no help on \"%s\"", name);
}

/* The farm's is told when there is one; its absence is no failure. */
static int version_run(struct cli *cli)
{
    struct sos_version farm = { 0 };
    bool there = api_call(cli, "GET", "/v1/version", NULL, NULL, NULL, &sos_version_type, &farm,
                          NULL, NULL) == 0;
    if (cli->json) {
        json_t *all = json_pack("{ss,ss,ss*}", "client", SOS_VERSION, "serverUrl", cli->server,
                                "server", there ? farm.version : NULL);
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
    } else {
        printf("sos %s\n", SOS_VERSION);
        printf("farm %s at %s\n", there ? farm.version : "unreachable", cli->server);
    }
    sos_version_done(&farm);
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

const struct command command_help = {
    .name = "help",
    .args = "[TOPIC]",
    .summary = "This list, or help on a topic.",
    .run = help_run,
    .no_project = true,
};
const struct command command_version = {
    .name = "version",
    .args = "",
    .summary = "Versions of the client and the farm.",
    .run = version_run,
};
const struct command command_completion = {
    .name = "completion",
    .args = "bash",
    .summary = "Print shell completion: source <(sos completion bash)",
    .run = completion_run,
    .no_project = true,
};
