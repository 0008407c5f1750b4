/* settings.c - sos.yaml of a project, between the user's own file and the environment. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sos/base/auto.h"

const struct config_item project_items[] = {
    { .name = "server", .type = CONFIG_STRING, .help = "the farm's address" },
    { .name = "name", .type = CONFIG_STRING, .help = "project name" },
    { .name = "version", .type = CONFIG_STRING, .help = "version" },
    { .name = "lang", .type = CONFIG_STRING, .help = "language" },
    { .name = "image", .type = CONFIG_STRING, .help = "curated image" },
    { .name = "entry", .type = CONFIG_STRING, .help = "entry point" },
    { .name = "checks-skip", .type = CONFIG_LIST, .help = "checks to leave out" },
};
const size_t project_items_count = countof(project_items);

static bool is_there(const char *folder, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* The nearest sos.yaml, no further up than the root of the work tree (gives); NULL: none. */
static char *project_file(const char *folder)
{
    auto_free char *at = realpath(folder, NULL);
    while (at && at[0]) {
        if (is_there(at, "sos.yaml"))
            return xasprintf("%s/sos.yaml", at);
        char *slash = strrchr(at, '/');
        if (is_there(at, ".git") || !slash)
            return NULL;
        *slash = '\0';
    }
    return NULL;
}

static void server_set(struct cli *cli, const char *url)
{
    free((char *)cli->server);
    char *server = xstrdup(url);
    for (size_t len = strlen(server); len > 0 && server[len - 1] == '/'; len--)
        server[len - 1] = '\0';
    cli->server = server;
}

int cli_project_load(struct cli *cli, const char *folder, struct err *err)
{
    auto_free char *file = project_file(folder);
    auto_free char *flag = xasprintf("--config=%s", file ? file : "/dev/null");
    char *argv[] = { (char *)"sos", flag, NULL };
    server_set(cli, config_string(cli->config, "server"));
    int rc = config_load(project_items, project_items_count, 2, argv, NULL, &cli->project, err);
    if (rc < 0)
        return rc;
    const char *origin = config_origin(cli->config, "server");
    const char *own = config_string(cli->project, "server");
    if (own[0] && strcmp(origin, "flag") != 0 && strcmp(origin, "environment") != 0) {
        server_set(cli, own);
        cli->foreign = true;
    }
    return 0;
}

const char *cli_project_text(const struct cli *cli, const char *flag, const char *own)
{
    const char *value = config_string(cli->config, flag);
    return value[0] ? value : config_string(cli->project, own);
}
