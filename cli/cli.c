#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "sos/base/auto.h"

static enum exit_code exit_for(const struct err *err)
{
    static const struct {
        const char *reason;
        enum exit_code code;
    } reasons[] = { { "UNREACHABLE", EXIT_UNREACHABLE },
                    { "INTEGRITY", EXIT_INTEGRITY },
                    { "SOURCE_CHANGED", EXIT_CHECKS },
                    { "CHECKS_FAILED", EXIT_CHECKS },
                    { "CANCELLED", EXIT_SIGINT } };
    for (size_t i = 0; err->reason && i < countof(reasons); i++)
        if (strcmp(err->reason, reasons[i].reason) == 0)
            return reasons[i].code;
    switch (err->code) {
    case ERR_DENIED:
        return EXIT_DENIED;
    case ERR_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_INVALID:
        return EXIT_USAGE;
    default:
        return EXIT_UNEXPECTED;
    }
}

static void error_say(const struct cli *cli, const char *label, const char *text)
{
    struct buf shown;
    text_shown(text, cli->utf8, &shown);
    fprintf(stderr, "%s%s\n", label, shown.data);
    buf_done(&shown);
}

int cli_fail(struct cli *cli, const struct err *err)
{
    enum exit_code code = exit_for(err);
    if (code == EXIT_SIGINT && interrupted())
        return 128 + interrupted();
    cli->failure = *err;
    bool unreachable = code == EXIT_UNREACHABLE;
    if (unreachable)
        fprintf(stderr, "error: no farm answers at %s\n", cli->server);
    error_say(cli, unreachable ? "  why: " : "error: ", err->text);
    if (err->hint[0])
        error_say(cli, "  try: ", err->hint);
    else if (unreachable)
        fputs("  try: sos up (starts one on this machine), or name another: --server URL\n",
              stderr);
    return (int)code;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    auto_free char *text = NULL;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    err_set(&cli->failure, ERR_INVALID, "%s", text);
    error_say(cli, "error: ", text);
    fprintf(stderr, "  try: sos %s --help\n", cli->command->name);
    return EXIT_USAGE;
}

char *cli_user_file(const char *name)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/')
        return xasprintf("%s/sos%s%s", xdg, name[0] ? "/" : "", name);
    return xasprintf("%s/.config/sos%s%s", home ? home : "", name[0] ? "/" : "", name);
}

int cli_build_exit(const struct sos_build *build)
{
    switch (build->state) {
    case SOS_BUILD_STATE_SUCCEEDED:
        return EXIT_OK;
    case SOS_BUILD_STATE_FAILED:
        return build->result && build->result->reason == SOS_RESULT_REASON_VERSION_CONFLICT
                   ? EXIT_CONFLICT
                   : EXIT_BUILD_FAILED;
    case SOS_BUILD_STATE_ERRORED:
        return EXIT_ERRORED;
    case SOS_BUILD_STATE_CANCELED:
        return EXIT_CANCELED;
    case SOS_BUILD_STATE_TIMED_OUT:
    case SOS_BUILD_STATE_EXPIRED:
        return EXIT_TIMED_OUT;
    default:
        return EXIT_PENDING;
    }
}

enum { PAGE_SIZE = 1000, BUILD_ID_LEN = 30, PREFIX_MIN = 6 };

struct search {
    char *id; /* of the first that was found */
    size_t found;
    char *page; /* token of the next */
};

static bool names_build(const struct sos_build *build, const char *text, size_t index)
{
    char *end;
    long number = strtol(text[0] == '#' ? text + 1 : text, &end, 10);
    if (strcmp(text, "@last") == 0)
        return index == 0;
    if (*end == '\0' && number > 0)
        return build->number == number;
    return strlen(text) >= PREFIX_MIN && strncmp(build->id, text, strlen(text)) == 0;
}

/* Look through one page of builds, newest first. */
static int page_search(struct cli *cli, const char *text, struct search *search, struct err *err)
{
    struct sos_list_builds_response list = { 0 };
    bool last = strcmp(text, "@last") == 0;
    auto_free char *token = client_escape(search->page ? search->page : "");
    auto_free char *path = xasprintf("/v1/builds?pageSize=%d%s%s", last ? 1 : PAGE_SIZE,
                                     token[0] ? "&pageToken=" : "", token);
    int rc = api_call(cli, "GET", path, NULL, NULL, NULL, &sos_list_builds_response_type, &list,
                      NULL, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.builds_count; i++)
        if (names_build(&list.builds[i], text, i) && search->found++ == 0)
            search->id = xstrdup(list.builds[i].id);
    free(search->page);
    search->page = list.next_page_token && !last ? xstrdup(list.next_page_token) : NULL;
    sos_list_builds_response_done(&list);
    return 0;
}

/* A number names one build: it need not be looked for any further once it is found. */
static bool search_is_over(const struct search *search, bool is_prefix)
{
    return !search->page || !search->page[0] || search->found > (is_prefix ? 1 : 0);
}

int cli_build_id(struct cli *cli, const char *text, char **ret_id, struct err *err)
{
    bool is_prefix = strncmp(text, "bld_", 4) == 0;
    if (is_prefix && strlen(text) == BUILD_ID_LEN) {
        *ret_id = client_escape(text);
        return 0;
    }
    struct search search = { 0 };
    int rc = 0;
    do
        rc = page_search(cli, text, &search, err);
    while (rc == 0 && !search_is_over(&search, is_prefix));
    if (rc == 0 && search.found > 1) {
        rc = err_set(err, ERR_INVALID, "%s names more than one build", text);
        err_hint(err, "give more of its id, or its #number");
    } else if (rc == 0 && search.found == 0) {
        bool last = strcmp(text, "@last") == 0;
        rc = last ? err_set(err, ERR_NOT_FOUND, "this farm has built nothing yet")
                  : err_set(err, ERR_NOT_FOUND, "there is no build %s", text);
        err_hint(err, last ? "sos build" : "sos list");
    }
    if (rc == 0)
        *ret_id = take_ptr(search.id);
    free(search.id);
    free(search.page);
    return rc;
}
