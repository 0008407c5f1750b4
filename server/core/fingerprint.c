#include "server/core/fingerprint.h"

#include <string.h>

#include "sos/base/auto.h"

/* "name length:value\n": no value can pass for two. */
static char *field_add(char *text, const char *name, const char *value)
{
    if (!value)
        value = "";
    char *more = xasprintf("%s%s %zu:%s\n", text, name, strlen(value), value);
    free(text);
    return more;
}

void build_fingerprint(const struct sos_build *msg, char ret_hex[SHA256_HEX])
{
    static const struct sos_image_ref none = { 0 };
    const struct sos_image_ref *image = msg->image ? msg->image : &none;

    char *text = xstrdup("sos build 1\n");
    text = field_add(text, "source", msg->source);
    text = field_add(text, "image", image->build_digest);
    text = field_add(text, "recipe", image->recipe_sha256);
    text = field_add(text, "project", msg->project);
    text = field_add(text, "version", msg->version);
    text = field_add(text, "entry", msg->entry);
    sha256_hex(text, strlen(text), ret_hex);
    free(text);
}
