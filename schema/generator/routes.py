"""sos/v1_routes.h and .c: the table of the service's methods."""
from . import c

HEADER = """/* v1_routes.h - every operation of sos-server; {note} */
#pragma once
#include "sos/v1.h"

enum sos_op {{
{ops}    SOS_OP_COUNT,
}};

struct sos_route {{
    const char *name;                  /* "CreateBuild" */
    const char *method;                /* "POST" */
    const char *path;                  /* "/v1/builds/{{build}}:cancel" */
    int status;                        /* of success */
    enum sos_role role;                /* least one; UNSPECIFIED: no token needed */
    const struct wire_type *request;   /* of a JSON body; NULL: none or not JSON */
    const struct wire_type *answer;
    const char *request_media;         /* type of the body; NULL: no body */
    const char *answer_media;
    const char *const *query;          /* names it knows; NULL-terminated, never NULL */
}};

/* By enum sos_op. */
extern const struct sos_route sos_routes[SOS_OP_COUNT];
"""


def header(model):
    ops = "".join(c.comment(r.comment, "    ") + f"    {r.op},\n" for r in model.routes)
    return HEADER.format(note=c.NOTE, ops=ops)


def source(model):
    rows = "".join(row(model, route) for route in model.routes)
    return (f"/* v1_routes.c - {c.NOTE} */\n"
            '#include "sos/v1_routes.h"\n\n'
            f"const struct sos_route sos_routes[SOS_OP_COUNT] = {{\n{rows}}};\n")


def text(value):
    return f'"{value}"' if value else "NULL"


def media(route):
    """Media types of the request's and the answer's bodies; "" for none."""
    request = route.rule.body or ("application/json" if route.request else "")
    answer = route.rule.answer or ("application/json" if route.answer else "")
    return request, answer


def type_pointer(model, name):
    return f"&{model.messages[name].c_name}_type" if name else "NULL"


def row(model, route):
    rule = route.rule
    request_media, answer_media = media(route)
    role = model.enums[".sos.v1.Role"].values[rule.role].c_name
    names = "".join(f'"{query.name}", ' for query in route.query)
    lines = [f".name = {text(route.name)}", f".method = {text(rule.method)}",
             f".path = {text(rule.path)}", f".status = {route.status}", f".role = {role}",
             f".request = {type_pointer(model, route.request)}",
             f".answer = {type_pointer(model, route.answer)}",
             f".request_media = {text(request_media)}", f".answer_media = {text(answer_media)}",
             f".query = (const char *const[]){{ {names}NULL }}"]
    body = "".join(f"        {line},\n" for line in lines)
    return f"    [{route.op}] = {{\n{body}    }},\n"
