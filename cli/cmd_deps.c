/* cmd_deps.c - sos deps: the files that a build was made from, besides its source. */
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "sos/base/auto.h"

static const struct config_item items[] = {
    { .name = "all",
      .type = CONFIG_BOOL,
      .letter = 'a',
      .flag_only = true,
      .help = "indexes and lists of versions too, not only files of packages" },
};

/* Moves what `page` holds behind `all`. */
static void page_append(struct sos_list_dependencies_response *all,
                        struct sos_list_dependencies_response *page)
{
    size_t count = all->dependencies_count + page->dependencies_count;
    all->dependencies = xrealloc(all->dependencies, (count + 1) * sizeof *all->dependencies);
    if (page->dependencies_count > 0)
        memcpy(all->dependencies + all->dependencies_count, page->dependencies,
               page->dependencies_count * sizeof *page->dependencies);
    all->dependencies_count = count;
    page->dependencies_count = 0;
    if (!all->build)
        all->build = take_ptr(page->build);
}

/* Every page; the caller owns *ret, whatever the result. */
static int dependencies_get(struct cli *cli, const char *id,
                            struct sos_list_dependencies_response *ret, struct err *err)
{
    auto_free char *token = NULL;
    int rc = 0;
    do {
        struct sos_list_dependencies_response page = { 0 };
        auto_free char *path =
            xasprintf("/v1/builds/%s/dependencies?pageToken=%s", id, token ? token : "");
        rc = api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_dependencies_response_type,
                      &page, NULL, err);
        if (rc < 0)
            break;
        free(token);
        token = page.next_page_token ? client_escape(page.next_page_token) : NULL;
        page_append(ret, &page);
        sos_list_dependencies_response_done(&page);
    } while (token && !interrupted());
    return rc;
}

/* How much came of a file that was not taken to its end is not known. */
static void dependency_print(struct cli *cli, struct table *table,
                             const struct sos_dependency *file)
{
    char size[TEXT_MAX];
    struct buf path;
    auto_free char *sha256 = xasprintf("%.16s", file->sha256 ? file->sha256 : "in part");
    text_shown(file->path ? file->path : "", cli->utf8, &path);
    table_row(table, (const char *const[]){ file->repository,
                                            file->sha256 ? text_bytes(file->size_bytes, size) : "-",
                                            sha256, file->cached ? "cache" : "store", path.data });
    buf_done(&path);
}

static void dependencies_print(struct cli *cli, const struct sos_list_dependencies_response *list,
                               bool metadata)
{
    struct table *table = table_new(5);
    table_row(table, (const char *const[]){ "REPOSITORY", "SIZE", "SHA256", "FROM", "DEPENDENCY" });
    for (size_t i = 0; i < list->dependencies_count; i++)
        if (metadata || !list->dependencies[i].metadata)
            dependency_print(cli, table, &list->dependencies[i]);
    table_print(table, stdout);
    if (list->dependencies_count == 0 && !cli->quiet)
        fputs("  note: nothing is on record; a build's record is there when it is over, and never\n"
              "        of one that had its worker's own network\n",
              stderr);
}

static int run(struct cli *cli)
{
    struct err err = { 0 };
    struct sos_list_dependencies_response list = { 0 };
    auto_free char *id = NULL;
    if (cli->args_count > 1)
        return cli_usage(cli, "one build, not %zu", cli->args_count);
    interrupts_catch();
    int rc = cli_build_id(cli, cli->args_count ? cli->args[0] : "@last", &id, &err);
    if (rc == 0)
        rc = dependencies_get(cli, id, &list, &err);
    if (rc == 0 && cli->json)
        message_print(&sos_list_dependencies_response_type, &list);
    else if (rc == 0)
        dependencies_print(cli, &list, config_bool(cli->config, "all"));
    sos_list_dependencies_response_done(&list);
    if (rc < 0)
        return cli_fail(cli, &err);
    return interrupted() ? 128 + interrupted() : EXIT_OK;
}

const struct command command_deps = {
    .name = "deps",
    .args = "[BUILD]",
    .summary = "List the files from the store that a build was made from.",
    .items = items,
    .items_count = countof(items),
    .run = run,
};
