#include "store/core/errors.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/utf8.h"

/* A message may quote what came, cut anywhere: what is no UTF-8 becomes a question mark. */
static char *text_cleaned(const char *text)
{
    char *clean = xstrdup(text);

    for (char *at = clean; *at;) {
        size_t size = utf8_next(at, strlen(at), NULL);
        if (size == 0)
            *at = '?';
        at += size ? size : 1;
    }
    return clean;
}

/* Takes `root`. */
static char *json_text(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;

    if (!text)
        abort(); /* out of memory */
    json_decref(root);
    return text;
}

char *error_json(int status, const char *message)
{
    auto_free char *clean = text_cleaned(message);

    return json_text(json_pack("{s:[{s:i, s:s}]}", "errors", "status", status, "message", clean));
}

char *error_json_npm(int status, const char *message)
{
    auto_free char *clean = text_cleaned(message);

    return json_text(json_pack("{s:s, s:[{s:i, s:s}]}", "error", clean, "errors", "status", status,
                               "message", clean));
}

void error_no_overwrite(const struct item_path *item, const char *user, char ret[ERROR_TEXT_MAX])
{
    snprintf(ret, ERROR_TEXT_MAX,
             "Not enough permissions to delete/overwrite artifact '%s:%s' (user: '%s' needs "
             "DELETE permission).",
             item->repo, item->path, user);
}

void error_no_permission(const char *verb, const struct item_path *item, const char *user,
                         char ret[ERROR_TEXT_MAX])
{
    snprintf(ret, ERROR_TEXT_MAX, "User '%s' is not permitted to %s '%s:%s'.", user, verb,
             item->repo, item->path);
}

void error_nothing_to_delete(const struct item_path *item, char ret[ERROR_TEXT_MAX])
{
    snprintf(ret, ERROR_TEXT_MAX, "Could not locate artifact '%s:%s' (Nothing to delete).",
             item->repo, item->path);
}

void error_no_repository(const char *repo, char ret[ERROR_TEXT_MAX])
{
    snprintf(ret, ERROR_TEXT_MAX, "Could not find a local repository named %s to deploy to.", repo);
}

void error_checksum_policy(const struct item_path *item, const char *info, char ret[ERROR_TEXT_MAX])
{
    snprintf(ret, ERROR_TEXT_MAX,
             "Checksum policy 'LocalRepoChecksumPolicy: CLIENT' rejected the artifact '%s:%s'. "
             "Checksums info: %s",
             item->repo, item->path, info);
}
