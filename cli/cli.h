/* cli.h - what every command shares: settings, the connection, how to speak.
 *
 * Data goes to standard output, everything meant for people to standard error.
 * The exit codes are a contract (`sos help exit-codes`). */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "sos/base/client.h"
#include "sos/base/config.h"
#include "sos/base/err.h"
#include "sos/v1.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_USAGE = 2,
    EXIT_BUILD_FAILED = 3,
    EXIT_DENIED = 4,
    EXIT_NOT_FOUND = 5,
    EXIT_CHECKS = 6,
    EXIT_UNREACHABLE = 7,
    EXIT_PENDING = 8,
    EXIT_CANCELED = 9,
    EXIT_TIMED_OUT = 10,
    EXIT_ERRORED = 11,
    EXIT_CONFLICT = 12,
    EXIT_INTEGRITY = 13,
    EXIT_SIGINT = 130, /* 128 + the signal, as shells have it */
};

struct cli {
    const struct command *command;
    struct config *config;
    const char *server;     /* without a trailing slash */
    struct config *project; /* what sos.yaml of the project says */
    bool foreign;           /* the project named the server */
    struct client *client;  /* opened by the first call */
    bool json;
    bool quiet;
    bool tty; /* standard error is a terminal that takes escapes */
    bool color;
    bool utf8;
    char **args; /* what is left of the command line */
    size_t args_count;
    struct err failure; /* the last that cli_fail() or cli_usage() told */
};

struct command {
    const char *name; /* "artifact get" is one command of two words */
    const char *args; /* "[DIR]" */
    const char *summary;
    const struct config_item *items; /* its own flags */
    size_t items_count;
    int (*run)(struct cli *cli); /* gives an exit code */
    bool no_project;             /* sos.yaml of the working directory does not matter to it */
};

/* Where a farm is when nobody says anything. */
#define SERVER_BUILT_IN "http://127.0.0.1:8600"

extern const struct command *const commands[]; /* NULL-terminated */

/* The flags that every command takes. */
extern const struct config_item global_items[];
extern const size_t global_items_count;

/* Say what went wrong (error:, try:) and give the exit code for it. */
int cli_fail(struct cli *cli, const struct err *err);
/* A usage error of the running command. */
int cli_usage(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One JSON document on standard output. */
void message_print(const struct wire_type *type, const void *message);
/* Builds as a table on standard output. */
void builds_print(const struct sos_build *builds, size_t count);
/* A command's usage and flags. */
void command_help_print(const struct command *command, FILE *out);
/* Every command, a line each. */
void help_print(FILE *out);

/* The settings of sos.yaml in `folder` or the nearest above it, up to the root of its git work
 * tree, into cli->project; and where they say so, the server.  Both are outranked by SOS_*
 * variables and flags. */
int cli_project_load(struct cli *cli, const char *folder, struct err *err);
/* The value of a flag, or of the project's setting `own`; and where it came from. */
const char *cli_project_text(const struct cli *cli, const char *flag, const char *own);
/* What sos.yaml may say. */
extern const struct config_item project_items[];
extern const size_t project_items_count;

/* Where the user's own settings and login live: $XDG_CONFIG_HOME/sos/<name> (gives; free()). */
char *cli_user_file(const char *name);
/* The exit code that a finished build stands for. */
int cli_build_exit(const struct sos_build *build);
/* "#1482", a full id, a unique prefix or "@last", as given, made into an id (gives; free()).
 * Below zero: err says why. */
int cli_build_id(struct cli *cli, const char *text, char **ret_id, struct err *err);
