#include "sos/base/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/config_yaml.h"
#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"

enum { FILE_MAX = 1 << 20, LIST_MAX = 65536, NAME_COLUMN = 30 };

struct value {
    char *text; /* NULL: not set yet */
    char *origin;
    int64_t number;
};

struct config {
    const struct config_item *items;
    size_t count;
    struct value *values; /* as many */
    char **args;
    size_t args_count;
    char *file; /* of --config or SOS_CONFIG */
    bool wants_help;
};

/* --- values --- */

static int parse_int(const char *text, int64_t *ret, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)text[0]))
        return err_set(err, ERR_INVALID, "'%.40s' is not a whole number", text);
    *ret = number;
    return 0;
}

static int parse_bool(const char *text, int64_t *ret, struct err *err)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < countof(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = i % 2 == 1;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "'%.40s' is neither true nor false", text);
}

/* A number of digits alone is bytes; the units are those of IEC (1024) and SI (1000). */
static int parse_bytes(const char *text, int64_t *ret, struct err *err)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {
        { "", 1 },
        { "B", 1 },
        { "KiB", 1LL << 10 },
        { "MiB", 1LL << 20 },
        { "GiB", 1LL << 30 },
        { "TiB", 1LL << 40 },
        { "kB", 1000 },
        { "KB", 1000 },
        { "MB", 1000000 },
        { "GB", 1000000000 },
        { "TB", 1000000000000 },
    };
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < 19) {
        int64_t number = strtoll(text, NULL, 10);
        for (size_t i = 0; i < countof(units); i++)
            if (strcmp(text + digits, units[i].name) == 0 &&
                !__builtin_mul_overflow(number, units[i].bytes, ret))
                return 0;
    }
    return err_set(err, ERR_INVALID, "'%.40s' is not a size like 4096, 64MiB or 10GB", text);
}

static int parse_value(enum config_type type, const char *text, int64_t *ret, struct err *err)
{
    switch (type) {
    case CONFIG_INT:
        return parse_int(text, ret, err);
    case CONFIG_BOOL:
        return parse_bool(text, ret, err);
    case CONFIG_DURATION:
        return clock_parse_duration(text, ret, err);
    case CONFIG_BYTES:
        return parse_bytes(text, ret, err);
    case CONFIG_STRING:
    case CONFIG_LIST:
        break;
    }
    *ret = 0;
    return 0;
}

/* One more line of a list that came from the same place. */
static int append_line(struct value *value, const char *text, struct err *err)
{
    char *joined = xasprintf("%s\n%s", value->text, text);
    free(value->text);
    value->text = joined;
    if (strlen(joined) > LIST_MAX)
        return err_set(err, ERR_LIMIT, "the list is longer than %d bytes", LIST_MAX);
    return 0;
}

/* Checks `text` and keeps it.  `again`: the same setting from the same kind of
 * place; a list grows then, anything else is replaced. */
static int set_value(struct config *config, size_t index, const char *text, const char *origin,
                     bool again, struct err *err)
{
    struct value *value = &config->values[index];
    int64_t number = 0;
    int rc = parse_value(config->items[index].type, text, &number, err);
    if (rc < 0)
        return rc;
    if (again && config->items[index].type == CONFIG_LIST)
        return append_line(value, text, err);
    free(value->text);
    free(value->origin);
    *value = (struct value){ xstrdup(text), xstrdup(origin), number };
    return 0;
}

/* Index of the item, -1 when there is none. */
static long find_item(const struct config *config, const char *name, size_t len)
{
    for (size_t i = 0; i < config->count; i++)
        if (strncmp(config->items[i].name, name, len) == 0 && config->items[i].name[len] == '\0')
            return (long)i;
    return -1;
}

/* --- flags --- */

struct flags {
    struct config *config;
    char **argv;
    int argc;
    int at; /* the element being read */
};

/* The value of a flag that has none in its own element. */
static const char *next_value(struct flags *flags)
{
    return flags->at + 1 < flags->argc ? flags->argv[++flags->at] : NULL;
}

static int set_flag(struct flags *flags, long index, const char *shown, const char *text,
                    struct err *err)
{
    struct config *config = flags->config;
    struct value *value = &config->values[index];
    if (!text)
        return err_set(err, ERR_INVALID, "%s needs a value", shown);
    int rc = set_value(config, (size_t)index, text, "flag", value->text != NULL, err);
    if (rc < 0)
        err_wrap(err, "%s", shown);
    return rc;
}

static int unknown_flag(const char *shown, struct err *err)
{
    err_set(err, ERR_INVALID, "unknown flag %.80s", shown);
    err_hint(err, "--help lists the flags");
    return -ERR_INVALID;
}

/* --name=value, --name value, --switch, --no-switch */
static int long_flag(struct flags *flags, const char *arg, struct err *err)
{
    struct config *config = flags->config;
    const char *name = arg + 2;
    size_t len = strcspn(name, "=");
    const char *text = name[len] == '=' ? name + len + 1 : NULL;
    auto_free char *shown = xstrndup(arg, len + 2);

    if (len == 6 && strncmp(name, "config", len) == 0 && find_item(config, name, len) < 0) {
        text = text ? text : next_value(flags);
        free(config->file);
        config->file = xstrdup(text);
        return text ? 0 : err_set(err, ERR_INVALID, "--config needs a file");
    }
    long index = find_item(config, name, len);
    if (index >= 0 && config->items[index].type == CONFIG_BOOL)
        return set_flag(flags, index, shown, text ? text : "true", err);
    if (index >= 0)
        return set_flag(flags, index, shown, text ? text : next_value(flags), err);
    if (len > 3 && strncmp(name, "no-", 3) == 0 && !text) {
        index = find_item(config, name + 3, len - 3);
        if (index >= 0 && config->items[index].type == CONFIG_BOOL)
            return set_flag(flags, index, shown, "false", err);
    }
    return unknown_flag(shown, err);
}

static long find_letter(const struct config *config, char letter)
{
    for (size_t i = 0; i < config->count; i++)
        if (config->items[i].letter == letter)
            return (long)i;
    return -1;
}

/* -n VALUE, -nVALUE; switches may share one dash: -qf */
static int short_flags(struct flags *flags, const char *arg, struct err *err)
{
    for (const char *letter = arg + 1; *letter; letter++) {
        char shown[3] = { '-', *letter, '\0' };
        long index = find_letter(flags->config, *letter);
        if (index < 0 && *letter == 'h') {
            flags->config->wants_help = true;
            continue;
        }
        if (index < 0)
            return unknown_flag(shown, err);
        if (flags->config->items[index].type != CONFIG_BOOL)
            return set_flag(flags, index, shown, letter[1] ? letter + 1 : next_value(flags), err);
        int rc = set_flag(flags, index, shown, "true", err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_flags(struct config *config, int argc, char **argv, struct err *err)
{
    struct flags flags = { .config = config, .argv = argv, .argc = argc, .at = 1 };
    config->args = xcalloc((size_t)(argc > 0 ? argc : 1) + 1, sizeof(*config->args));
    bool ended = false;
    for (; flags.at < argc && !config->wants_help; flags.at++) {
        char *arg = argv[flags.at];
        int rc = 0;
        if (ended || arg[0] != '-' || arg[1] == '\0')
            config->args[config->args_count++] = arg;
        else if (strcmp(arg, "--") == 0)
            ended = true;
        else if (strcmp(arg, "--help") == 0)
            config->wants_help = true;
        else
            rc = arg[1] == '-' ? long_flag(&flags, arg, err) : short_flags(&flags, arg, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- environment and file --- */

/* "SOS_STORE_URL" of "store-url" (gives). */
static char *environment_name(const char *name)
{
    char *variable = xasprintf("SOS_%s", name);
    for (char *p = variable; *p; p++)
        *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
    return variable;
}

static int read_environment(struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->count; i++) {
        if (config->items[i].flag_only)
            continue;
        auto_free char *variable = environment_name(config->items[i].name);
        const char *text = getenv(variable);
        if (!text || text[0] == '\0' || config->values[i].text)
            continue;
        int rc = set_value(config, i, text, "environment", false, err);
        if (rc < 0) {
            err_wrap(err, "%s", variable);
            return rc;
        }
    }
    return 0;
}

/* What the file said of an item. */
struct in_file {
    int line;        /* 0: nothing yet */
    bool overridden; /* by a flag or the environment */
};

struct file_reader {
    struct config *config;
    const char *file;
    struct in_file *items; /* as many as the configuration has */
};

static int check_setting(const struct config_item *item, const struct in_file *before,
                         const struct yaml_setting *setting, struct err *err)
{
    if (item->flag_only)
        return err_set(err, ERR_INVALID, "'%s' can only be given as a flag", item->name);
    if (setting->item > 0 && item->type != CONFIG_LIST)
        return err_set(err, ERR_INVALID, "'%s' takes one value, not a list", item->name);
    if (before->line > 0 && setting->item <= 1)
        return err_set(err, ERR_INVALID, "'%s' is there twice, first in line %d", item->name,
                       before->line);
    return 0;
}

/* A value that is overridden is checked all the same. */
static int on_setting(void *ctx, const struct yaml_setting *setting, struct err *err)
{
    struct file_reader *reader = ctx;
    struct config *config = reader->config;
    long index = find_item(config, setting->name, strlen(setting->name));
    if (index < 0)
        return err_set(err, ERR_INVALID, "unknown setting '%s'", setting->name);
    const struct config_item *item = &config->items[index];
    struct in_file *seen = &reader->items[index];
    int rc = check_setting(item, seen, setting, err);
    if (rc < 0)
        return rc;
    if (seen->line == 0)
        *seen = (struct in_file){ setting->line, config->values[index].text != NULL };

    int64_t number = 0;
    auto_free char *origin = xasprintf("%s:%d", reader->file, setting->line);
    if (seen->overridden)
        rc = parse_value(item->type, setting->value, &number, err);
    else
        rc = set_value(config, (size_t)index, setting->value, origin, setting->item > 1, err);
    if (rc < 0)
        err_wrap(err, "%s", item->name);
    return rc;
}

static int read_file(struct config *config, const char *file, struct err *err)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    int rc = fs_read(file, &text, err);
    if (rc == 0) {
        auto_free struct in_file *items = xcalloc(config->count, sizeof(*items));
        struct file_reader reader = { .config = config, .file = file, .items = items };
        rc = config_yaml_read(file, text.data ? text.data : "", text.len, on_setting, &reader, err);
    }
    buf_done(&text);
    return rc;
}

/* The file somebody named must be there; the usual one may be absent. */
static int read_a_file(struct config *config, const char *default_file, struct err *err)
{
    const char *file = config->file ? config->file : getenv("SOS_CONFIG");
    if (file && file[0])
        return read_file(config, file, err);
    if (!default_file || access(default_file, F_OK) < 0)
        return 0;
    return read_file(config, default_file, err);
}

/* --- the whole --- */

static void set_fallbacks(struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct config_item *item = &config->items[i];
        bool is_text = item->type == CONFIG_STRING || item->type == CONFIG_LIST;
        const char *text = item->fallback ? item->fallback : is_text ? "" : "0";
        if (config->values[i].text)
            continue;
        int rc = set_value(config, i, text, "built-in", false, NULL);
        assert(rc == 0);
    }
}

static int load(struct config *config, int argc, char **argv, const char *default_file,
                struct err *err)
{
    int rc = read_flags(config, argc, argv, err);
    if (rc == 0 && !config->wants_help)
        rc = read_environment(config, err);
    if (rc == 0 && !config->wants_help)
        rc = read_a_file(config, default_file, err);
    if (rc == 0)
        set_fallbacks(config);
    return rc;
}

int config_load(const struct config_item *items, size_t count, int argc, char **argv,
                const char *default_file, struct config **ret, struct err *err)
{
    struct config *config = xcalloc(1, sizeof(*config));
    config->items = items;
    config->count = count;
    config->values = xcalloc(count, sizeof(*config->values));
    int rc = load(config, argc, argv, default_file, err);
    if (rc < 0)
        config_free(config);
    else
        *ret = config;
    return rc;
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->count; i++) {
        free(config->values[i].text);
        free(config->values[i].origin);
    }
    free(config->values);
    free(config->args);
    free(config->file);
    free(config);
}

static const struct value *value_of(const struct config *config, const char *name)
{
    long index = find_item(config, name, strlen(name));
    assert(index >= 0);
    return &config->values[index];
}

const char *config_string(const struct config *config, const char *name)
{
    return value_of(config, name)->text;
}

int64_t config_int(const struct config *config, const char *name)
{
    return value_of(config, name)->number;
}

bool config_bool(const struct config *config, const char *name)
{
    return value_of(config, name)->number != 0;
}

const char *config_origin(const struct config *config, const char *name)
{
    return value_of(config, name)->origin;
}

char **config_args(const struct config *config, size_t *ret_count)
{
    if (ret_count)
        *ret_count = config->args_count;
    return config->args;
}

bool config_wants_help(const struct config *config)
{
    return config->wants_help;
}

static void help_line(FILE *out, char letter, const char *name, const char *kind, const char *help,
                      const char *fallback)
{
    char flag[128];
    char shorter[5] = "    ";
    if (letter)
        snprintf(shorter, sizeof(shorter), "-%c, ", letter);
    snprintf(flag, sizeof(flag), "%s--%s%s%s", shorter, name, kind[0] ? " " : "", kind);
    fprintf(out, "  %-*s  %s", NAME_COLUMN, flag, help);
    if (fallback && fallback[0])
        fprintf(out, " (built-in: %s)", fallback);
    fputc('\n', out);
}

void config_help(const struct config_item *items, size_t count, FILE *out)
{
    static const char *const kinds[] = {
        [CONFIG_STRING] = "TEXT",   [CONFIG_INT] = "N",      [CONFIG_BOOL] = "",
        [CONFIG_DURATION] = "TIME", [CONFIG_BYTES] = "SIZE", [CONFIG_LIST] = "TEXT",
    };
    for (size_t i = 0; i < count; i++)
        help_line(out, items[i].letter, items[i].name, kinds[items[i].type], items[i].help,
                  items[i].fallback);
    bool own = false;
    for (size_t i = 0; i < count; i++)
        own = own || strcmp(items[i].name, "config") == 0;
    if (!own)
        help_line(out, 0, "config", "FILE", "YAML file with these settings", NULL);
    help_line(out, 0, "help", "", "this text", NULL);
}
