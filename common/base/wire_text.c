/* wire_text.c - structs to ProtoJSON.
 *
 * Written straight into the text: an answer is often as long as its data, and a
 * tree of JSON values would double it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/buf.h"
#include "sos/base/clock.h"
#include "sos/base/utf8.h"
#include "sos/base/wire.h"
#include "sos/base/wire_table.h"

static void put_message(struct buf *out, const struct wire_type *type, const void *message);

/* --- values --- */

/* What stands for one character in a JSON string; NULL for itself. */
static const char *escape(uint32_t code, char room[8])
{
    switch (code) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (code >= 0x20)
        return NULL;
    snprintf(room, 8, "\\u%04x", (unsigned)code);
    return room;
}

/* Bytes that are no UTF-8 (a compiler's message may hold any) become U+FFFD: what we send is always
 * JSON. */
static void put_string(struct buf *out, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    size_t plain = 0; /* so much before `i` is still to be written */

    buf_add(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        char room[8];
        uint32_t code = 0;
        size_t size = utf8_next(text + i, len - i, &code);
        const char *instead = size == 0 ? "\xef\xbf\xbd" : escape(code, room);

        if (instead) {
            buf_add(out, text + i - plain, plain);
            buf_add_str(out, instead);
            plain = 0;
        } else {
            plain += size;
        }
        i += size > 0 ? size : 1;
    }
    if (plain > 0)
        buf_add(out, text + len - plain, plain);
    buf_add(out, "\"", 1);
}

static void put_enum(struct buf *out, const struct wire_enum *names, int value)
{
    const char *name = wire_enum_name(names, value);
    if (name)
        buf_printf(out, "\"%s\"", name);
    else
        buf_printf(out, "%d", value);
}

static void put_time(struct buf *out, int64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(wall_ms, text);
    buf_printf(out, "\"%s\"", text);
}

static void put_duration(struct buf *out, int64_t ms)
{
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    buf_printf(out, "\"%s%" PRIu64, ms < 0 ? "-" : "", size / 1000);
    if (size % 1000 > 0)
        buf_printf(out, ".%03" PRIu64, size % 1000);
    buf_add_str(out, "s\"");
}

static void put_value(struct buf *out, const struct wire_field *field, const void *slot)
{
    const struct sos_pair *pair = slot;

    switch (field->kind) {
    case WIRE_STRING:
        put_string(out, *(char *const *)slot);
        break;
    case WIRE_INT32:
        buf_printf(out, "%" PRId32, *(const int32_t *)slot);
        break;
    case WIRE_INT64:
        buf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)slot);
        break;
    case WIRE_BOOL:
        buf_add_str(out, *(const bool *)slot ? "true" : "false");
        break;
    case WIRE_ENUM:
        put_enum(out, field->names, *(const int *)slot);
        break;
    case WIRE_MESSAGE:
        put_message(out, field->type, slot);
        break;
    case WIRE_PAIRS:
        put_string(out, pair->key);
        buf_add(out, ":", 1);
        put_string(out, pair->value);
        break;
    case WIRE_TIME:
        put_time(out, *(const int64_t *)slot);
        break;
    case WIRE_DURATION:
        put_duration(out, *(const int64_t *)slot);
        break;
    }
}

/* --- messages --- */

static bool is_absent(const struct wire_field *field, const void *message)
{
    const void *slot = wire_slot(field, message);

    if (wire_is_list(field))
        return *wire_count(field, message) == 0;

    switch (field->kind) {
    case WIRE_STRING:
        return !*(char *const *)slot || **(char *const *)slot == '\0';
    case WIRE_MESSAGE:
        return !*(void *const *)slot;
    case WIRE_BOOL:
        return !*(const bool *)slot;
    case WIRE_INT32:
        return *(const int32_t *)slot == 0;
    case WIRE_ENUM:
        return *(const int *)slot == 0;
    default:
        return *(const int64_t *)slot == 0;
    }
}

static void put_list(struct buf *out, const struct wire_field *field, const void *message)
{
    const char *values = *(char *const *)wire_slot(field, message);
    size_t count = *wire_count(field, message);

    buf_add_str(out, field->kind == WIRE_PAIRS ? "{" : "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(out, ",", 1);
        put_value(out, field, values + i * wire_value_size(field));
    }
    buf_add_str(out, field->kind == WIRE_PAIRS ? "}" : "]");
}

static void put_message(struct buf *out, const struct wire_type *type, const void *message)
{
    bool first = true;

    buf_add(out, "{", 1);
    for (size_t i = 0; i < type->count; i++) {
        const struct wire_field *field = &type->fields[i];
        const void *slot = wire_slot(field, message);

        if (is_absent(field, message))
            continue;
        buf_add_str(out, first ? "\"" : ",\"");
        buf_add_str(out, field->json);
        buf_add_str(out, "\":");
        first = false;
        if (wire_is_list(field))
            put_list(out, field, message);
        else
            put_value(out, field, field->kind == WIRE_MESSAGE ? *(void *const *)slot : slot);
    }
    buf_add(out, "}", 1);
}

char *wire_text(const struct wire_type *type, const void *message, size_t *ret_len)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    put_message(&out, type, message);
    if (ret_len)
        *ret_len = out.len;
    return buf_take(&out);
}
