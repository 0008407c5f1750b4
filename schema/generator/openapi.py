"""openapi.json: the surface of sos-server as OpenAPI 3.1, and the same bytes for C."""
import json
from http import HTTPStatus

from . import c, routes

PROBLEM = ".sos.v1.Problem"
DURATION = r"^-?[0-9]+(\.[0-9]{1,9})?s$"
SCALARS = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    "bool": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "duration": {"type": "string", "pattern": DURATION},
    "pairs": {"type": "object", "additionalProperties": {"type": "string"}},
}
DESCRIPTION = ("The HTTP surface of sos-server, a remote build farm. JSON is ProtoJSON: int64 is a "
               "decimal string, a field at its zero value is left out, an unknown field of a "
               "request is refused. Problems are RFC 9457.")


def text(model, version):
    return json.dumps(document(model, version), indent=1) + "\n"


def document(model, version):
    paths = {}
    for route in model.routes:
        paths.setdefault(route.rule.path, {})[route.rule.method.lower()] = operation(model, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SOS", "version": version, "description": DESCRIPTION,
                 "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(model),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


# --- routes ---

def operation(model, route):
    made = {"operationId": route.name[0].lower() + route.name[1:]}
    if route.comment:
        made["description"] = route.comment
    if route.rule.role:
        role = model.enums[".sos.v1.Role"].values[route.rule.role].name
        told = f"For workers only ({role})." if role == "WORKER" else f"Least role: {role}."
        made["description"] = (made.get("description", "") + " " + told).strip()
    else:
        made["security"] = []
    if parameters(route):
        made["parameters"] = parameters(route)
    if routes.media(route)[0]:
        made["requestBody"] = {"required": True, "content": content(
            model, routes.media(route)[0], route.request)}
    made["responses"] = responses(model, route)
    return made


def parameters(route):
    made = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in route.params]
    made += [{"name": query.name, "in": "query", "schema": SCALARS[query.kind]}
             for query in route.query]
    made += [{"name": name, "in": "header", "schema": {"type": "string"}}
             for name in route.rule.headers]
    return made


def content(model, media, message):
    if message:
        return {media: {"schema": reference(model.messages[message].name)}}
    return {media: {"schema": {} if media == "application/json" else {"type": "string"}}}


def responses(model, route):
    made = {str(route.status): {"description": HTTPStatus(route.status).phrase}}
    media = routes.media(route)[1]
    if media:
        made[str(route.status)]["content"] = content(model, media, route.answer)
    if "Range" in route.rule.headers:
        made["206"] = {"description": HTTPStatus(206).phrase,
                       "content": content(model, media, route.answer)}
    for status in route.rule.bare:
        made[str(status)] = {"description": HTTPStatus(status).phrase}
    for status in route.rule.problems:
        made[str(status)] = problem(model, HTTPStatus(status).phrase)
    made["default"] = problem(model, "Any other problem")
    return made


def problem(model, description):
    return {"description": description,
            "content": content(model, "application/problem+json", PROBLEM)}


# --- schemas ---

def reference(name):
    return {"$ref": "#/components/schemas/" + name}


def schemas(model):
    closed = request_messages(model)
    made = {enum.name: enum_schema(enum) for enum in model.enums.values()}
    for full, message in model.messages.items():
        made[message.name] = message_schema(model, message, full in closed)
    return dict(sorted(made.items()))


def request_messages(model):
    """Full names of the messages that travel in requests: unknown fields are refused there."""
    found, waiting = set(), [route.request for route in model.routes if route.request]
    while waiting:
        full = waiting.pop()
        if full not in found:
            found.add(full)
            waiting += [f.target for f in model.messages[full].fields if f.kind == "message"]
    return found


def enum_schema(enum):
    made = {"type": "string", "enum": [value.name for value in enum.values]}
    told = [f"{v.name}: {v.comment}" for v in enum.values if v.comment]
    description = "\n".join(([enum.comment] if enum.comment else []) + told)
    return {"description": description, **made} if description else made


def message_schema(model, message, closed):
    made = {"type": "object"}
    if message.comment:
        made["description"] = message.comment
    made["properties"] = {field.json: field_schema(model, field) for field in message.fields}
    if closed:
        made["additionalProperties"] = False
    return made


def field_schema(model, field):
    if field.kind == "message":
        made = reference(model.messages[field.target].name)
    elif field.kind == "enum":
        made = reference(model.enums[field.target].name)
    else:
        made = dict(SCALARS[field.kind])
    if field.repeated:
        made = {"type": "array", "items": made}
    if field.comment:
        made["description"] = field.comment
    return made


# --- C ---

def header():
    return (f"/* v1_openapi.h - the OpenAPI document, for GET /v1/openapi.json; {c.NOTE} */\n"
            "#pragma once\n#include <stddef.h>\n\n"
            "extern const char sos_openapi[];   /* JSON, NUL-terminated */\n"
            "extern const size_t sos_openapi_len;\n")


def source(document_text):
    data = document_text.encode("ascii") + b"\0"
    rows = "".join("    " + " ".join(f"{byte}," for byte in data[i:i + 20]) + "\n"
                   for i in range(0, len(data), 20))
    return (f"/* v1_openapi.c - {c.NOTE} */\n"
            '#include "sos/v1_openapi.h"\n\n'
            f"const char sos_openapi[] = {{\n{rows}}};\n"
            "const size_t sos_openapi_len = sizeof(sos_openapi) - 1;\n")
