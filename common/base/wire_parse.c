/* wire_parse.c - ProtoJSON to structs.
 *
 * jansson reads the text; this walks its tree by the tables and knows at each
 * value the way there, so that a refusal names the place. */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/utf8.h"
#include "sos/base/wire.h"
#include "sos/base/wire_table.h"

enum { DEPTH_MAX = 32, NAME_MAX_LEN = 64 };

/* The range of google.protobuf.Timestamp (years 1 to 9999) and Duration. */
static const int64_t TIME_MIN_MS = -62135596800000;
static const int64_t TIME_MAX_MS = 253402300799999;
static const int64_t DURATION_MAX_S = 315576000000;

/* One step of the way to a value. */
struct where {
    const struct where *up; /* NULL: the whole text */
    const char *key;        /* NULL: an element of a list */
    size_t index;
};

struct reader {
    enum wire_mode mode;
    struct wire_fault *fault;
};

static int read_message(struct reader *reader, const struct where *at, const struct wire_type *type,
                        const json_t *json, void *ret);

/* --- refusing --- */

/* Adds as much of `text` as fits, whole characters only. */
static void pointer_add(char *pointer, size_t size, const char *text)
{
    size_t len = strlen(pointer);
    size_t fits = size - 1 - len;
    size_t more = strlen(text);

    if (more > fits)
        more = utf8_cut(text, fits);
    memcpy(pointer + len, text, more);
    pointer[len + more] = '\0';
}

/* JSON pointer (RFC 6901) of a place: "~" is written ~0 and "/" ~1. */
static void pointer_of(const struct where *at, char *pointer, size_t size)
{
    if (!at->up)
        return;
    pointer_of(at->up, pointer, size);

    char text[32];
    snprintf(text, sizeof(text), "/%zu", at->index);
    pointer_add(pointer, size, at->key ? "/" : text);
    for (const char *c = at->key; c && *c;) {
        size_t len = strcspn(c, "~/");
        auto_free char *plain = xstrndup(c, len);

        pointer_add(pointer, size, plain);
        if (c[len] != '\0')
            pointer_add(pointer, size, c[len++] == '~' ? "~0" : "~1");
        c += len;
    }
}

static int refuse(struct reader *reader, const struct where *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(struct reader *reader, const struct where *at, const char *fmt, ...)
{
    struct wire_fault *fault = reader->fault;
    va_list args;

    va_start(args, fmt);
    vsnprintf(fault->message, sizeof(fault->message), fmt, args);
    va_end(args);
    fault->message[utf8_cut(fault->message, strlen(fault->message))] = '\0';

    fault->pointer[0] = '\0';
    pointer_of(at, fault->pointer, sizeof(fault->pointer));
    return -ERR_INVALID;
}

/* Levenshtein's distance; names longer than the table are far from everything. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1];
    size_t width = strlen(b);

    if (width > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = corner + (a[i - 1] == b[j - 1] ? 0 : 1);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[width];
}

static int refuse_unknown(struct reader *reader, const struct where *at,
                          const struct wire_type *type)
{
    size_t nearest = strlen(at->key) > 4 ? 3 : 2; /* this far is too far */
    const char *meant = NULL;

    for (size_t i = 0; i < type->count; i++) {
        size_t far = distance(at->key, type->fields[i].json);
        if (far < nearest) {
            nearest = far;
            meant = type->fields[i].json;
        }
    }
    if (meant)
        return refuse(reader, at, "unknown field; did you mean \"%s\"?", meant);
    return refuse(reader, at, "unknown field");
}

/* --- values --- */

/* "-12": no sign but "-", no space, no leading zero. */
static bool integer_parse(const char *text, int64_t *ret)
{
    const char *digits = text + (*text == '-');
    size_t len = strlen(digits);

    if (len == 0 || strspn(digits, "0123456789") != len || (digits[0] == '0' && len > 1))
        return false;
    errno = 0;
    *ret = strtoll(text, NULL, 10);
    return errno == 0;
}

/* A number may be written 10, 10.0, 1e1 or "10". */
static int read_integer(struct reader *reader, const struct where *at, const json_t *json,
                        int64_t least, int64_t most, int64_t *ret)
{
    int64_t value = 0;
    bool fine = false;

    if (json_is_integer(json)) {
        value = json_integer_value(json);
        fine = true;
    } else if (json_is_string(json)) {
        fine = integer_parse(json_string_value(json), &value);
    } else if (json_is_real(json)) {
        double real = json_real_value(json);
        if (real >= -0x1p63 && real < 0x1p63) {
            value = (int64_t)real;
            fine = (double)value == real;
        }
    }
    if (!fine || value < least || value > most)
        return refuse(reader, at, "must be a whole number between %lld and %lld", (long long)least,
                      (long long)most);
    *ret = value;
    return 0;
}

static int refuse_enum(struct reader *reader, const struct where *at, const struct wire_enum *names)
{
    char known[sizeof(reader->fault->message)] = "";

    for (size_t i = 0; i < names->count; i++) {
        if (names->values[i].number == 0)
            continue; /* UNSPECIFIED: the same as leaving it out */
        if (known[0] != '\0')
            pointer_add(known, sizeof(known), ", ");
        pointer_add(known, sizeof(known), names->values[i].name);
    }
    return refuse(reader, at, "must be one of %s", known);
}

/* A value of a newer version is UNSPECIFIED to a lenient reader. */
static int read_enum(struct reader *reader, const struct where *at, const struct wire_enum *names,
                     const json_t *json, int *ret)
{
    int64_t number = -1;

    if (json_is_string(json))
        number = wire_enum_value(names, json_string_value(json));
    else if (json_is_integer(json))
        number = json_integer_value(json);
    else
        return refuse_enum(reader, at, names);

    if (number < 0 || number > INT32_MAX || !wire_enum_name(names, (int)number)) {
        if (reader->mode == WIRE_STRICT)
            return refuse_enum(reader, at, names);
        number = 0;
    }
    *ret = (int)number;
    return 0;
}

static int read_time(struct reader *reader, const struct where *at, const json_t *json,
                     int64_t *ret)
{
    int64_t value = 0;

    if (!json_is_string(json) || clock_parse(json_string_value(json), &value, NULL) < 0 ||
        value < TIME_MIN_MS || value > TIME_MAX_MS)
        return refuse(reader, at, "must be a time like \"2026-11-23T16:02:11.250Z\"");
    *ret = value;
    return 0;
}

/* "-3.5s": up to nine digits after the point; finer than a millisecond is cut. */
static bool duration_parse(const char *text, int64_t *ret_ms)
{
    bool negative = *text == '-';
    const char *c = text + negative;
    int64_t seconds = 0, ms = 0;

    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        seconds = seconds * 10 + (*c - '0');
        if (seconds > DURATION_MAX_S)
            return false;
    }
    if (*c == '.') {
        size_t digits = strspn(++c, "0123456789");
        if (digits == 0 || digits > 9)
            return false;
        for (size_t i = 0; i < 3; i++)
            ms = ms * 10 + (i < digits ? c[i] - '0' : 0);
        c += digits;
    }
    if (strcmp(c, "s") != 0)
        return false;
    *ret_ms = (seconds * 1000 + ms) * (negative ? -1 : 1);
    return true;
}

static int read_duration(struct reader *reader, const struct where *at, const json_t *json,
                         int64_t *ret)
{
    if (!json_is_string(json) || !duration_parse(json_string_value(json), ret))
        return refuse(reader, at, "must be a duration like \"90s\" or \"1.5s\"");
    return 0;
}

/* An empty string is NULL where a field holds one, and "" in a list. */
static int read_string(struct reader *reader, const struct where *at, const json_t *json,
                       bool keep_empty, char **ret)
{
    if (!json_is_string(json))
        return refuse(reader, at, "must be a string");
    if (keep_empty || json_string_length(json) > 0)
        *ret = xstrndup(json_string_value(json), json_string_length(json));
    return 0;
}

static int read_value(struct reader *reader, const struct where *at, const struct wire_field *field,
                      const json_t *json, void *slot)
{
    int64_t number = 0;
    int rc = 0;

    switch (field->kind) {
    case WIRE_STRING:
        return read_string(reader, at, json, field->repeated, slot);
    case WIRE_INT32:
        rc = read_integer(reader, at, json, INT32_MIN, INT32_MAX, &number);
        *(int32_t *)slot = (int32_t)number;
        return rc;
    case WIRE_INT64:
        return read_integer(reader, at, json, INT64_MIN, INT64_MAX, slot);
    case WIRE_BOOL:
        if (!json_is_boolean(json))
            return refuse(reader, at, "must be true or false");
        *(bool *)slot = json_is_true(json);
        return 0;
    case WIRE_ENUM:
        return read_enum(reader, at, field->names, json, slot);
    case WIRE_MESSAGE:
        return read_message(reader, at, field->type, json, slot);
    case WIRE_TIME:
        return read_time(reader, at, json, slot);
    case WIRE_DURATION:
        return read_duration(reader, at, json, slot);
    case WIRE_PAIRS:
        break; /* read_pairs() */
    }
    abort();
}

/* --- messages --- */

/* The count is set before the values are: what a failure leaves behind is for wire_done(). */
static void *list_new(const struct wire_field *field, void *message, size_t count)
{
    void *values = count > 0 ? xcalloc(count, wire_value_size(field)) : NULL;

    *(void **)wire_slot(field, message) = values;
    *wire_count(field, message) = count;
    return values;
}

static int read_list(struct reader *reader, const struct where *at, const struct wire_field *field,
                     const json_t *json, void *message)
{
    if (!json_is_array(json))
        return refuse(reader, at, "must be a list");

    size_t count = json_array_size(json);
    char *values = list_new(field, message, count);
    for (size_t i = 0; i < count; i++) {
        struct where here = { .up = at, .index = i };
        int rc = read_value(reader, &here, field, json_array_get(json, i),
                            values + i * wire_value_size(field));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_pairs(struct reader *reader, const struct where *at, const struct wire_field *field,
                      json_t *json, void *message)
{
    const char *key;
    json_t *value;

    if (!json_is_object(json))
        return refuse(reader, at, "must be an object of strings");

    struct sos_pair *pair = list_new(field, message, json_object_size(json));
    json_object_foreach(json, key, value)
    {
        struct where here = { .up = at, .key = key };
        int rc = read_string(reader, &here, value, true, &pair->value);
        if (rc < 0)
            return rc;
        pair->key = xstrdup(key);
        pair++;
    }
    return 0;
}

static int read_field(struct reader *reader, const struct where *at, const struct wire_field *field,
                      json_t *json, void *message)
{
    void *slot = wire_slot(field, message);

    if (json_is_null(json))
        return 0;
    if (field->kind == WIRE_PAIRS)
        return read_pairs(reader, at, field, json, message);
    if (field->repeated)
        return read_list(reader, at, field, json, message);
    if (field->kind == WIRE_MESSAGE)
        slot = *(void **)slot = xcalloc(1, field->type->size);
    return read_value(reader, at, field, json, slot);
}

/* Index of a field by either of its names; `count` when there is none. */
static size_t field_index(const struct wire_type *type, const char *name)
{
    size_t i = 0;

    while (i < type->count && strcmp(type->fields[i].json, name) != 0 &&
           strcmp(type->fields[i].proto, name) != 0)
        i++;
    return i;
}

static int read_message(struct reader *reader, const struct where *at, const struct wire_type *type,
                        const json_t *json, void *ret)
{
    json_t *object = (json_t *)json; /* jansson's iterators want it so */
    uint64_t seen = 0;
    const char *key;
    json_t *value;

    if (!json_is_object(json))
        return refuse(reader, at, "must be an object");

    json_object_foreach(object, key, value)
    {
        struct where here = { .up = at, .key = key };
        size_t i = field_index(type, key);

        if (i == type->count && reader->mode == WIRE_LENIENT)
            continue;
        if (i == type->count)
            return refuse_unknown(reader, &here, type);
        if (seen & UINT64_C(1) << i)
            return refuse(reader, &here, "told twice, also as \"%s\"",
                          strcmp(key, type->fields[i].json) == 0 ? type->fields[i].proto
                                                                 : type->fields[i].json);
        seen |= UINT64_C(1) << i;
        int rc = read_field(reader, &here, &type->fields[i], value, ret);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- the text --- */

/* Deepest nesting of a text, before anything recurses into it. */
static int depth_of(const char *json, size_t len)
{
    int depth = 0, deepest = 0;
    bool quoted = false;

    for (size_t i = 0; i < len && deepest <= DEPTH_MAX; i++) {
        if (json[i] == '"')
            quoted = !quoted;
        else if (quoted && json[i] == '\\')
            i++;
        else if (!quoted && (json[i] == '{' || json[i] == '['))
            depth++;
        else if (!quoted && (json[i] == '}' || json[i] == ']'))
            depth--;
        if (depth > deepest)
            deepest = depth;
    }
    return deepest;
}

static int read_text(struct reader *reader, const struct wire_type *type, const char *json,
                     size_t len, void *ret)
{
    static const struct where whole = { .up = NULL };
    json_error_t error;

    if (depth_of(json, len) > DEPTH_MAX)
        return refuse(reader, &whole, "nested deeper than %d", DEPTH_MAX);

    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return refuse(reader, &whole, "not JSON, line %d column %d: %s", error.line, error.column,
                      error.text);
    int rc = read_message(reader, &whole, type, root, ret);
    json_decref(root);
    return rc;
}

int wire_parse(const struct wire_type *type, const char *json, size_t len, enum wire_mode mode,
               void *ret, struct wire_fault *ret_fault, struct err *err)
{
    struct wire_fault fault = { .pointer = "" };
    struct reader reader = { .mode = mode, .fault = &fault };

    memset(ret, 0, type->size);
    if (read_text(&reader, type, json, len, ret) == 0)
        return 0;

    wire_done(type, ret);
    if (ret_fault)
        *ret_fault = fault;
    return err_set(err, ERR_INVALID, "%s%s%s", fault.pointer, fault.pointer[0] ? ": " : "",
                   fault.message);
}
