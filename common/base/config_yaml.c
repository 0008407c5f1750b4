#include "common/base/config_yaml.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "sos/base/auto.h"

enum { DEPTH_MAX = 8, NAME_MAX_LEN = 128 };

struct reader {
    yaml_parser_t parser;
    const char *file;
    yaml_setting_fn each;
    void *ctx;
    char name[NAME_MAX_LEN];    /* of the maps around, joined by '-' */
    size_t ends[DEPTH_MAX + 1]; /* length of `name` outside each map */
    int depth;
    bool has_key; /* `name` ends with the key whose value comes now */
    bool in_sequence;
    int items; /* of the sequence, so far */
};

static int at_line(const struct reader *reader, size_t line, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s:%zu: %s", reader->file, line + 1, what);
}

/* Adds the key to the name; the value is what comes next. */
static int take_key(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    const char *key = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    size_t start = strlen(reader->name);
    if (len == 0 || memchr(key, '\0', len) || start + len + 2 > sizeof(reader->name))
        return at_line(reader, event->start_mark.line, "a key that is empty or too long", err);
    snprintf(reader->name + start, sizeof(reader->name) - start, "%s%s", start ? "-" : "", key);
    reader->has_key = true;
    return 0;
}

/* Forgets the key whose value was read. */
static void drop_key(struct reader *reader)
{
    reader->name[reader->ends[reader->depth]] = '\0';
    reader->has_key = false;
}

static int take_value(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    size_t line = event->start_mark.line;
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return at_line(reader, line, "a value with a NUL", err);
    struct yaml_setting setting = {
        .name = reader->name,
        .value = (const char *)event->data.scalar.value,
        .item = reader->in_sequence ? ++reader->items : 0,
        .line = (int)line + 1,
    };
    int rc = reader->each(reader->ctx, &setting, err);
    if (rc < 0) {
        err_wrap(err, "%s:%d", reader->file, setting.line);
        return rc;
    }
    if (!reader->in_sequence)
        drop_key(reader);
    return 0;
}

static int on_scalar(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    if (reader->has_key)
        return take_value(reader, event, err);
    if (reader->depth > 0)
        return take_key(reader, event, err);
    if (event->data.scalar.length == 0)
        return 0; /* an empty file is one empty scalar, or none */
    return at_line(reader, event->start_mark.line, "not a map of settings", err);
}

static int open_map(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    if (reader->in_sequence || (reader->depth > 0 && !reader->has_key))
        return at_line(reader, event->start_mark.line, "a map where a value must be", err);
    if (reader->depth == DEPTH_MAX)
        return at_line(reader, event->start_mark.line, "maps nested too deep", err);
    reader->ends[++reader->depth] = strlen(reader->name);
    reader->has_key = false;
    return 0;
}

static void close_map(struct reader *reader)
{
    reader->depth--;
    drop_key(reader);
}

static int open_sequence(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    if (reader->in_sequence || !reader->has_key)
        return at_line(reader, event->start_mark.line, "a list where none can be", err);
    reader->in_sequence = true;
    reader->items = 0;
    return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event, err);
    case YAML_MAPPING_START_EVENT:
        return open_map(reader, event, err);
    case YAML_MAPPING_END_EVENT:
        close_map(reader);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        return open_sequence(reader, event, err);
    case YAML_SEQUENCE_END_EVENT:
        reader->in_sequence = false;
        drop_key(reader);
        return 0;
    case YAML_ALIAS_EVENT:
        return at_line(reader, event->start_mark.line, "aliases are not taken here", err);
    default:
        return 0;
    }
}

static int read_events(struct reader *reader, struct err *err)
{
    int documents = 0;
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            const char *problem = reader->parser.problem;
            size_t line = reader->parser.problem_mark.line;
            return at_line(reader, line, problem ? problem : "not YAML", err);
        }
        int rc = 0;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            rc = at_line(reader, event.start_mark.line, "a second document", err);
        else
            rc = on_event(reader, &event, err);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int config_yaml_read(const char *file, const char *text, size_t len, yaml_setting_fn each,
                     void *ctx, struct err *err)
{
    struct reader reader = { .file = file, .each = each, .ctx = ctx };
    if (!yaml_parser_initialize(&reader.parser))
        abort();
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    int rc = read_events(&reader, err);
    yaml_parser_delete(&reader.parser);
    return rc;
}
