/* wire.h - ProtoJSON of the generated structs (sos/v1.h), by their tables.
 *
 * Source: the ProtoJSON mapping of protobuf.dev: lowerCamelCase names, int64 as
 * decimal strings, enums by name, RFC 3339 times, durations "3.5s".  Fields at
 * their zero value are left out.  How .proto becomes C:
 *
 *   message Build           struct sos_build; sos_build_type is its table
 *   enum Build.State        enum sos_build_state; SOS_BUILD_STATE_QUEUED;
 *                           sos_build_state_enum is its table
 *   enum Role               enum sos_role; SOS_ROLE_ADMIN, SOS_ROLE_UNSPECIFIED
 *   string x                char *x (NULL: empty), owned by the struct
 *   int32/int64/bool x      int32_t/int64_t/bool x
 *   message X x             struct sos_x *x (NULL: absent), owned
 *   repeated X xs           struct sos_x *xs; size_t xs_count   (by value; strings char **)
 *   map<string, string> m   struct sos_pair *m; size_t m_count  (.key, .value)
 *   Timestamp create_time   int64_t create_time_ms, wall clock; 0 is absent
 *   Duration timeout        int64_t timeout_ms; 0 is absent
 *   bool default            bool default_   (what is a word of C)
 *
 * and for each message, inline:  sos_x_parse() strict, for requests;
 * sos_x_read() ignores unknown fields, for answers; sos_x_text(); sos_x_done();
 * sos_x_copy(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sos/base/err.h"

struct wire_type;

struct sos_pair {
    char *key;
    char *value;
};

/* Where a text was not what it must be. */
struct wire_fault {
    char pointer[200]; /* JSON pointer, RFC 6901 */
    char message[160];
};

/* LENIENT passes over unknown fields and reads an unknown value of an enum as UNSPECIFIED: it is
 * of a newer version.  All else is refused by both. */
enum wire_mode { WIRE_STRICT, WIRE_LENIENT };

/* Fill *ret (any content is overwritten) from JSON; on success the caller owns what it points to
 * and frees it with wire_done().  On failure nothing is owned; -ERR_INVALID, with the fault when
 * `ret_fault` is given.  Depth at most 32; duplicate keys, numbers out of range, NUL bytes and bad
 * UTF-8 are refused. */
int wire_parse(const struct wire_type *type, const char *json, size_t len, enum wire_mode mode,
               void *ret, struct wire_fault *ret_fault, struct err *err);
/* Gives the JSON text (free with free()).  It is JSON whatever the strings hold: bytes that are no
 * UTF-8 become U+FFFD.  `ret_len` may be NULL. */
char *wire_text(const struct wire_type *type, const void *message, size_t *ret_len);
void wire_done(const struct wire_type *type, void *message); /* leaves it all zero */
void wire_copy(const struct wire_type *type, void *ret, const void *message);
/* Name of an enum's value ("QUEUED"), NULL when it has none; and back (-1). */
struct wire_enum;
const char *wire_enum_name(const struct wire_enum *type, int value);
int wire_enum_value(const struct wire_enum *type, const char *name);
