#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "sos/base/auto.h"

static enum exit_code exit_for(const struct err *err)
{
    switch (err->code) {
    case ERR_DENIED:
        return EXIT_DENIED;
    case ERR_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_CONFLICT:
        return EXIT_CONFLICT;
    case ERR_INVALID:
        return EXIT_USAGE;
    default:
        return err->reason && strcmp(err->reason, "UNREACHABLE") == 0 ? EXIT_UNREACHABLE
                                                                      : EXIT_UNEXPECTED;
    }
}

int cli_fail(struct cli *cli, const struct err *err)
{
    enum exit_code code = exit_for(err);
    fprintf(stderr, "error: %s\n", err->text);
    if (err->hint[0])
        fprintf(stderr, "  try: %s\n", err->hint);
    else if (code == EXIT_UNREACHABLE)
        fprintf(stderr,
                "  try: is the farm at %s running? `sos up` starts one on this machine; --server "
                "URL names another\n",
                cli->server);
    return (int)code;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    fputs("error: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n  try: sos %s --help\n", cli->command->name);
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

static bool names_build(const struct sos_build *build, const char *text, size_t index)
{
    char *end;
    long number = strtol(text[0] == '#' ? text + 1 : text, &end, 10);
    if (strcmp(text, "@last") == 0)
        return index == 0;
    if (*end == '\0' && number > 0)
        return build->number == number;
    return strlen(text) >= 6 && strncmp(build->id, text, strlen(text)) == 0;
}

int cli_build_id(struct cli *cli, const char *text, char **ret_id, struct err *err)
{
    if (strncmp(text, "bld_", 4) == 0 && strlen(text) == 30) {
        *ret_id = xstrdup(text);
        return 0;
    }
    struct sos_list_builds_response list = { 0 };
    int rc = api_call(cli, "GET", "/v1/builds?pageSize=1000", NULL, NULL, NULL,
                      &sos_list_builds_response_type, &list, NULL, err);
    if (rc < 0)
        return rc;
    size_t found = 0;
    for (size_t i = 0; i < list.builds_count; i++)
        if (names_build(&list.builds[i], text, i) && found++ == 0)
            *ret_id = xstrdup(list.builds[i].id);
    if (found > 1) {
        free(*ret_id);
        rc = err_set(err, ERR_INVALID, "%s names %zu builds", text, found);
    } else if (found == 0) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no build %s", text);
        err_hint(err, "sos list");
    }
    sos_list_builds_response_done(&list);
    return rc;
}
