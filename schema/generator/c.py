"""sos/v1.h and sos/v1.c: structs, enums and the tables of the ProtoJSON codec."""

# kind -> (C type of one value, name of the kind in wire_table.h)
KINDS = {
    "string": ("char *", "WIRE_STRING"),
    "int32": ("int32_t ", "WIRE_INT32"),
    "int64": ("int64_t ", "WIRE_INT64"),
    "bool": ("bool ", "WIRE_BOOL"),
    "enum": (None, "WIRE_ENUM"),
    "message": (None, "WIRE_MESSAGE"),
    "pairs": ("struct sos_pair ", "WIRE_PAIRS"),
    "time": ("int64_t ", "WIRE_TIME"),
    "duration": ("int64_t ", "WIRE_DURATION"),
}

NOTE = "made from schema/sos/v1 by schema/generate.py; never edited."

HELPERS = """
static inline int {c}_parse(const char *json, size_t len, struct {c} *ret,
                            struct wire_fault *ret_fault, struct err *err)
{{
    return wire_parse(&{c}_type, json, len, WIRE_STRICT, ret, ret_fault, err);
}}
static inline int {c}_read(const char *json, size_t len, struct {c} *ret, struct err *err)
{{
    return wire_parse(&{c}_type, json, len, WIRE_LENIENT, ret, NULL, err);
}}
static inline char *{c}_text(const struct {c} *message, size_t *ret_len)
{{
    return wire_text(&{c}_type, message, ret_len);
}}
static inline void {c}_done(struct {c} *message)
{{
    wire_done(&{c}_type, message);
}}
static inline void {c}_copy(struct {c} *ret, const struct {c} *message)
{{
    wire_copy(&{c}_type, ret, message);
}}
"""


def comment(text, indent=""):
    """A comment of its own lines, or nothing."""
    if not text:
        return ""
    words, lines, line = text.replace("*/", "* /").split(), [], ""
    for word in words:
        if line and len(indent) + len(line) + len(word) > 92:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    lines.append(line)
    return indent + "/* " + f"\n{indent} * ".join(lines) + " */\n"


def header(model):
    parts = [f"/* v1.h - the data model in C; {NOTE}\n"
             " * How .proto becomes C: sos/base/wire.h. */\n"
             '#pragma once\n#include "sos/base/wire.h"\n']
    parts += [enum_declaration(enum) for enum in model.enums.values()]
    parts += ["\n"] + [f"struct {m.c_name};\n" for m in model.messages.values()]
    parts += [struct_declaration(model, m) for m in model.messages.values()]
    parts += ["\n"] + [f"extern const struct wire_enum {e.c_name}_enum;\n"
                       for e in model.enums.values()]
    parts += ["\n"] + [f"extern const struct wire_type {m.c_name}_type;\n"
                       for m in model.messages.values()]
    parts += ["\n/* Every message's table; NULL-terminated. */\n"
              "extern const struct wire_type *const sos_types[];\n"]
    parts += [HELPERS.format(c=m.c_name) for m in model.messages.values()]
    return "".join(parts)


def enum_declaration(enum):
    lines = "".join(comment(v.comment, "    ") + f"    {v.c_name} = {v.number},\n"
                    for v in enum.values)
    return f"\n{comment(enum.comment)}enum {enum.c_name} {{\n{lines}}};\n"


def struct_declaration(model, message):
    lines = "".join(comment(f.comment, "    ") + field_declaration(model, f)
                    for f in message.fields)
    return f"\n{comment(message.comment)}struct {message.c_name} {{\n{lines}}};\n"


def value_type(model, field):
    """C type of one value, with what stands before the name."""
    if field.kind == "enum":
        return f"enum {model.enums[field.target].c_name} "
    if field.kind == "message":
        return f"struct {model.messages[field.target].c_name} "
    return KINDS[field.kind][0]


def is_list(field):
    return field.repeated or field.kind == "pairs"


def field_declaration(model, field):
    pointer = "*" if is_list(field) or field.kind == "message" else ""
    line = f"    {value_type(model, field)}{pointer}{field.c_name};\n"
    if is_list(field):
        line += f"    size_t {field.c_name}_count;\n"
    return line


def source(model):
    parts = [f"/* v1.c - the codec's tables; {NOTE} */\n"
             '#include "sos/v1.h"\n\n#include "sos/base/wire_table.h"\n']
    parts += [enum_table(enum) for enum in model.enums.values()]
    parts += [message_table(model, message) for message in model.messages.values()]
    parts += ["\nconst struct wire_type *const sos_types[] = {\n"]
    parts += [f"    &{m.c_name}_type,\n" for m in model.messages.values()]
    parts += ["    NULL,\n};\n"]
    return "".join(parts)


def enum_table(enum):
    rows = "".join(f'    {{ "{v.name}", {v.c_name} }},\n' for v in enum.values)
    return (f"\nstatic const struct wire_enum_value {enum.c_name}_values[] = {{\n{rows}}};\n"
            f"const struct wire_enum {enum.c_name}_enum = {{\n"
            f'    .name = "{enum.name}",\n    .values = {enum.c_name}_values,\n'
            f"    .count = {len(enum.values)},\n}};\n")


def message_table(model, message):
    rows = "".join(field_row(model, message, field) for field in message.fields)
    c = message.c_name
    fields = f"\nstatic const struct wire_field {c}_fields[] = {{\n{rows}}};\n" if rows else "\n"
    return (f"{fields}const struct wire_type {c}_type = {{\n"
            f'    .name = "{message.name}",\n    .size = sizeof(struct {c}),\n'
            f"    .fields = {c + '_fields' if rows else 'NULL'},\n"
            f"    .count = {len(message.fields)},\n}};\n")


def field_row(model, message, field):
    c = message.c_name
    row = [f'.json = "{field.json}"', f'.proto = "{field.name}"',
           f".kind = {KINDS[field.kind][1]}",
           f".offset = offsetof(struct {c}, {field.c_name})"]
    if field.repeated:
        row.append(".repeated = true")
    if is_list(field):
        row.append(f".count_offset = offsetof(struct {c}, {field.c_name}_count)")
    if field.kind == "message":
        row.append(f".type = &{model.messages[field.target].c_name}_type")
    if field.kind == "enum":
        row.append(f".names = &{model.enums[field.target].c_name}_enum")
    return "    { " + ",\n      ".join(row) + " },\n"
