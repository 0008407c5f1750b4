/* login.h - the user's token: SOS_TOKEN, --token-file, or what `sos login` kept
 * in $XDG_CONFIG_HOME/sos/credentials (mode 0600; refused when others may read it). */
#pragma once
#include "cli/cli.h"

/* The token to speak to cli->server with (gives; free()); NULL when there is none. */
char *login_token(struct cli *cli);
/* Where that token comes from, in words (static). */
const char *login_origin(const struct cli *cli);
/* Keep `token` for cli->server. */
int login_keep(struct cli *cli, const char *token, struct err *err);
int login_forget(struct cli *cli, struct err *err);
