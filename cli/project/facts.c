#include "cli/project/facts.h"

#include <ctype.h>
#include <expat.h>
#include <jansson.h>
#include <regex.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/fs.h"

enum { FACT_FILE_MAX = 8 << 20, FACT_VALUE_MAX = 512, XML_DEPTH_MAX = 64, XML_PATH_MAX = 512 };

/* --- TOML: just `key = "string"` inside [table]; enough for names and versions, and what it does
 * not understand it does not find. --- */

static const char *blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Is the key at `p` this one (bare or quoted)?  NULL, or what follows its "=". */
static const char *toml_key(const char *p, const char *key, size_t len)
{
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';
    if (strncmp(p, key, len) != 0)
        return NULL;
    p += len;
    if (quote && *p++ != quote)
        return NULL;
    p = blanks(p);
    return *p == '=' ? blanks(p + 1) : NULL;
}

static char *toml_string(const char *p)
{
    if (*p != '"' && *p != '\'')
        return NULL;
    if (p[0] == p[1] && p[1] == p[2])
        return NULL;
    size_t len = strcspn(p + 1, *p == '"' ? "\"\\\n" : "'\n");
    return p[1 + len] == *p ? xstrndup(p + 1, len) : NULL;
}

/* Is this line the header "[table]"? */
static bool toml_is_table(const char *p, const char *table, size_t len)
{
    if (*p != '[' || p[1] == '[')
        return false;
    p = blanks(p + 1);
    return strncmp(p, table, len) == 0 && *blanks(p + len) == ']';
}

char *fact_toml(const char *text, const char *key)
{
    const char *dot = strrchr(key, '.');
    size_t table_len = dot ? (size_t)(dot - key) : 0;
    const char *name = dot ? dot + 1 : key;
    bool inside = table_len == 0;
    while (*text) {
        const char *p = blanks(text);
        if (*p == '[')
            inside = table_len > 0 && toml_is_table(p, key, table_len);
        else if (inside) {
            const char *value = toml_key(p, name, strlen(name));
            if (value)
                return toml_string(value);
        }
        text = strchrnul(text, '\n');
        text += *text == '\n';
    }
    return NULL;
}

/* --- JSON pointer (RFC 6901) --- */

static json_t *json_step(json_t *at, const char *token, size_t len)
{
    char key[256];
    size_t out = 0;
    for (size_t i = 0; i < len && out + 1 < sizeof key; i++) {
        if (token[i] == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1'))
            key[out++] = token[++i] == '0' ? '~' : '/';
        else
            key[out++] = token[i];
    }
    key[out] = '\0';
    if (json_is_array(at))
        return json_array_get(at, (size_t)strtoul(key, NULL, 10));
    return json_object_get(at, key);
}

char *fact_json(const char *text, size_t len, const char *pointer, struct err *err)
{
    json_error_t fault;
    json_t *root = json_loadb(text, len, 0, &fault);
    if (!root) {
        err_set(err, ERR_INVALID, "line %d: %s", fault.line, fault.text);
        return NULL;
    }
    json_t *at = root;
    while (at && *pointer == '/') {
        size_t token = strcspn(pointer + 1, "/");
        at = json_step(at, pointer + 1, token);
        pointer += 1 + token;
    }
    char *value = json_is_string(at) ? xstrdup(json_string_value(at)) : NULL;
    json_decref(root);
    return value;
}

/* --- XML: the text of the first element at a path from the root --- */

struct xml {
    XML_Parser parser;
    const char *wanted;
    char path[XML_PATH_MAX];
    size_t lengths[XML_DEPTH_MAX]; /* of path before each open element */
    int depth;
    bool too_deep;
    bool found;
    struct buf value;
};

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *xml = ctx;
    (void)attributes;
    size_t len = strlen(xml->path), add = strlen(name) + (len > 0);
    if (xml->depth == XML_DEPTH_MAX || len + add >= sizeof xml->path) {
        xml->too_deep = true;
        return;
    }
    xml->lengths[xml->depth++] = len;
    snprintf(xml->path + len, sizeof xml->path - len, "%s%s", len ? "/" : "", name);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    struct xml *xml = ctx;
    (void)name;
    if (xml->too_deep || xml->depth == 0)
        return;
    if (strcmp(xml->path, xml->wanted) == 0)
        xml->found = true;
    xml->path[xml->lengths[--xml->depth]] = '\0';
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int len)
{
    struct xml *xml = ctx;
    if (!xml->found && strcmp(xml->path, xml->wanted) == 0)
        buf_add(&xml->value, text, (size_t)len);
}

/* No entity of the document's own is ever expanded: a name needs none, and a bomb uses them. */
static void XMLCALL on_entity(void *ctx, const XML_Char *name, int is_parameter,
                              const XML_Char *value, int len, const XML_Char *base,
                              const XML_Char *system, const XML_Char *public,
                              const XML_Char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)len, (void)base, (void)system, (void)public;
    (void)notation;
    struct xml *xml = ctx;
    XML_StopParser(xml->parser, XML_FALSE);
}

static char *trim(char *text)
{
    size_t start = strspn(text, " \t\r\n"), len = strlen(text);
    while (len > start && isspace((unsigned char)text[len - 1]))
        len--;
    memmove(text, text + start, len - start);
    text[len - start] = '\0';
    return text;
}

char *fact_xml(const char *text, size_t len, const char *path, struct err *err)
{
    struct xml xml = { .wanted = path };
    buf_init(&xml.value, FACT_VALUE_MAX);
    XML_Parser parser = xml.parser = XML_ParserCreate(NULL);
    if (!parser)
        abort();
    XML_SetUserData(parser, &xml);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetEntityDeclHandler(parser, on_entity);
    char *value = NULL;
    if (XML_Parse(parser, text, (int)len, 1) == XML_STATUS_ERROR)
        err_set(err, ERR_INVALID, "line %lu: %s", XML_GetCurrentLineNumber(parser),
                XML_ErrorString(XML_GetErrorCode(parser)));
    else if (xml.found)
        value = trim(buf_take(&xml.value));
    XML_ParserFree(parser);
    buf_done(&xml.value);
    return value;
}

/* --- lines --- */

static int ere_compile(regex_t *regex, const char *ere, struct err *err)
{
    int rc = regcomp(regex, ere, REG_EXTENDED | REG_NEWLINE);
    if (rc == 0)
        return 0;
    char why[100];
    regerror(rc, regex, why, sizeof why);
    return err_set(err, ERR_INVALID, "pattern %s: %s", ere, why);
}

char *fact_match(const char *text, const char *ere, struct err *err)
{
    regex_t regex;
    regmatch_t found[2];
    if (ere_compile(&regex, ere, err) < 0)
        return NULL;
    char *value = NULL;
    if (regexec(&regex, text, 2, found, 0) == 0 && found[1].rm_so >= 0)
        value = trim(xstrndup(text + found[1].rm_so, (size_t)(found[1].rm_eo - found[1].rm_so)));
    regfree(&regex);
    return value;
}

int line_matches(const char *text, const char *ere, struct err *err)
{
    regex_t regex;
    if (ere_compile(&regex, ere, err) < 0)
        return -ERR_INVALID;
    int found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

char *fact_basename(const char *value)
{
    auto_free char *path = xstrdup(value);
    char *last = strrchr(path, '/');
    if (last && last[1] == 'v' && last[2] && strspn(last + 2, "0123456789") == strlen(last + 2)) {
        *last = '\0';
        last = strrchr(path, '/');
    }
    return xstrdup(last ? last + 1 : path);
}

/* --- a rule --- */

static char *rule_read(const struct sos_fact_rule *rule, const struct buf *text, struct err *err)
{
    if (rule->toml)
        return fact_toml(text->data, rule->toml);
    if (rule->json)
        return fact_json(text->data, text->len, rule->json, err);
    if (rule->xml)
        return fact_xml(text->data, text->len, rule->xml, err);
    return rule->match ? fact_match(text->data, rule->match, err) : NULL;
}

static const char *rule_key(const struct sos_fact_rule *rule)
{
    return rule->toml ? rule->toml : rule->json ? rule->json : rule->xml ? rule->xml : "";
}

static int rule_find(const char *root, const struct sos_fact_rule *rule, char **ret_value,
                     char **ret_where, struct err *err)
{
    auto_free char *path = xasprintf("%s/%s", root, rule->file);
    struct buf text;
    struct err why = { 0 };
    buf_init(&text, FACT_FILE_MAX);
    int rc = fs_read(path, &text, &why);
    if (rc < 0) {
        buf_done(&text);
        return rc == -ERR_NOT_FOUND ? 1 : err_set(err, why.code, "%s", why.text);
    }
    buf_add(&text, "", 0);
    auto_free char *value = text.data ? rule_read(rule, &text, &why) : NULL;
    buf_done(&text);
    if (why.code)
        return err_set(err, why.code, "%s: %s", rule->file, why.text);
    if (!value || !value[0])
        return 1;
    *ret_value = rule->basename ? fact_basename(value) : take_ptr(value);
    *ret_where = xasprintf("%s%s%s", rule->file, rule_key(rule)[0] ? ": " : "", rule_key(rule));
    return 0;
}

int fact_find(const char *root, const struct sos_image *image, enum sos_fact_rule_fact fact,
              char **ret_value, char **ret_where, struct err *err)
{
    for (size_t i = 0; i < image->facts_count; i++) {
        const struct sos_fact_rule *rule = &image->facts[i];
        if (rule->fact != fact || !rule->file)
            continue;
        int rc = rule_find(root, rule, ret_value, ret_where, err);
        if (rc <= 0)
            return rc;
    }
    return 1;
}
