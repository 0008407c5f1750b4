#include "sos/base/wire.h"

#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/wire_table.h"

size_t wire_value_size(const struct wire_field *field)
{
    switch (field->kind) {
    case WIRE_STRING:
        return sizeof(char *);
    case WIRE_INT32:
        return sizeof(int32_t);
    case WIRE_BOOL:
        return sizeof(bool);
    case WIRE_ENUM:
        return sizeof(int);
    case WIRE_MESSAGE:
        return field->type->size;
    case WIRE_PAIRS:
        return sizeof(struct sos_pair);
    case WIRE_INT64:
    case WIRE_TIME:
    case WIRE_DURATION:
        break;
    }
    return sizeof(int64_t);
}

/* --- freeing --- */

static void value_done(const struct wire_field *field, void *slot)
{
    struct sos_pair *pair = slot;

    switch (field->kind) {
    case WIRE_STRING:
        free(*(char **)slot);
        break;
    case WIRE_MESSAGE:
        wire_done(field->type, slot);
        break;
    case WIRE_PAIRS:
        free(pair->key);
        free(pair->value);
        break;
    default:
        break;
    }
}

static void list_done(const struct wire_field *field, void *message)
{
    char *values = *(char **)wire_slot(field, message);
    size_t count = *wire_count(field, message);

    for (size_t i = 0; i < count; i++)
        value_done(field, values + i * wire_value_size(field));
    free(values);
}

void wire_done(const struct wire_type *type, void *message)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct wire_field *field = &type->fields[i];
        void *slot = wire_slot(field, message);

        if (wire_is_list(field)) {
            list_done(field, message);
        } else if (field->kind != WIRE_MESSAGE) {
            value_done(field, slot);
        } else if (*(void **)slot) {
            wire_done(field->type, *(void **)slot);
            free(*(void **)slot);
        }
    }
    memset(message, 0, type->size);
}

/* --- copying --- */

static void value_copy(const struct wire_field *field, void *ret, const void *slot)
{
    const struct sos_pair *pair = slot;

    switch (field->kind) {
    case WIRE_STRING:
        *(char **)ret = xstrdup(*(char *const *)slot);
        break;
    case WIRE_MESSAGE:
        wire_copy(field->type, ret, slot);
        break;
    case WIRE_PAIRS:
        *(struct sos_pair *)ret = (struct sos_pair){ xstrdup(pair->key), xstrdup(pair->value) };
        break;
    default:
        memcpy(ret, slot, wire_value_size(field));
        break;
    }
}

static void list_copy(const struct wire_field *field, void *ret, const void *message)
{
    size_t count = *wire_count(field, message);
    size_t size = wire_value_size(field);
    const char *from = *(char *const *)wire_slot(field, message);
    char *to = count > 0 ? xcalloc(count, size) : NULL;

    for (size_t i = 0; i < count; i++)
        value_copy(field, to + i * size, from + i * size);
    *(char **)wire_slot(field, ret) = to;
    *wire_count(field, ret) = count;
}

void wire_copy(const struct wire_type *type, void *ret, const void *message)
{
    memset(ret, 0, type->size);
    for (size_t i = 0; i < type->count; i++) {
        const struct wire_field *field = &type->fields[i];
        void *to = wire_slot(field, ret);
        const void *from = wire_slot(field, message);

        if (wire_is_list(field)) {
            list_copy(field, ret, message);
        } else if (field->kind != WIRE_MESSAGE) {
            value_copy(field, to, from);
        } else if (*(void *const *)from) {
            *(void **)to = xcalloc(1, field->type->size);
            wire_copy(field->type, *(void **)to, *(void *const *)from);
        }
    }
}

/* --- enums --- */

const char *wire_enum_name(const struct wire_enum *type, int value)
{
    for (size_t i = 0; i < type->count; i++)
        if (type->values[i].number == value)
            return type->values[i].name;
    return NULL;
}

int wire_enum_value(const struct wire_enum *type, const char *name)
{
    for (size_t i = 0; i < type->count; i++)
        if (strcmp(type->values[i].name, name) == 0)
            return type->values[i].number;
    return -1;
}
