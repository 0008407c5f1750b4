#include "cli/project/vcs.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/spawn.h"

enum { GIT_TIMEOUT_MS = 10000, GIT_OUT_MAX = 1 << 20 };

/* A project may bring its own git configuration: nothing that it could make git run is followed.
 * Gives the first line, or NULL. */
static char *git(const char *root, struct buf *out, const char *const args[])
{
    const char *argv[24] = { "git",
                             "-C",
                             root,
                             "-c",
                             "core.fsmonitor=false",
                             "-c",
                             "core.hooksPath=/dev/null",
                             "-c",
                             "core.pager=cat" };
    size_t n = 9;
    for (size_t i = 0; args[i] && n + 1 < countof(argv); i++)
        argv[n++] = args[i];
    struct spawn spawn = { .argv = argv, .timeout_ms = GIT_TIMEOUT_MS };
    buf_clear(out);
    if (spawn_run(&spawn, out, NULL, NULL) < 0 || !out->data)
        return NULL;
    out->data[strcspn(out->data, "\n")] = '\0';
    return out->data;
}
#define GIT(root, out, ...) git(root, out, (const char *const[]){ __VA_ARGS__, NULL })

/* "https://user:secret@host/x" must not travel with its secret. */
static void url_keep(const char *url, char ret[300])
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme ? strchr(scheme, '@') : NULL;
    const char *slash = scheme ? strchr(scheme + 3, '/') : NULL;
    if (at && (!slash || at < slash))
        snprintf(ret, 300, "%.*s%s", (int)(scheme + 3 - url), url, at + 1);
    else
        snprintf(ret, 300, "%s", url);
}

static void dirty_read(const char *root, struct buf *out, struct vcs *ret)
{
    const char *const args[] = { "status", "--porcelain", "--untracked-files=normal",
                                 "--",     ".",           NULL };
    if (!git(root, out, args) || !out->data[0])
        return;
    ret->dirty = true;
    snprintf(ret->dirty_paths, sizeof ret->dirty_paths, "%s",
             out->data + strspn(out->data, " ?MADRCU"));
}

void vcs_read(const char *root, struct vcs *ret)
{
    struct buf out;
    memset(ret, 0, sizeof *ret);
    buf_init(&out, GIT_OUT_MAX);
    const char *text = GIT(root, &out, "rev-parse", "--verify", "-q", "HEAD");
    if (text) {
        snprintf(ret->commit, sizeof ret->commit, "%s", text);
        if ((text = GIT(root, &out, "rev-parse", "--abbrev-ref", "HEAD")))
            snprintf(ret->branch, sizeof ret->branch, "%s", text);
        if ((text = GIT(root, &out, "config", "--get", "remote.origin.url")))
            url_keep(text, ret->url);
        if ((text = GIT(root, &out, "describe", "--tags", "--always")))
            snprintf(ret->describe, sizeof ret->describe, "%s", text);
        if ((text = GIT(root, &out, "show", "-s", "--format=%ct", "HEAD")))
            ret->commit_time_s = strtoll(text, NULL, 10);
        dirty_read(root, &out, ret);
    }
    buf_done(&out);
}
