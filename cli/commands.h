/* commands.h - one line a command; each lives in a file of its own. */
#pragma once
#include "cli/cli.h"

extern const struct command command_artifact_get;
extern const struct command command_artifact_list;
extern const struct command command_artifact_show;
extern const struct command command_build;
extern const struct command command_cancel;
extern const struct command command_completion;
extern const struct command command_deps;
extern const struct command command_doctor;
extern const struct command command_help;
extern const struct command command_images;
extern const struct command command_list;
extern const struct command command_login;
extern const struct command command_logout;
extern const struct command command_logs;
extern const struct command command_queue;
extern const struct command command_status;
extern const struct command command_up;
extern const struct command command_version;
extern const struct command command_whoami;
extern const struct command command_workers;
