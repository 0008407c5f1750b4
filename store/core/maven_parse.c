/* maven_parse.c - reading a maven-metadata.xml (expat). */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/maven_metadata.h"

enum { XPATH_MAX = 256, TEXT_MAX = ITEM_PATH_MAX };

struct parse {
    XML_Parser parser;
    struct maven_metadata *metadata;
    char path[XPATH_MAX]; /* "/metadata/versioning/release" */
    size_t path_len;
    char text[TEXT_MAX + 1]; /* of the innermost element */
    size_t text_len;
    struct maven_build build;   /* the entry being read; its texts are owned */
    struct maven_plugin plugin; /* likewise */
    int rc;
    struct err *err;
};

/* --- what the elements mean --- */

static int take_text(char *ret, size_t room, struct parse *parse)
{
    if (parse->text_len >= room)
        return err_set(parse->err, ERR_LIMIT, "%s is longer than %zu bytes", parse->path, room - 1);
    memcpy(ret, parse->text, parse->text_len + 1);
    return 0;
}

static int take_copy(char **ret, struct parse *parse)
{
    free(*ret);
    *ret = xstrdup(parse->text);
    return 0;
}

/* "20260102030405"; other forms (there were some) count as never. */
static int take_when(char ret[MAVEN_WHEN_MAX], struct parse *parse)
{
    if (parse->text_len == MAVEN_WHEN_MAX - 1 &&
        strspn(parse->text, "0123456789") == parse->text_len)
        memcpy(ret, parse->text, MAVEN_WHEN_MAX);
    return 0;
}

static int take_number(struct parse *parse)
{
    char *end;
    long number = strtol(parse->text, &end, 10);

    if (*end == '\0' && number > 0 && number < 1000000000)
        parse->metadata->number = number;
    return 0;
}

#define TAKE_TEXT(name, member)                                                                    \
    static int take_##name(struct parse *parse)                                                    \
    {                                                                                              \
        return take_text(parse->metadata->member, sizeof parse->metadata->member, parse);          \
    }
#define TAKE_COPY(name, member)                                                                    \
    static int take_##name(struct parse *parse)                                                    \
    {                                                                                              \
        return take_copy(&parse->member, parse);                                                   \
    }
TAKE_TEXT(group, group)
TAKE_TEXT(artifact, artifact)
TAKE_TEXT(own_version, version)
TAKE_TEXT(latest, latest)
TAKE_TEXT(release, release)
TAKE_TEXT(stamp, stamp)
TAKE_COPY(classifier, build.classifier)
TAKE_COPY(extension, build.extension)
TAKE_COPY(value, build.value)
TAKE_COPY(plugin_name, plugin.name)
TAKE_COPY(plugin_prefix, plugin.prefix)
TAKE_COPY(plugin_artifact, plugin.artifact)

static int take_updated(struct parse *parse)
{
    return take_when(parse->metadata->updated, parse);
}

static int take_build_updated(struct parse *parse)
{
    return take_when(parse->build.updated, parse);
}

static int take_version(struct parse *parse)
{
    if (parse->text_len > ITEM_NAME_MAX)
        return err_set(parse->err, ERR_LIMIT, "a version is longer than %d bytes", ITEM_NAME_MAX);
    if (parse->text_len == 0)
        return 0;
    return maven_metadata_add_version(parse->metadata, parse->text, parse->err);
}

static void entries_drop(struct parse *parse)
{
    free(parse->build.classifier);
    free(parse->build.extension);
    free(parse->build.value);
    free(parse->plugin.name);
    free(parse->plugin.prefix);
    free(parse->plugin.artifact);
    parse->build = (struct maven_build){ 0 };
    parse->plugin = (struct maven_plugin){ 0 };
}

static int take_build(struct parse *parse)
{
    struct maven_build build = parse->build;
    char none[] = "";
    int rc = 0;

    build.classifier = build.classifier ? build.classifier : none;
    if (build.extension && build.value)
        rc = maven_metadata_add_build(parse->metadata, &build, parse->err);
    entries_drop(parse);
    return rc;
}

static int take_plugin(struct parse *parse)
{
    struct maven_plugin plugin = parse->plugin;
    char none[] = "";
    int rc = 0;

    plugin.name = plugin.name ? plugin.name : none;
    if (plugin.prefix && plugin.artifact)
        rc = maven_metadata_add_plugin(parse->metadata, &plugin, parse->err);
    entries_drop(parse);
    return rc;
}

#define VERSIONING "/metadata/versioning"
#define BUILD      VERSIONING "/snapshotVersions/snapshotVersion"
#define PLUGIN     "/metadata/plugins/plugin"

static const struct {
    const char *path;
    int (*take)(struct parse *parse);
} elements[] = {
    { VERSIONING "/versions/version", take_version },
    { BUILD, take_build },
    { BUILD "/classifier", take_classifier },
    { BUILD "/extension", take_extension },
    { BUILD "/value", take_value },
    { BUILD "/updated", take_build_updated },
    { PLUGIN, take_plugin },
    { PLUGIN "/name", take_plugin_name },
    { PLUGIN "/prefix", take_plugin_prefix },
    { PLUGIN "/artifactId", take_plugin_artifact },
    { "/metadata/groupId", take_group },
    { "/metadata/artifactId", take_artifact },
    { "/metadata/version", take_own_version },
    { VERSIONING "/latest", take_latest },
    { VERSIONING "/release", take_release },
    { VERSIONING "/lastUpdated", take_updated },
    { VERSIONING "/snapshot/timestamp", take_stamp },
    { VERSIONING "/snapshot/buildNumber", take_number },
};

/* --- events --- */

static void parse_stop(struct parse *parse, int rc)
{
    parse->rc = rc;
    XML_StopParser(parse->parser, XML_FALSE);
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
    struct parse *parse = ctx;
    size_t len = strlen(name);

    (void)attributes;
    if (parse->path_len + len + 2 > sizeof parse->path) {
        parse_stop(parse, err_set(parse->err, ERR_LIMIT, "elements are nested too deep"));
        return;
    }
    parse->path[parse->path_len++] = '/';
    memcpy(parse->path + parse->path_len, name, len + 1);
    parse->path_len += len;
    parse->text_len = 0;
    if (strncmp(parse->path, "/metadata", 9) != 0 || (parse->path[9] && parse->path[9] != '/'))
        parse_stop(parse, err_set(parse->err, ERR_INVALID, "it is no metadata of Maven"));
}

/* Blanks around it go, and so does what no name holds: line ends and other controls. */
static void text_trim(struct parse *parse)
{
    size_t start = strspn(parse->text, " \t\r\n");
    size_t kept = 0;

    for (size_t i = start; i < parse->text_len; i++)
        if ((unsigned char)parse->text[i] >= 0x20)
            parse->text[kept++] = parse->text[i];
    while (kept > 0 && parse->text[kept - 1] == ' ')
        kept--;
    parse->text_len = kept;
    parse->text[kept] = '\0';
}

static void on_end(void *ctx, const char *name)
{
    struct parse *parse = ctx;
    int rc = 0;

    parse->text[parse->text_len] = '\0';
    text_trim(parse);
    for (size_t i = 0; rc == 0 && i < countof(elements); i++)
        if (strcmp(parse->path, elements[i].path) == 0)
            rc = elements[i].take(parse);
    parse->path_len -= strlen(name) + 1;
    parse->path[parse->path_len] = '\0';
    parse->text_len = 0;
    if (rc < 0)
        parse_stop(parse, rc);
}

static void on_text(void *ctx, const char *text, int len)
{
    struct parse *parse = ctx;

    if (parse->text_len + (size_t)len > TEXT_MAX) {
        parse_stop(parse,
                   err_set(parse->err, ERR_LIMIT, "a text is longer than %d bytes", TEXT_MAX));
        return;
    }
    memcpy(parse->text + parse->text_len, text, (size_t)len);
    parse->text_len += (size_t)len;
}

/* Entities of its own are the way to make much of little; nobody's metadata has them. */
static void on_doctype(void *ctx, const char *name, const char *system, const char *public,
                       int internal)
{
    struct parse *parse = ctx;

    (void)name, (void)system, (void)public, (void)internal;
    parse_stop(parse, err_set(parse->err, ERR_INVALID, "a DOCTYPE is not taken"));
}

int maven_metadata_parse(const char *text, size_t len, struct maven_metadata *ret, struct err *err)
{
    struct parse *parse;

    if (len > MAVEN_METADATA_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "it is larger than %d bytes", MAVEN_METADATA_BYTES_MAX);
    parse = xcalloc(1, sizeof *parse);
    parse->parser = XML_ParserCreate(NULL);
    if (!parse->parser)
        abort();
    parse->metadata = ret;
    parse->err = err;
    XML_SetUserData(parse->parser, parse);
    XML_SetElementHandler(parse->parser, on_start, on_end);
    XML_SetCharacterDataHandler(parse->parser, on_text);
    XML_SetStartDoctypeDeclHandler(parse->parser, on_doctype);
    if (XML_Parse(parse->parser, text, (int)len, XML_TRUE) == XML_STATUS_ERROR && parse->rc == 0)
        parse->rc =
            err_set(err, ERR_INVALID, "line %lu: %s", XML_GetCurrentLineNumber(parse->parser),
                    XML_ErrorString(XML_GetErrorCode(parse->parser)));
    int rc = parse->rc;
    XML_ParserFree(parse->parser);
    entries_drop(parse);
    free(parse);
    return rc;
}
