#include "cli/login.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { CREDENTIALS_MAX = 64 << 10, TOKEN_MAX = 512 };

/* One line for each server: "<server> <token>". */
static int credentials_read(struct buf *ret, struct err *err)
{
    auto_free char *path = cli_user_file("credentials");
    struct stat st;
    buf_init(ret, CREDENTIALS_MAX);
    if (stat(path, &st) < 0)
        return 0;
    if (st.st_mode & 077) {
        err_set(err, ERR_DENIED, "%s may be read by others", path);
        err_hint(err, "chmod 600 %s", path);
        return -ERR_DENIED;
    }
    return fs_read(path, ret, err);
}

static char *credentials_find(const struct buf *text, const char *server)
{
    size_t len = strlen(server);
    const char *line = text->data;
    while (line && *line) {
        const char *end = strchrnul(line, '\n');
        if (strncmp(line, server, len) == 0 && line[len] == ' ')
            return xstrndup(line + len + 1, (size_t)(end - line) - len - 1);
        line = *end ? end + 1 : end;
    }
    return NULL;
}

static char *first_line(const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, TOKEN_MAX);
    if (fs_read(path, &text, err) < 0) {
        buf_done(&text);
        return NULL;
    }
    char *token = xstrndup(text.data ? text.data : "", strcspn(text.data ? text.data : "", "\r\n"));
    buf_done(&text);
    return token;
}

char *login_token(struct cli *cli)
{
    struct err err = { 0 };
    const char *given = getenv("SOS_TOKEN");
    const char *file = config_string(cli->config, "token-file");
    /* A project may name its farm, but not one to send a token to that was not meant for it. */
    bool may_give = !cli->foreign;
    if (!may_give && (file[0] || (given && given[0])))
        fprintf(stderr,
                "warning: sos.yaml names the farm %s: your token is not sent there\n"
                "    try: sos login, or SOS_SERVER=%s\n",
                cli->server, cli->server);
    if (file[0] && may_give) {
        char *token = first_line(file, &err);
        if (!token)
            fprintf(stderr, "warning: %s\n", err.text);
        return token;
    }
    if (given && given[0] && may_give)
        return xstrdup(given);

    struct buf text;
    char *token = NULL;
    if (credentials_read(&text, &err) < 0)
        fprintf(stderr, "warning: %s\n    try: %s\n", err.text, err.hint);
    else
        token = credentials_find(&text, cli->server);
    buf_done(&text);
    return token;
}

const char *login_origin(const struct cli *cli)
{
    struct err ignored;
    struct buf text;
    const char *given = getenv("SOS_TOKEN");
    if (!cli->foreign && config_string(cli->config, "token-file")[0])
        return "the token file";
    if (!cli->foreign && given && given[0])
        return "environment (SOS_TOKEN)";
    auto_free char *kept =
        credentials_read(&text, &ignored) < 0 ? NULL : credentials_find(&text, cli->server);
    buf_done(&text);
    return kept ? "kept by sos login" : "none: sos login";
}

/* The file without this server's line, with a new one when there is a token. */
static int credentials_write(struct cli *cli, const char *token, struct err *err)
{
    auto_free char *path = cli_user_file("credentials");
    auto_free char *dir = cli_user_file("");
    struct buf old, text;
    buf_init(&text, CREDENTIALS_MAX);
    int rc = credentials_read(&old, err);
    size_t len = strlen(cli->server);
    for (const char *line = old.data; rc == 0 && line && *line;) {
        const char *end = strchrnul(line, '\n');
        if (!(strncmp(line, cli->server, len) == 0 && line[len] == ' '))
            buf_printf(&text, "%.*s\n", (int)(end - line), line);
        line = *end ? end + 1 : end;
    }
    if (token)
        buf_printf(&text, "%s %s\n", cli->server, token);
    if (rc == 0)
        rc = fs_mkdirs(dir, 0700, err);
    if (rc == 0)
        rc = fs_write_atomic(path, text.data ? text.data : "", text.len, 0600, err);
    buf_done(&old);
    buf_done(&text);
    return rc;
}

int login_keep(struct cli *cli, const char *token, struct err *err)
{
    return credentials_write(cli, token, err);
}

int login_forget(struct cli *cli, struct err *err)
{
    return credentials_write(cli, NULL, err);
}
