/* wire_table.h - the tables that describe a message to the codec of wire.h.
 *
 * Only the generated sos/v1.c and the codec need it.  A list is a pointer to its
 * values in a row and a count; a single message is a pointer to it, NULL when it
 * is absent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind {
    WIRE_STRING,   /* char * */
    WIRE_INT32,    /* int32_t */
    WIRE_INT64,    /* int64_t */
    WIRE_BOOL,     /* bool */
    WIRE_ENUM,     /* enum, of the size of an int */
    WIRE_MESSAGE,  /* struct */
    WIRE_PAIRS,    /* struct sos_pair; always a list */
    WIRE_TIME,     /* int64_t, milliseconds since 1970 */
    WIRE_DURATION, /* int64_t, milliseconds */
};

struct wire_enum {
    const char *name;
    const struct wire_enum_value {
        const char *name;
        int number; /* never negative */
    } * values;
    size_t count;
};

struct wire_field {
    const char *json;  /* "createTime": written, and read … */
    const char *proto; /* … and "create_time": read as well */
    enum wire_kind kind;
    bool repeated;
    size_t offset;
    size_t count_offset;           /* of lists */
    const struct wire_type *type;  /* of messages */
    const struct wire_enum *names; /* of enums */
};

enum { WIRE_FIELDS_MAX = 64 };

struct wire_type {
    const char *name;
    size_t size;
    const struct wire_field *fields;
    size_t count; /* at most WIRE_FIELDS_MAX */
};

static inline bool wire_is_list(const struct wire_field *field)
{
    return field->repeated || field->kind == WIRE_PAIRS;
}
/* Where a field's value, or the pointer to its values, is. */
static inline void *wire_slot(const struct wire_field *field, const void *message)
{
    return (char *)message + field->offset;
}
static inline size_t *wire_count(const struct wire_field *field, const void *message)
{
    return (size_t *)(void *)((char *)message + field->count_offset);
}
/* Bytes of one value in a list. */
size_t wire_value_size(const struct wire_field *field);
